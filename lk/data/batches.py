"""Training batches whose order is a function of (seed, epoch), from any place inside an epoch."""

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from pytorch_lightning.utilities.seed import isolate_rng
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


class Part(DistributedSampler[int]):
    """Every k-th index for one of k devices, in stored order and without repetition.

    Counts over all devices are those of one.
    """

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.rank, len(self.dataset), self.num_replicas))  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(range(self.rank, len(self.dataset), self.num_replicas))  # type: ignore[arg-type]


def even_batch(samples: int, replicas: int, batch_size: int) -> int:
    """The smallest batch from `batch_size` on that gives every device as many batches.

    A device with one more would wait for the others.

    Example:
        >>> even_batch(9, replicas=2, batch_size=2)  # 5 and 4 samples: 3 and 2 batches of two, 2 and 2 of three
        3
    """
    while math.ceil(samples // replicas / batch_size) != math.ceil(math.ceil(samples / replicas) / batch_size):
        batch_size += 1
    return batch_size


class Drawn(Labelled):
    """A data set whose batches are drawn with generators of their own.

    What a random transform gives is a function of (seed, epoch, batch).

    The same batch comes in a resumed run and from any number of workers, and no draw is taken from the stream that
    dropout uses.

    Args:
        data: The data set; its transforms may draw from the global generators of torch, NumPy and Python.
        seed: Decides what they draw, with `epoch` and the batch's first sample.
    """

    epoch = 0

    def __init__(self, data: Labelled, seed: int) -> None:
        self.data, self.seed = data, seed

    def __len__(self) -> int:
        return len(self.data)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.data[index]

    def __getitems__(self, indices: list[int]) -> Any:
        """A batch at once, as torch's fetcher asks for it."""
        with isolate_rng(include_cuda=False):
            # No batch of an epoch shares its first sample with another one of the same device.
            drawn = torch.Generator().manual_seed(
                ((self.seed * 1_000_003 + self.epoch) * 2_147_483_647 + indices[0]) % 2**63
            )
            seed = int(torch.randint(2**31, (), generator=drawn))
            random.seed(seed)
            np.random.mtrand._rand.seed(seed)  # the generator behind np.random.rand and the like
            torch.set_rng_state(drawn.get_state())  # of the CPU alone
            whole = getattr(self.data, "__getitems__", None)
            return whole(indices) if whole else [self.data[index] for index in indices]


class Batches(DataLoader[tuple[Tensor, Tensor]]):
    """Shuffled training batches for one device.

    The iterator begins to work when its first batch is asked for: Lightning makes it before it sets the epoch, and
    workers that start at once would load the order of epoch 0 in a resumed run.

    Args:
        data: The training split.
        batch_size: Samples per batch.
        seed: Decides the order, with the epoch.
        replicas: Number of devices.
        rank: Number of this device.
        collate: How samples are joined.
        num_workers: Processes that load batches.
        plain: The data set draws nothing; otherwise each batch is drawn as `Drawn` says, which takes a tenth of a
            millisecond.

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
        plain: bool = False,
    ) -> None:
        self.order, self.seed, self.skipped = Order(data, replicas, rank, shuffle=True, seed=seed), seed, 0
        super().__init__(
            data if plain else Drawn(data, seed),
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

    def state_dict(self) -> dict[str, Any]:
        """Nothing: `Data` keeps the place, where it is known before this loader exists.

        Lightning asks whether a loader can be resumed.
        """
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing."""

    def share(self, batch: int) -> tuple[int, float]:
        """How much a batch counts under several devices, so that the mean over devices is the mean over samples.

        The last batch of an epoch is filled up, for some devices, with a sample that another one has; that one does not
        count.

        Args:
            batch: Number of the batch in the epoch.

        Returns:
            How many of this device's samples count, from the first; and the factor of their mean loss, 1 where all
            devices have as many.
        """
        replicas, rank = self.order.num_replicas, self.order.rank
        assert self.batch_size is not None
        own = min(self.batch_size, self.order.num_samples - batch * self.batch_size)
        last = (batch + 1) * self.batch_size >= self.order.num_samples
        filled = self.order.total_size - len(self.dataset) if last else 0  # type: ignore[arg-type]
        counted = own - (rank >= replicas - filled)
        return counted, counted * replicas / (own * replicas - filled)

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        skipped, self.skipped = self.skipped, 0
        assert self.batch_size is not None
        self.order.start = skipped * self.batch_size
        self.generator.manual_seed(self.seed * 1_000_003 + self.order.epoch)
        if isinstance(self.dataset, Drawn):
            self.dataset.epoch = self.order.epoch
        yield from super().__iter__()
