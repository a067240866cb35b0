"""A finite group by its Cayley table, every axiom checked when it is made."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lk.groups.orbits import orbit_labels
from lk.storage.describe import Recorded

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Group(metaclass=Recorded):
    """A finite group whose elements are the numbers `0 .. order - 1`.

    Associativity is checked by Light's test: the elements `a` with `(x a) y = x (a y)` for all x, y are closed under
    products, so that it suffices to test generators, in O(order^2) each.

    Args:
        table: Cayley table, shape `(order, order)`; `table[x, y]` is the product xy. It is copied.
        name: A short name for figures and run ids.

    Raises:
        ValueError: The table is no group; the message names the axiom and the elements that break it.

    Attributes:
        table: Cayley table, read-only, `int64`.
        identity: The neutral element; 0 in every family of `lk.groups`.
        inverse: Inverse of each element, shape `(order,)`.
        generators: A small generating set, chosen greedily by element order; empty for the trivial group.

    Example:
        >>> z3 = Group([[0, 1, 2], [1, 2, 0], [2, 0, 1]], name="Z3")
        >>> z3.order, z3.generators, z3.inverse.tolist()
        (3, [1], [0, 2, 1])
        >>> Group([[0, 1], [1, 1]])  # doctest: +NORMALIZE_WHITESPACE
        Traceback (most recent call last):
        ValueError: expected inverses, every element once in each row and column, got 1 twice in row 1, in columns 0 and
        1. Correct the table.
    """

    def __init__(self, table: Sequence[Sequence[int]] | Ints, name: str = "group") -> None:
        self.name = name
        self.table: Ints = checked_entries(table)
        self.table.setflags(write=False)
        self.identity = find_identity(self.table)
        check_latin(self.table)
        self.inverse: Ints = np.argmax(self.table == self.identity, axis=1)
        self.generators: list[int] = find_generators(self.table, self.identity, self.element_orders)
        check_associative(self.table, self.generators)

    def __repr__(self) -> str:
        return f"{self.name} (order {self.order})"

    @property
    def order(self) -> int:
        """Number of elements."""
        return len(self.table)

    @cached_property
    def element_orders(self) -> Ints:
        """Order of each element, shape `(order,)`."""
        orders = np.ones(len(self.table), dtype=np.int64)
        elements = np.arange(len(self.table))
        power = elements
        while (open_ := power != self.identity).any():
            orders[open_] += 1
            power = np.where(open_, self.table[power, elements], self.identity)
        return orders

    @cached_property
    def classes(self) -> Ints:
        """Label of the conjugacy class of each element, shape `(order,)`.

        Classes are numbered by their first element.
        """
        conjugations = [self.table[self.table[g], self.inverse[g]] for g in self.generators]
        return orbit_labels(conjugations, self.order)

    @cached_property
    def class_sizes(self) -> Ints:
        """Number of elements of each conjugacy class, shape `(classes,)`."""
        return np.bincount(self.classes)


def checked_entries(table: Any) -> Ints:
    """The table as a fresh square `int64` array whose entries name elements (closure)."""
    try:
        given = np.asarray(table)
    except ValueError as error:
        raise ValueError(
            f"expected a square table of integers, got rows of different lengths ({error}). Give a product for each "
            "pair."
        ) from None
    if given.ndim != 2 or given.shape[0] != given.shape[1] or given.size == 0:
        raise ValueError(
            f"expected a square table, got table.shape={given.shape}. Give a row and a column for each element."
        )
    if given.dtype.kind not in "iu":
        raise ValueError(
            f"expected integers, got table.dtype={given.dtype} (entry {given[0, 0]!s} in row 0, column 0). Number the "
            "elements from 0."
        )
    n = len(given)
    outside = np.argwhere((given < 0) | (given >= n))
    if len(outside):
        x, y = outside[0]
        raise ValueError(
            f"expected closure, products from 0 to {n - 1}, got {x}·{y} = {given[x, y]}. Number the elements from 0."
        )
    return given.astype(np.int64)


def find_identity(table: Ints) -> int:
    """The element whose row and column leave every element in place."""
    elements = np.arange(len(table))
    left, right = (table == elements).all(axis=1), (table == elements[:, None]).all(axis=0)
    both = np.flatnonzero(left & right)
    if len(both):
        return int(both[0])
    for side, found, what in (("left", left, "x"), ("right", right, "y")):
        if found.any():
            e = int(np.flatnonzero(found)[0])
            other = table[:, e] if what == "x" else table[e]
            x = int(np.flatnonzero(other != elements)[0])
            product = f"{x}·{e}" if what == "x" else f"{e}·{x}"
            raise ValueError(
                f"expected an identity on both sides, got {e} as {side} identity only ({product} = {other[x]}). "
                "Correct the table."
            )
    x = int(np.flatnonzero(table[0] != elements)[0])
    raise ValueError(
        f"expected an identity e with e·x = x·e = x, got none (0·{x} = {table[0, x]}, and so for each element). "
        "Correct the table."
    )


def check_latin(table: Ints) -> None:
    """Every row and column holds every element once: with associativity, that each element has an inverse."""
    for lines, kind, places in ((table, "row", "columns"), (table.T, "column", "rows")):
        wrong = np.flatnonzero((np.sort(lines, axis=1) != np.arange(len(table))).any(axis=1))
        if len(wrong):
            line = lines[wrong[0]]
            twice = int(np.flatnonzero(np.bincount(line, minlength=len(line)) > 1)[0])
            first, second = np.flatnonzero(line == twice)[:2]
            raise ValueError(
                f"expected inverses, every element once in each row and column, got {twice} twice in {kind} "
                f"{wrong[0]}, in {places} {first} and {second}. Correct the table."
            )


def check_associative(table: Ints, generators: Sequence[int]) -> None:
    """Light's test, `(x a) y = x (a y)` for each generator a and all x, y."""
    for a in generators:
        left, right = table[table[:, a]], table[:, table[a]]
        if (left != right).any():
            x, y = np.argwhere(left != right)[0]
            raise ValueError(
                f"expected associativity, got ({x}·{a})·{y} = {left[x, y]} but {x}·({a}·{y}) = {right[x, y]}. Correct "
                "the table: one with identity and inverses alone is a loop, no group."
            )


def find_generators(table: Ints, identity: int, element_orders: Ints) -> list[int]:
    """Greedy: until all is generated, the element of the largest order that is not (the first one among equals)."""
    generators: list[int] = []
    reached = np.zeros(len(table), dtype=bool)
    reached[identity] = True
    while not reached.all():
        generators.append(int(np.argmax(np.where(reached, 0, element_orders))))
        frontier = np.flatnonzero(reached)
        while len(frontier):
            products = table[frontier[:, None], generators].ravel()
            frontier = np.unique(products[~reached[products]])
            reached[frontier] = True
    return generators
