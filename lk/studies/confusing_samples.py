"""Confusing samples: those on which strong interactions of high order cancel each other.

After arXiv 2502.08625, whose own rule is not public; this rule is ours.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from lk.transforms import orders

QUANTILE = 0.9  # of the samples that are classified correctly


class Confusion(NamedTuple):
    """Per sample, each `(samples,)`.

    Attributes:
        cancellation: 1 - |sum of the salient effects of high order| / sum of their strengths; 0 where there are none.
        high: Share of high orders in the salient strength.
        flagged: Both lie above the 90th percentile of the samples that are classified correctly.
    """

    cancellation: Tensor
    high: Tensor
    flagged: Tensor


def confusion(effects: Tensor, chosen: Tensor, correct: Tensor) -> Confusion:
    """Flag the confusing samples of one layer; high is an order of at least n/2.

    Args:
        effects: AND and OR effects `(2, 2**n, samples)`.
        chosen: Which are salient.
        correct: Which samples the network classifies correctly.

    Example:
        >>> effects = torch.zeros(2, 4, 1)
        >>> effects[0, 3], effects[1, 3], effects[0, 1] = 1.0, -1.0, 2.0
        >>> found = confusion(effects[:, :, [0]], effects != 0, torch.ones(1, dtype=torch.bool))
        >>> found.cancellation.item(), found.high.item()  # n = 2: every order is high
        (0.5, 1.0)
    """
    n = effects.shape[1].bit_length() - 1
    salient = effects.double() * chosen
    salient[:, 0] = 0
    high = salient * (2 * orders(n) >= n)[:, None]
    strength, whole = high.abs().sum((0, 1)), salient.abs().sum((0, 1))
    cancelled = 1 - high.sum((0, 1)).abs() / strength.where(strength > 0, 1.0)
    cancelled = torch.where(strength > 0, cancelled, 0.0)
    share = strength / whole.where(whole > 0, 1.0)
    known = correct if bool(correct.any()) else torch.ones_like(correct)
    flagged = torch.stack([x > torch.quantile(x[known], QUANTILE) for x in (cancelled, share)]).all(0)
    return Confusion(cancelled, share, flagged)


def chance_overlap(first: Tensor, second: Tensor) -> tuple[int, float, float]:
    """Samples that two networks both flag, how many chance gives, and the p value of so many or more.

    Hypergeometric: each set keeps its size.

    Example:
        >>> a = torch.tensor([True, True, False, False])
        >>> chance_overlap(a, a)[:2]
        (2, 1.0)
    """
    from scipy.stats import hypergeom  # takes seconds to import

    both, size, other = int((first & second).sum()), int(first.sum()), int(second.sum())
    p = float(hypergeom.sf(both - 1, len(first), size, other)) if size and other else 1.0
    return both, size * other / len(first), p
