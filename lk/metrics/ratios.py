"""Completeness and redundancy: ratios of strengths averaged over samples (Cheng et al., ICML 2024, after Eq. 8).

The strengths (overlapping, forgotten, newly emerged: Eq. 7) are those of `lk.metrics.comparison`.
"""

import torch
from torch import Tensor


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Ratio of the means over the last axis (samples); NaN where the denominator's mean is 0.

    Example:
        >>> ratio(torch.tensor([1.0, 3.0]), torch.tensor([4.0, 4.0]))
        tensor(0.5000)
    """
    below = denominator.mean(-1)
    return numerator.mean(-1) / below.where(below != 0, torch.nan)


def completeness(overlap: Tensor, all_reference: Tensor) -> Tensor:
    """Share of the reference's strength that is already there: mean overlap / mean all(L), within 0 and 1."""
    return ratio(overlap, all_reference)


def redundancy(forgotten: Tensor, all_: Tensor) -> Tensor:
    """Share of a layer's strength that the reference lacks: mean forgotten / mean all(l), within 0 and 1."""
    return ratio(forgotten, all_)
