"""Who can be absent: a division of the input into players.

A division is an integer tensor `owner` of shape `(samples, *input)`, broadcastable over the input: the player that owns
each entry, or -1 for the background, which belongs to nobody. Players depend on the input alone, never on a network.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from einops import rearrange, repeat
from torch import Tensor

from lk.storage.describe import Recorded
from lk.text import nearest

if TYPE_CHECKING:
    from lk.data import Data

BACKGROUND = -1


class Players(metaclass=Recorded):
    """Base of all divisions; subclasses define `divide`."""

    def divide(self, x: Tensor, baseline: Tensor, columns: Sequence[str] = ()) -> Tensor:
        """The owner of every entry.

        Args:
            x: Inputs `(samples, *input)`.
            baseline: The data set's mean input, shape `input`.
            columns: Names of the columns of a table.

        Returns:
            Owners `(samples, *input)` with the channel axis of images reduced to 1; -1 is background.
        """
        raise NotImplementedError(f"{type(self).__name__} must define divide().")

    def divide_samples(self, data: "Data", x: Tensor) -> tuple[Tensor, list[list[str]]]:
        """The owner of each entry of a data set's samples, and the players' names where each sample has its own."""
        return self.divide(x, data.baseline, data.column_names), []

    def names(self, columns: Sequence[str]) -> list[str]:
        """Names of the players where they have any (table columns); empty for patches."""
        return []


def patch_grid(x: Tensor, patch: int) -> tuple[Tensor, int, int]:
    """Patch number of each pixel `(height, width)`, and the grid's rows and columns.

    The last row and column may be cut.
    """
    if x.ndim != 4:
        raise ValueError(
            f"expected images (samples, channels, height, width), got x.shape={tuple(x.shape)}. Choose Columns or Rows "
            "for tables."
        )
    height, width = x.shape[2:]
    if not 1 <= patch <= max(height, width):
        raise ValueError(
            f"expected patch from 1 to {max(height, width)} in images of {height}x{width} pixels, got patch={patch}. "
            "Choose smaller patches."
        )
    high, wide = math.ceil(height / patch), math.ceil(width / patch)
    down, across = torch.arange(height) // patch, torch.arange(width) // patch
    return down[:, None] * wide + across[None], high, wide


def own(number: Tensor, chosen: Tensor, patches: int) -> Tensor:
    """Owners `(samples, 1, height, width)` from patch numbers `(height, width)` and chosen patches `(samples, n)`."""
    samples, n = chosen.shape
    table = torch.full((samples, patches), BACKGROUND)
    table.scatter_(1, chosen, repeat(torch.arange(n), "n -> b n", b=samples))
    return rearrange(table[:, number], "b h w -> b 1 h w")


def require(n: int, available: int, what: str) -> None:
    """Refuse more players than there are patches or columns."""
    if not 1 <= n <= available:
        raise ValueError(
            f"expected n from 1 to {available}, as {what} gives, got n={n}. Lower n or choose smaller patches."
        )


class Grid(Players):
    """All patches of the image are players, row by row.

    Args:
        patch: Side of a patch in pixels.

    Example:
        >>> Grid(patch=2).divide(torch.zeros(1, 1, 4, 4), torch.zeros(1, 4, 4))[0, 0, :, 0]
        tensor([0, 0, 2, 2])
    """

    def __init__(self, patch: int) -> None:
        self.patch = patch

    def divide(self, x: Tensor, baseline: Tensor, columns: Sequence[str] = ()) -> Tensor:
        """Every patch is owned."""
        number, high, wide = patch_grid(x, self.patch)
        return own(number, repeat(torch.arange(high * wide), "p -> b p", b=len(x)), high * wide)


class Foreground(Players):
    """The n patches with most foreground (for MNIST: the patches of the digit), in reading order.

    Foreground is the distance from the image's own background, estimated as the median of its border.

    Args:
        n: Number of players.
        patch: Side of a patch in pixels; the paper uses 3 for MNIST and 4 for CIFAR-10.
    """

    def __init__(self, n: int, patch: int) -> None:
        self.n, self.patch = n, patch

    def divide(self, x: Tensor, baseline: Tensor, columns: Sequence[str] = ()) -> Tensor:
        """The patches with the largest summed distance from the border's median."""
        number, high, wide = patch_grid(x, self.patch)
        require(self.n, high * wide, f"a grid of {high}x{wide} patches")
        border = torch.cat([x[:, :, 0], x[:, :, -1], x[:, :, :, 0], x[:, :, :, -1]], dim=2).median(2).values
        ink = (x - border[:, :, None, None]).abs().sum(1).flatten(1)
        per_patch = torch.zeros(len(x), high * wide, dtype=ink.dtype).index_add_(1, number.flatten(), ink)
        # Stable sort: equal patches are taken in reading order on every machine.
        chosen = per_patch.sort(dim=1, descending=True, stable=True).indices[:, : self.n].sort(1).values
        return own(number, chosen, high * wide)


class Central(Players):
    """n random patches of the central area, drawn once per sample position with a seed.

    The paper's choice for CIFAR-10.

    Args:
        n: Number of players; the paper uses 12.
        patch: Side of a patch in pixels; the paper uses 4.
        margin: Rows and columns of the grid left out on each side; the paper uses 1 (the central 6x6 of 8x8).
        seed: Decides the draw.
    """

    def __init__(self, n: int, patch: int = 4, margin: int = 1, seed: int = 0) -> None:
        if margin < 0:
            raise ValueError(
                f"expected margin of at least 0, got margin={margin}. Use 0 to take patches up to the border."
            )
        self.n, self.patch, self.margin, self.seed = n, patch, margin, seed

    def divide(self, x: Tensor, baseline: Tensor, columns: Sequence[str] = ()) -> Tensor:
        """A random subset of the central patches for each sample, in reading order."""
        number, high, wide = patch_grid(x, self.patch)
        inner = torch.arange(high * wide).reshape(high, wide)
        inner = inner[self.margin : high - self.margin, self.margin : wide - self.margin].flatten()
        require(self.n, len(inner), f"the area inside a margin of {self.margin} in a grid of {high}x{wide} patches")
        generator = torch.Generator().manual_seed(self.seed)
        chosen = torch.stack(
            [inner[torch.randperm(len(inner), generator=generator)[: self.n].sort().values] for _ in range(len(x))]
        )
        return own(number, chosen, high * wide)


class Patches(Players):
    """The same listed patches in every image.

    Args:
        patches: Patch numbers, counted row by row from 0.
        patch: Side of a patch in pixels.
    """

    def __init__(self, patches: Sequence[int], patch: int) -> None:
        self.patches, self.patch = list(patches), patch

    def divide(self, x: Tensor, baseline: Tensor, columns: Sequence[str] = ()) -> Tensor:
        """The listed patches are players in the listed order."""
        number, high, wide = patch_grid(x, self.patch)
        if (
            len(set(self.patches)) != len(self.patches)
            or not self.patches
            or not all(0 <= p < high * wide for p in self.patches)
        ):
            raise ValueError(
                f"expected different patches from 0 to {high * wide - 1} ({high}x{wide}), got patches={self.patches}. "
                "Number them row by row."
            )
        return own(number, repeat(torch.tensor(self.patches), "p -> b p", b=len(x)), high * wide)


class Columns(Players):
    """Columns of a table; a group of columns can be one player.

    Args:
        groups: One entry per player: names or numbers of the columns that it owns. Default: every column is a player.

    Example:
        >>> Columns(groups=[[0, 2], [1]]).divide(torch.zeros(1, 4), torch.zeros(4))
        tensor([[ 0,  1,  0, -1]])
    """

    def __init__(self, groups: Sequence[Sequence[int | str]] | None = None) -> None:
        self.groups = [list(group) for group in groups] if groups is not None else None
        if self.groups is not None and not (self.groups and all(self.groups)):
            raise ValueError(
                f"expected at least one player of at least one column, got groups={self.groups}. Leave out empty "
                "groups, or groups to make each column a player."
            )

    def divide(self, x: Tensor, baseline: Tensor, columns: Sequence[str] = ()) -> Tensor:
        """The same columns for every sample."""
        if x.ndim != 2:
            raise ValueError(
                f"expected tables (samples, columns), got x.shape={tuple(x.shape)}. Choose Grid for images, Rows for "
                "tables of rows."
            )
        groups: list[list[int | str]] = (
            self.groups if self.groups is not None else [[column] for column in range(x.shape[1])]
        )
        owner = torch.full((x.shape[1],), BACKGROUND)
        for player, group in enumerate(groups):
            for column in group:
                place = find_column(column, columns, x.shape[1])
                if owner[place] != BACKGROUND:
                    raise ValueError(
                        f"expected one player for each column, got {column!r} in groups {int(owner[place])} and "
                        f"{player}. Leave it out of one."
                    )
                owner[place] = player
        return repeat(owner, "d -> b d", b=len(x)).contiguous()

    def names(self, columns: Sequence[str]) -> list[str]:
        """Column names, joined with + where a player owns several."""
        groups: list[list[int | str]] = (
            self.groups if self.groups is not None else [[column] for column in range(len(columns))]
        )
        return [
            "+".join(c if isinstance(c, str) else columns[c] if columns else str(c) for c in group) for group in groups
        ]


class Rows(Players):
    """Every row of a sample of shape `(rows, width)` is a player.

    The arguments of a group operation, one one-hot row each.

    Example:
        >>> Rows().divide(torch.zeros(1, 2, 3), torch.zeros(2, 3))[0]
        tensor([[0, 0, 0],
                [1, 1, 1]])
    """

    def divide(self, x: Tensor, baseline: Tensor, columns: Sequence[str] = ()) -> Tensor:
        """One player per row."""
        if x.ndim != 3:
            raise ValueError(
                f"expected tables of rows (samples, rows, width), got x.shape={tuple(x.shape)}. Choose Columns for "
                "tables."
            )
        return repeat(torch.arange(x.shape[1]), "r -> b r w", b=len(x), w=x.shape[2]).contiguous()

    def names(self, columns: Sequence[str]) -> list[str]:
        """The names of the rows."""
        return list(columns)


def find_column(column: int | str, columns: Sequence[str], count: int) -> int:
    """Number of a column given by name or number."""
    if isinstance(column, str):
        if column not in columns:
            raise ValueError(f"expected a column of the table, got column={column!r}. {nearest(column, list(columns))}")
        return list(columns).index(column)
    if not 0 <= column < count:
        raise ValueError(
            f"expected column from 0 to {count - 1}, got column={column}. Count the table's columns from 0."
        )
    return column
