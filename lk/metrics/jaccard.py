"""How much two vectors of interactions have in common, with signs and sizes."""

import torch
from torch import Tensor

from lk.interactions import by_order


def signed_jaccard(a: Tensor, b: Tensor) -> Tensor:
    r"""Weighted Jaccard similarity of the effects of each order; effects of opposite sign share nothing.

    .. math::

        \frac{\sum_S \min(a_S^+, b_S^+) + \min(a_S^-, b_S^-)}{\sum_S \max(a_S^+, b_S^+) + \max(a_S^-, b_S^-)}, \quad
        z^+ = \max(z, 0), \; z^- = \max(-z, 0)

    Source: `get_overlap` in the code of Li and Zhang, ICML 2023; per order, between class means on training and test
    samples, on the project page of arXiv 2405.10262 and 2407.19198.

    Args:
        a: Effects of one kind, `(2**n, ...)`; the empty coalition is ignored.
        b: Effects to compare with, same shape, same players.

    Returns:
        Shape `(n + 1, ...)`, between 0 (nothing shared) and 1 (equal); NaN where both have no effect of the order.

    Example:
        >>> signed_jaccard(torch.tensor([0.0, 2.0, -1.0, 0.0]), torch.tensor([0.0, 1.0, 1.0, 0.0])).tolist()
        [nan, 0.25, nan]
    """
    parts = [torch.stack([x.clamp(min=0), (-x).clamp(min=0)]) for x in (a, b)]
    both, either = torch.minimum(*parts).sum(0), torch.maximum(*parts).sum(0)
    both[0] = either[0] = 0
    total = by_order(either)
    return by_order(both) / total.where(total > 0, torch.nan)
