"""How far two networks agree on which interactions are salient (Cheng et al., ICML 2024, Eq. 9)."""

from typing import NamedTuple

import torch
from torch import Tensor

from lk.interactions import by_order
from lk.interactions.transforms import orders


class Agreement(NamedTuple):
    """Intersection over union per order, and what chance gives, each of shape `(n + 1, ...)`; NaN where both sets are empty."""

    iou: Tensor
    chance: Tensor


def agreement(a: Tensor, b: Tensor) -> Agreement:
    """Compare two sets of salient interactions, order by order; sign and size of the effects are ignored.

    IoU = |A and B| / |A or B|. Two sets of a and b members drawn at random among C candidates share a b / C on average; chance is the
    IoU of that overlap, (a b / C) / (a + b - a b / C).

    Args:
        a: Which interactions of one kind are salient, `(2**n, ...)` booleans; the empty coalition is ignored.
        b: The same of the other network, on the same samples and players.

    Example:
        >>> a, b = torch.tensor([False, True, True, False]), torch.tensor([False, True, False, False])
        >>> found = agreement(a, b)
        >>> float(found.iou[1]), float(found.chance[1])
        (0.5, 0.5)
    """
    a, b = a.clone(), b.clone()
    a[0] = b[0] = False
    n = len(a).bit_length() - 1
    candidates = torch.bincount(orders(n), minlength=n + 1).reshape(-1, *[1] * (a.ndim - 1))
    both, either, size_a, size_b = (by_order(x.double()) for x in (a & b, a | b, a, b))
    expected = size_a * size_b / candidates
    nothing = torch.full_like(either, torch.nan)
    return Agreement(
        torch.where(either > 0, both / either, nothing), torch.where(either > 0, expected / (size_a + size_b - expected), nothing)
    )
