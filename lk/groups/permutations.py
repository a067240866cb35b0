"""Permutation groups: from generators, symmetric, alternating."""

import math
from collections.abc import Sequence

import numpy as np

from lk.groups.group import Group, Ints

# The Cayley table of S7 takes 0.2 GB, and checking it several times that.
MAX_ORDER = 5040


class Permutations(Group):
    """The group that permutations of the points `0 .. degree - 1` generate.

    A permutation is the list of its images, and products act from the right: `(p * q)(i) = p[q[i]]`. Elements are
    numbered in lexicographic order of their images, so that element 0 is the identity.

    Args:
        generated_by: Generators, each a list of images of the same length.
        label: Its name; by default `P` and the order.

    Raises:
        ValueError: A generator is no permutation, or the group is larger than `MAX_ORDER`.

    Attributes:
        permutations: Images of each element, shape `(order, degree)`.

    Example:
        >>> klein = Permutations([[1, 0, 3, 2], [2, 3, 0, 1]])
        >>> klein.order, klein.permutations[3].tolist()
        (4, [3, 2, 1, 0])
    """

    def __init__(self, generated_by: Sequence[Sequence[int]], label: str | None = None) -> None:
        self.generated_by, self.label = generated_by, label
        generators = checked_generators(generated_by)
        self.permutations: Ints = closure(generators)
        super().__init__(cayley_table(self.permutations, generators), label or f"P{len(self.permutations)}")


class Symmetric(Permutations):
    """All permutations of n points, numbered in lexicographic order of their images; `(p * q)(i) = p[q[i]]`.

    Args:
        n: Number of points, 1 to 7.

    Example:
        >>> s3 = Symmetric(3)
        >>> s3, s3.permutations[s3.table[1, 2]].tolist()
        (S3 (order 6), [2, 0, 1])
    """

    def __init__(self, n: int) -> None:
        check_degree(n, math.factorial(max(n, 0)))
        self.n = n
        swap = [1, 0, *range(2, n)] if n > 1 else [0]
        super().__init__([swap, [*range(1, n), 0]], label=f"S{n}")


class Alternating(Permutations):
    """The even permutations of n points, numbered in lexicographic order of their images; `(p * q)(i) = p[q[i]]`.

    Args:
        n: Number of points, 1 to 7.

    Example:
        >>> Alternating(5)
        A5 (order 60)
    """

    def __init__(self, n: int) -> None:
        check_degree(n, math.factorial(max(n, 0)) // 2)
        self.n = n
        threes = []
        for k in range(2, n):
            cycle = list(range(n))
            cycle[0], cycle[1], cycle[k] = 1, k, 0
            threes.append(cycle)
        super().__init__(threes or [list(range(n))], label=f"A{n}")


def check_degree(n: int, order: int) -> None:
    """A symmetric or alternating group that exists and whose table fits."""
    if n < 1 or order > MAX_ORDER:
        raise ValueError(
            f"expected 1 to 7 points, got n={n}. Use fewer: a Cayley table holds at most {MAX_ORDER} elements."
        )


def checked_generators(generators: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """The generators as tuples, each a permutation of the same points."""
    if not generators:
        raise ValueError("expected at least one generator, got none. Give lists of images, such as [1, 2, 0].")
    degree = len(generators[0])
    for i, images in enumerate(generators):
        if sorted(images) != list(range(degree)) or degree == 0:
            raise ValueError(
                f"expected the images of the points 0 to {degree - 1}, each once, got {list(images)} as generator {i}. "
                f"Give it the {degree} points of generator 0."
            )
    return [tuple(int(image) for image in images) for images in generators]


def closure(generators: Sequence[tuple[int, ...]]) -> Ints:
    """All products of the generators in lexicographic order, shape `(order, degree)`."""
    start = tuple(range(len(generators[0])))
    found, frontier = {start}, [start]
    while frontier:
        reached = []
        for p in frontier:
            for q in generators:
                product = tuple([p[i] for i in q])
                if product not in found:
                    found.add(product)
                    reached.append(product)
        if len(found) > MAX_ORDER:
            raise ValueError(
                f"expected generators of a group of at most {MAX_ORDER} elements, got more. Use fewer points or fewer "
                "generators: its Cayley table must fit into memory."
            )
        frontier = reached
    return np.array(sorted(found), dtype=np.int64)


def cayley_table(permutations: Ints, generators: Sequence[tuple[int, ...]]) -> Ints:
    """Products of all pairs: the column of `y q` is the column of y, multiplied by the generator q from the right."""
    rows = [tuple(row) for row in permutations.tolist()]
    index = {row: i for i, row in enumerate(rows)}
    times = [np.array([index[tuple([p[i] for i in q])] for p in rows]) for q in generators]
    columns: dict[int, Ints] = {0: np.arange(len(rows))}
    open_ = [0]
    for y in open_:
        for right in times:
            if (product := int(right[y])) not in columns:
                columns[product] = right[columns[y]]
                open_.append(product)
    return np.stack([columns[y] for y in range(len(rows))], axis=1)
