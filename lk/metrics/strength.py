"""Strength of interactions per order, and their number."""

import numpy as np
from torch import Tensor

from lk.interactions.interactions import by_order
from lk.metrics.intervals import Array


def strength(effects: Tensor, chosen: Tensor | None = None, sign: int = 0) -> Tensor:
    """Summed strength of each order: sum over |S| = m of |I(S)|.

    Cheng et al. 2024, Eq. 6, before the average over samples.

    Args:
        effects: Effects of one kind, `(2**n, ...)`; the empty coalition is ignored.
        chosen: Which coalitions count, same shape; default all.
        sign: +1 counts positive effects only, -1 negative ones only, 0 both.

    Returns:
        Shape `(n + 1, ...)`, in the unit of the effects, never negative.

    Example:
        >>> import torch
        >>> strength(torch.tensor([9.0, 1.0, -2.0, 0.5])).tolist()
        [0.0, 3.0, 0.5]
    """
    if sign not in (-1, 0, 1):
        raise ValueError(
            f"expected sign in [1, -1, 0], got sign={sign}. Use 1 for positive effects, -1 for negative ones, 0 for "
            "both."
        )
    size = {0: effects.abs(), 1: effects.clamp(min=0), -1: (-effects).clamp(min=0)}[sign].clone()
    size[0] = 0
    return by_order(size if chosen is None else size * chosen)


def count(chosen: Tensor) -> Tensor:
    """Number of chosen interactions of each order, `(n + 1, ...)`.

    The empty coalition is ignored (paper, Sect. 4: 21.8 and 45.6).
    """
    chosen = chosen.clone()
    chosen[0] = False
    return by_order(chosen.long())


def with_totals(x: Array) -> Array:
    """`(rows, kinds, orders, layers)` with both kinds together appended, and all orders together put at order 0."""
    x = np.concatenate([x, x.sum(1, keepdims=True)], 1)
    x[:, :, 0] = x[:, :, 1:].sum(2)
    return x
