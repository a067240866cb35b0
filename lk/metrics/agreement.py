"""How far two networks agree on which interactions are salient (Cheng et al., ICML 2024, Eq. 9)."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lk.interactions import by_order
from lk.transforms import orders


class Agreement(NamedTuple):
    """Intersection over union per order, and what chance gives, each of shape `(n + 1, ...)`.

    NaN where both sets are empty.
    """

    iou: Tensor
    chance: Tensor


def agreement(a: Tensor, b: Tensor) -> Agreement:
    """Compare two sets of salient interactions, order by order; sign and size of the effects are ignored.

    IoU = |A and B| / |A or B|. Two sets of a and b members drawn at random among C candidates share x members with
    hypergeometric probability; chance is the mean of x / (a + b - x). The IoU of the mean overlap a b / C would be too
    low, as IoU is convex in x.

    Args:
        a: Which interactions of one kind are salient, `(2**n, ...)` booleans; the empty coalition is ignored.
        b: The same of the other network, on the same samples and players.

    Example:
        >>> a, b = torch.tensor([False, True, False, False]), torch.tensor([False, True, False, False])
        >>> found = agreement(a, b)
        >>> float(found.iou[1]), round(float(found.chance[1]), 6)
        (1.0, 0.5)
    """
    a, b = a.clone(), b.clone()
    a[0] = b[0] = False
    n = len(a).bit_length() - 1
    candidates = torch.bincount(orders(n), minlength=n + 1).tolist()
    both, either, size_a, size_b = (by_order(x.double()) for x in (a & b, a | b, a, b))
    chance = torch.stack([expected(size_a[m], size_b[m], candidates[m]) for m in range(n + 1)])
    return Agreement(torch.where(either > 0, both / either, torch.nan), torch.where(either > 0, chance, torch.nan))


def expected(a: Tensor, b: Tensor, candidates: int) -> Tensor:
    """Mean intersection over union of two random sets of `a` and `b` members among so many candidates.

    0 where both are empty.
    """
    from scipy.stats import hypergeom  # takes seconds to import

    sizes, places = np.unique(np.stack([a.numpy().ravel(), b.numpy().ravel()]).astype(int), axis=1, return_inverse=True)
    some, others = sizes[:, :, None]
    shared = np.arange(int(sizes.min(0).max(initial=0)) + 1)
    # Where more is shared than a set holds, the probability is 0, whatever the ratio.
    ratio = shared / np.maximum(some + others - shared, 1)
    means = (hypergeom.pmf(shared, candidates, some, others) * ratio).sum(1)
    return torch.from_numpy(means[places.reshape(-1)]).reshape(a.shape)
