"""Constant fillings: the training mean and zero."""

import torch
from torch import Tensor

from lk.games.maskers.masker import Masker


class Mean(Masker):
    """The mean of each input variable over the training set (the paper's baseline, footnote 4)."""

    def fill(self, x: Tensor, baseline: Tensor) -> Tensor:
        """The baseline for every sample."""
        return baseline.to(x).expand_as(x)


class Zero(Masker):
    """Zeros."""

    def fill(self, x: Tensor, baseline: Tensor) -> Tensor:
        """Zeros for every sample."""
        return torch.zeros_like(x)
