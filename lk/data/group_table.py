"""The multiplication table of a finite group, to be learned from a part of it."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lk.data.data import Data, Labelled, Tensors
from lk.groups import Group


class Repeated:
    """The same batch again and again; what a full-batch run trains on, without a loader's overhead.

    Args:
        batch: Inputs and labels.
        times: How often one pass yields it.
        factor: What the mean loss counts, see `lk.data.batches.Batches.share`.

    Example:
        >>> len(list(Repeated((torch.zeros(3, 2), torch.zeros(3)), times=4)))
        4
    """

    def __init__(self, batch: tuple[Tensor, Tensor], times: int, factor: float = 1.0) -> None:
        self.batch, self.times, self.factor = batch, times, factor

    def state_dict(self) -> dict[str, int]:
        """Nothing: all batches are the same. Lightning asks whether a loader can be resumed."""
        return {}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Nothing."""

    def share(self, _: int) -> tuple[int, float]:
        """All samples count, and their mean loss with the factor."""
        return len(self.batch[1]), self.factor

    def __len__(self) -> int:
        return self.times

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(self.times):
            yield self.batch


class GroupTable(Data):
    """All pairs (x, y) of elements of a finite group with the label xy.

    A fixed part of them is trained on, the rest is the test split.

    An input is a pair of element numbers, shape `(2,)`, int64. Training is full-batch (Wu et al., ICLR 2025): one step
    sees all training pairs, and one Lightning epoch is `steps_per_epoch` such steps, because an epoch costs ten times a
    step. Under several devices each takes every k-th training pair; the mean of their gradients, weighted by pairs, is
    the full batch's.

    Args:
        group: The group.
        train_fraction: Part of the n^2 pairs that is trained on, rounded to whole pairs.
        steps_per_epoch: Full-batch steps in one epoch.
        samples_per_class: Number of pairs to explain of each product, drawn from the test split.
        seed: Decides which pairs are explained.
        split_seed: Decides which pairs are trained on.

    Raises:
        ValueError: `steps_per_epoch` is below 1, or one of the splits would be empty.

    Example:
        >>> from lk.groups import Cyclic
        >>> data = GroupTable(Cyclic(5), train_fraction=0.6)
        >>> len(data.train), len(data.test), data.num_classes
        (15, 10, 5)
        >>> pair, product = data.train[0]
        >>> int(pair.sum()) % 5 == int(product)
        True
    """

    def __init__(
        self,
        group: Group,
        train_fraction: float = 0.8,
        steps_per_epoch: int = 100,
        samples_per_class: int = 1,
        seed: int = 0,
        split_seed: int = 0,
    ) -> None:
        super().__init__(512, samples_per_class, seed)
        self.pairs_trained = round(train_fraction * group.order**2)
        if steps_per_epoch < 1:
            raise ValueError(
                f"expected steps_per_epoch of at least 1, got steps_per_epoch={steps_per_epoch}. Use 1 for an epoch of "
                "one step."
            )
        if not 0 < self.pairs_trained < group.order**2:
            raise ValueError(
                f"expected at least one pair in each split, got train_fraction={train_fraction}, which trains on "
                f"{self.pairs_trained} of the {group.order**2} pairs of {group.name}. Choose a fraction inside 0 to 1."
            )
        self.group, self.train_fraction, self.steps_per_epoch, self.split_seed = (
            group,
            train_fraction,
            steps_per_epoch,
            split_seed,
        )

    @property
    def name(self) -> str:  # type: ignore[override]
        """The group's name."""
        return self.group.name.lower()

    @property
    def class_names(self) -> Sequence[str]:
        """The elements by number."""
        return [str(element) for element in range(self.group.order)]

    @property
    def column_names(self) -> Sequence[str]:
        """The two factors."""
        return ["x", "y"]

    def load(self) -> tuple[Labelled, Labelled]:
        """Both splits, each in the order of the table's rows."""
        n = self.group.order
        pairs = torch.cartesian_prod(torch.arange(n), torch.arange(n))
        products = torch.tensor(self.group.table).flatten()
        order = torch.randperm(n * n, generator=torch.Generator().manual_seed(self.split_seed))
        train, test = order[: self.pairs_trained].sort().values, order[self.pairs_trained :].sort().values
        return Tensors(pairs[train], products[train]), Tensors(pairs[test], products[test])

    def one_hot(self, pairs: Tensor) -> Tensor:
        """Pairs `(..., 2)` as two rows of 0 and 1 each, shape `(..., 2, n)`; `GroupNetwork` reads either form."""
        return one_hot(pairs, self.group.order).float()

    @cached_property
    def baseline(self) -> Tensor:
        """The mean of the training pairs as `one_hot` gives them, shape `(2, n)`.

        `GroupNetwork` turns it into the mean embedding.

        A mean of element numbers would mean nothing.
        """
        return self.one_hot(self.batch[0]).double().mean(0).float()

    def explained_samples(self) -> tuple[Tensor, Tensor, Tensor]:
        """The pairs to explain as one-hot rows `(pairs, 2, n)`, their products and their indices in the test split."""
        pairs, products, index = super().explained_samples()
        return self.one_hot(pairs), products, index

    @property
    def batch(self) -> tuple[Tensor, Tensor]:
        """All training pairs and their products."""
        train = self.train
        assert isinstance(train, Tensors)
        return train.x, train.y

    def train_dataloader(self) -> Repeated:  # type: ignore[override]
        """All training pairs of this device, `steps_per_epoch` times."""
        replicas, rank = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        x, y = self.batch
        own = y[rank::replicas]
        return Repeated((x[rank::replicas], own), self.steps_per_epoch, len(own) * replicas / len(y))
