"""Training batches whose order is a function of (seed, epoch), from any place inside an epoch."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

Labelled = Dataset[tuple[Tensor, Tensor]]


class Order(DistributedSampler[int]):
    """Shuffled indices of one epoch for one device; `start` leaves out the first of the next epoch that is drawn."""

    start = 0

    def __iter__(self) -> Iterator[int]:
        indices = list(super().__iter__())
        start, self.start = self.start, 0
        return iter(indices[start:])


class Batches(DataLoader[tuple[Tensor, Tensor]]):
    """Shuffled training batches for one device.

    The iterator begins to work when its first batch is asked for: Lightning makes it before it sets the epoch, and workers that start at
    once would load the order of epoch 0 in a resumed run.

    Args:
        data: The training split.
        batch_size: Samples per batch.
        seed: Decides the order, with the epoch.
        replicas: Number of devices.
        rank: Number of this device.
        collate: How samples are joined.
        num_workers: Processes that load batches.

    Example:
        >>> numbers = torch.utils.data.TensorDataset(torch.arange(6.0), torch.zeros(6))
        >>> batches = Batches(numbers, batch_size=2, seed=0)
        >>> whole = [x.tolist() for x, _ in batches]
        >>> batches.skip(1)
        >>> [x.tolist() for x, _ in batches] == whole[1:]
        True
    """

    def __init__(
        self,
        data: Labelled,
        batch_size: int,
        seed: int,
        replicas: int = 1,
        rank: int = 0,
        collate: Callable[[Any], Any] | None = None,
        num_workers: int = 0,
    ) -> None:
        self.order, self.seed, self.skipped = Order(data, replicas, rank, shuffle=True, seed=seed), seed, 0
        super().__init__(
            data,
            batch_size=batch_size,
            sampler=self.order,
            collate_fn=collate,
            num_workers=num_workers,
            # Its own generator: workers' seeds must not draw from the stream that dropout uses.
            generator=torch.Generator(),
        )

    def skip(self, batches: int) -> None:
        """Leave out the first batches of the next pass: those that a resumed run has been trained on."""
        self.skipped = batches

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        skipped, self.skipped = self.skipped, 0
        assert self.batch_size is not None
        self.order.start = skipped * self.batch_size
        self.generator.manual_seed(self.seed * 1_000_003 + self.order.epoch)
        yield from super().__iter__()
