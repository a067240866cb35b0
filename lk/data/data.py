"""The base class of every data set: batches in a fixed order, classes, samples to explain, baseline."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset, default_collate

from lk.data.batches import Batches, Drawn, Part, even_batch
from lk.data.batches import Labelled as Labelled
from lk.storage.describe import Recorded
from lk.text import short, short_names

if TYPE_CHECKING:
    import pandas as pd

SHOWN, ROWS = 10, 40  # classes and rows that are printed
NAME, CELL = 18, 20  # characters of a column's name, and of what else is said of it: 80 in all


class Tensors(Labelled):
    """Inputs and labels in memory; a whole batch is taken by one indexing operation.

    Args:
        x: Inputs, shape `(samples, ...)`; `uint8` images are scaled to 0..1 when they are taken.
        y: Labels, shape `(samples,)`; whole numbers of any type, kept as int64.

    Raises:
        ValueError: As many labels as inputs are expected, and whole numbers.
    """

    def __init__(self, x: Tensor, y: Tensor) -> None:
        if len(x) != len(y) or bool((y != y.long()).any()):
            raise ValueError(
                f"expected a whole number as label of each of {len(x)} inputs, got {len(y)} of type {y.dtype}. Give "
                "class numbers."
            )
        self.x, self.y = x, y.long()

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.__getitems__([index])[0][0], self.y[index]

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        """A batch at once: the fast path of torch's fetcher."""
        x = self.x[indices]
        return (x.float() / 255 if x.dtype == torch.uint8 else x), self.y[indices]


def in_memory(data: Labelled) -> bool:
    """Whether a split is tensors and nothing more: no transform draws anything."""
    return type(data.dataset if isinstance(data, Subset) else data) is Tensors


def as_batch(batch: Any) -> Any:
    """`Tensors.__getitems__` already returns a batch."""
    return batch


def collate(data: Labelled) -> Callable[[Any], Any]:
    """How a loader joins samples: not at all where the data set gives whole batches."""
    whole = data.dataset if isinstance(data, Subset) else data
    return as_batch if isinstance(whole, Tensors) else collate_samples


def collate_samples(samples: Sequence[Any]) -> Any:
    """Join samples as torch does by default, with labels as int64: the cross-entropy takes no other whole numbers."""
    x, y = default_collate(list(samples))
    return x, y.long()


class Data(pl.LightningDataModule, metaclass=Recorded):
    """A labelled data set that knows its classes, input shape, samples to explain and baseline.

    Subclasses define `load() -> (train, test)`, and may define `class_names` and `column_names`.

    Args:
        batch_size: Training batch per device.
        samples_per_class: Number of samples to explain of each class, drawn from the test split.
        seed: Decides which samples are explained, and the order of the training batches unless `order_seed` is set. The
            order is a function of (seed, epoch) alone, so that a resumed run sees the batches of an uninterrupted one.
        num_workers: Processes that load batches; 0 loads in the main process.

    Attributes:
        order_seed: Decides the order of the training batches in place of `seed`, so that runs which differ in their
            training seed explain the same samples.

    Raises:
        ValueError: A setting is out of range, or the labels are not 0 .. classes - 1.
    """

    def __init__(self, batch_size: int = 128, samples_per_class: int = 2, seed: int = 0, num_workers: int = 0) -> None:
        super().__init__()
        if batch_size < 1 or samples_per_class < 1 or num_workers < 0:
            raise ValueError(
                f"expected batch_size >= 1, samples_per_class >= 1, num_workers >= 0, got batch_size={batch_size}, "
                f"samples_per_class={samples_per_class}, num_workers={num_workers}. Leave them out for the defaults."
            )
        self.batch_size, self.samples_per_class, self.seed, self.num_workers = (
            batch_size,
            samples_per_class,
            seed,
            num_workers,
        )
        self.order_seed, self.trained = seed, 0

    # ---- what a subclass defines
    def load(self) -> tuple[Labelled, Labelled]:
        """The training and the test split."""
        raise NotImplementedError(f"{type(self).__name__} must define load().")

    @property
    def class_names(self) -> Sequence[str]:
        """Names of the classes in the order of their labels."""
        return [str(label) for label in range(int(self.labels(self.train).max()) + 1)]

    @property
    def column_names(self) -> Sequence[str]:
        """Names of the columns of a table; empty for images."""
        return []

    def content_words(self, x: Tensor) -> tuple[Tensor, list[list[str]]]:
        """The content word of each token, of shape `(samples, length)` (-1: none), and the words of each sample."""
        raise ValueError(
            f"expected sentences to divide into words, got {type(self).__name__}. Use lk.data.Sentences or "
            "lk.data.SST2."
        )

    def schema(self) -> "pd.DataFrame":
        """How each column of a table is read; empty elsewhere."""
        import pandas as pd

        return pd.DataFrame()

    def notes(self) -> list[str]:
        """What a reader of results should know of how the data were read: what is left out, and how much."""
        return []

    # ---- what everyone uses
    def describe(self) -> str:
        """Sizes, classes, how each column is read, and notes: lines to print before training."""
        train, test = len(self.labels(self.train)), len(self.labels(self.test))
        classes = ", ".join(short(str(name), NAME) for name in self.class_names[:SHOWN])
        more = f", and {self.num_classes - SHOWN} more" if self.num_classes > SHOWN else ""
        lines = [
            (
                f"Data {self.name}: {train:,} training and {test:,} test samples of {self.num_classes} classes "
                f"({classes}{more})."
            )
        ]
        schema = self.schema()
        if len(schema):
            shown = schema.head(ROWS).map(lambda cell: short(str(cell), CELL))
            shown["column"] = short_names(list(schema.head(ROWS)["column"]), NAME)
            shown["example"] = shown["example"].map(lambda cell: short(cell, CELL // 2))
            lines += shown.to_string(index=False).splitlines()
            if len(schema) > ROWS:
                lines.append(f"... and {len(schema) - ROWS:,} more columns.")
        return "\n".join([*lines, *self.notes()])

    def facts(self) -> "pd.DataFrame":
        """What `describe` says, in full and as text, for the run folder.

        The schema, and the notes in a column of their own.
        """
        import pandas as pd

        notes = pd.DataFrame({"note": self.notes()}, dtype=object)
        return pd.concat([self.schema().astype(str).astype(object), notes], ignore_index=True).fillna("")

    @property
    def name(self) -> str:  # type: ignore[override]
        """A short name for run ids and figures."""
        return type(self).__name__.lower()

    @cached_property
    def splits(self) -> tuple[Labelled, Labelled]:
        """Both splits, loaded once and checked."""
        train, test = self.load()
        for split, data in (("training", train), ("test", test)):
            labels = self.labels(data)
            if len(labels) == 0:
                raise ValueError(
                    f"expected at least one labelled sample in the {split} split of {self.name}, got none. Add samples."
                )
            if int(labels.min()) < 0:
                raise ValueError(
                    f"expected labels from 0 in the {split} split of {self.name}, got {int(labels.min())}. Number the "
                    "classes from 0."
                )
        return train, test

    @property
    def train(self) -> Labelled:
        """The training split."""
        return self.splits[0]

    @property
    def test(self) -> Labelled:
        """The test split."""
        return self.splits[1]

    @cached_property
    def num_classes(self) -> int:
        """Number of classes; every label of both splits is below it."""
        count = len(self.class_names)
        for split, data in (("training", self.train), ("test", self.test)):
            highest = int(self.labels(data).max())
            if highest >= count:
                raise ValueError(
                    f"expected labels from 0 to {count - 1} in the {split} split of {self.name}, whose classes are "
                    f"{', '.join(map(str, self.class_names))}, got {highest}. Name every class in class_names."
                )
        return count

    @cached_property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, without the batch."""
        return tuple(self.train[0][0].shape)

    @staticmethod
    def labels(data: Labelled) -> Tensor:
        """All labels of a split, shape `(samples,)`."""
        if isinstance(data, Tensors):
            return data.y
        if isinstance(data, Subset):
            return Data.labels(data.dataset)[torch.as_tensor(data.indices)]
        return torch.as_tensor(data.targets).long()  # type: ignore[attr-defined]

    @cached_property
    def explained(self) -> Tensor:
        """Indices into the test split of the samples to explain.

        The first `samples_per_class` of each class in a seeded order.
        """
        return self.first_of_each_class()

    def first_of_each_class(self, allowed: Tensor | None = None, what: str = "") -> Tensor:
        """The first `samples_per_class` samples of each class of the test split, in a seeded order.

        Args:
            allowed: Which samples may be taken, shape `(samples,)`, bool; default all.
            what: What they are, for messages.
        """
        labels = self.labels(self.test)
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(self.seed))
        if allowed is not None:
            order = order[allowed[order]]
        chosen = [order[labels[order] == label][: self.samples_per_class] for label in range(self.num_classes)]
        fewest = min(map(len, chosen))
        if fewest < self.samples_per_class:
            lacking = [
                self.class_names[label] for label, found in enumerate(chosen) if len(found) < self.samples_per_class
            ]
            lower = (
                f"Lower samples_per_class to {fewest}."
                if fewest
                else "Add samples of these classes to the test split, or leave them out."
            )
            raise ValueError(
                f"expected samples_per_class samples of each class in the test split of {self.name}, got "
                f"samples_per_class={self.samples_per_class} and fewer of: "
                f"{', '.join(map(str, lacking))}{f' ({what})' if what else ''}. {lower}"
            )
        return torch.cat(chosen)

    def explained_samples(self) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs, labels and indices of the samples to explain."""
        pairs = [self.test[int(index)] for index in self.explained]
        return torch.stack([x for x, _ in pairs]), torch.stack([torch.as_tensor(y) for _, y in pairs]), self.explained

    @cached_property
    def baseline(self) -> Tensor:
        """The mean of the training inputs, shape `input_shape` (Cheng et al. 2024, footnote 4)."""
        total, count = torch.zeros(self.input_shape, dtype=torch.float64), 0
        for x, _ in self.batches(self.train, 4096 if isinstance(self.train, Tensors) else 256):
            total, count = total + x.double().sum(0), count + len(x)
        return (total / count).float()

    def batches(self, data: Labelled, batch_size: int, part: Part | None = None) -> DataLoader[tuple[Tensor, Tensor]]:
        """A split, or a device's part of it, in its stored order."""
        return DataLoader(
            data if in_memory(data) else Drawn(data, self.seed),
            batch_size=batch_size,
            sampler=part,
            collate_fn=collate(data),
            num_workers=self.num_workers,
            generator=torch.Generator(),  # workers' seeds must not draw from the stream that dropout uses
        )

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """Shuffled training batches, in an order fixed by (seed, epoch); a resumed run begins where it was stopped."""
        replicas, rank = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        train = self.train
        batches = Batches(
            train, self.batch_size, self.order_seed, replicas, rank, collate(train), self.num_workers, in_memory(train)
        )
        batches.skip(self.trained)
        self.trained = 0
        return batches

    def state_dict(self) -> dict[str, int]:
        """How many batches of the epoch are trained on, for a run that is resumed inside it."""
        assert self.trainer is not None
        loop = self.trainer.fit_loop
        epoch: Any = loop.epoch_progress.current
        inside = epoch.processed < epoch.started
        return {"trained": loop.epoch_loop.batch_progress.current.ready if inside else 0}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Take up the place inside an epoch."""
        self.trained = int(state_dict["trained"])

    def val_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """The test split, or this device's part of it; nothing is selected on it."""
        size = max(self.batch_size, 512 if isinstance(self.test, Tensors) else 128)
        samples, replicas = len(Data.labels(self.test)), self.trainer.world_size if self.trainer else 1
        if self.trainer is None or not 1 < replicas <= samples:
            return self.batches(self.test, size)
        part = Part(self.test, replicas, self.trainer.global_rank, shuffle=False)
        return self.batches(self.test, even_batch(samples, replicas, size), part)
