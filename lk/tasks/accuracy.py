"""The accuracy of the worst of several networks that are trained at once."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class LeastAccuracy(Metric):
    """The smallest accuracy over the seeds; counts are summed over batches and ranks.

    Args:
        seeds: Number of networks.

    Example:
        >>> metric = LeastAccuracy(2)
        >>> metric.update(torch.tensor([[[2.0, 1.0], [0.0, 1.0]], [[2.0, 1.0], [1.0, 0.0]]]), torch.tensor([0, 1]))
        >>> metric.compute()
        tensor(0.5000)
    """

    full_state_update = False
    higher_is_better = True
    correct: Tensor
    total: Tensor

    def __init__(self, seeds: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.add_state("correct", torch.zeros(seeds, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, logits: Tensor, y: Tensor) -> None:
        """Count a batch.

        Args:
            logits: Shape `(seeds, batch, classes)`.
            y: Labels, shape `(batch,)`.
        """
        self.correct += (logits.argmax(-1) == y).sum(1)
        self.total += len(y)

    def compute(self) -> Tensor:
        """Least share of right answers."""
        return self.correct.min() / self.total
