"""Finite groups by their multiplication tables (a stand-in until the package itself is merged)."""

from itertools import permutations

import numpy as np
from numpy.typing import NDArray


class Group:
    """A finite group.

    Args:
        table: Multiplication table, `table[x, y]` is xy; shape `(n, n)`.
        name: A short name such as S4.
    """

    def __init__(self, table: NDArray[np.int64], name: str) -> None:
        self.table, self.name = np.asarray(table, dtype=np.int64), name

    @property
    def order(self) -> int:
        """Number of elements."""
        return len(self.table)


def of_permutations(elements: list[tuple[int, ...]], name: str) -> tuple[NDArray[np.int64], str]:
    """Table of a set of permutations that is closed under (xy)(i) = x(y(i))."""
    place = {element: i for i, element in enumerate(elements)}
    return np.array([[place[tuple(x[i] for i in y)] for y in elements] for x in elements], dtype=np.int64), name


def even(p: tuple[int, ...]) -> bool:
    """Whether a permutation is even."""
    return sum(p[i] > p[j] for i in range(len(p)) for j in range(i + 1, len(p))) % 2 == 0


class Symmetric(Group):
    """All permutations of n points."""

    def __init__(self, n: int) -> None:
        super().__init__(*of_permutations(list(permutations(range(n))), f"S{n}"))
        self.n = n


class Alternating(Group):
    """The even permutations of n points."""

    def __init__(self, n: int) -> None:
        super().__init__(*of_permutations([p for p in permutations(range(n)) if even(p)], f"A{n}"))
        self.n = n


class Cyclic(Group):
    """Addition modulo n."""

    def __init__(self, n: int) -> None:
        super().__init__(np.add.outer(np.arange(n), np.arange(n)) % n, f"Z{n}")
        self.n = n


class Dihedral(Group):
    """Symmetries of the regular n-gon, 2 n of them."""

    def __init__(self, n: int) -> None:
        turns = [tuple((i + k) % n for i in range(n)) for k in range(n)]
        flips = [tuple((k - i) % n for i in range(n)) for k in range(n)]
        super().__init__(*of_permutations(turns + flips, f"D{n}"))
        self.n = n


__all__ = ["Alternating", "Cyclic", "Dihedral", "Group", "Symmetric"]
