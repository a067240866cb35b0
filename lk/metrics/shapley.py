"""Shapley values from interactions (Cheng et al., ICML 2024, App. B)."""

import torch
from torch import Tensor

from lk.interactions.transforms import orders


def shapley_values(and_: Tensor, or_: Tensor) -> Tensor:
    """Shapley values of v - delta: every effect is divided equally among its players.

    phi(i) = sum over S containing i of (I_and(S) + I_or(S)) / |S|.

    Args:
        and_: AND effects, `(2**n, ...)`.
        or_: OR effects, same shape.

    Returns:
        Shape `(n, ...)`, in the unit of the score; they sum to (v - delta)(N) - v(empty).

    Example:
        >>> shapley_values(torch.tensor([0.0, 1.0, 0.0, 4.0]), torch.zeros(4)).tolist()
        [3.0, 2.0]
    """
    n = len(and_).bit_length() - 1
    size = orders(n).to(and_.device).clamp(min=1).reshape(-1, *[1] * (and_.ndim - 1))
    share = (and_ + or_) / size
    coalitions = torch.arange(2**n, device=and_.device)
    return torch.stack([share[(coalitions >> i) & 1 == 1].sum(0) for i in range(n)])
