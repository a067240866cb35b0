"""All real irreducible representations of a finite group, from its regular representation alone."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lk.groups.group import Floats, Group
from lk.groups.words import extend

Kind = Literal["real", "complex", "quaternionic"]
# <chi, chi> and the Frobenius-Schur sum of the real character of an irreducible representation, by kind.
INVARIANTS: dict[Kind, tuple[int, int]] = {"real": (1, 1), "complex": (2, 0), "quaternionic": (4, -2)}
# Characters are sums of roots of unity, found to about 1e-10; homomorphisms hold to about 1e-13 times the word length.
TOLERANCE = 1e-6
HOMOMORPHISM_TOLERANCE = 1e-9
ATTEMPTS = 8


@dataclass(frozen=True, eq=False)
class Irrep:
    """A real irreducible representation in orthogonal form.

    Attributes:
        matrices: `matrices[g]` is rho(g), shape `(order, dimension, dimension)`, orthogonal.
        character: Traces, shape `(order,)`, equal on conjugate elements.
        kind: What commutes with it: the real numbers, the complex ones or the quaternions.
        name: Dimension and a letter, such as `3a`, in the order of `irreps`.
    """

    matrices: Floats
    character: Floats
    kind: Kind
    name: str

    def __repr__(self) -> str:
        return f"Irrep {self.name} ({self.kind})"

    @property
    def dimension(self) -> int:
        """Size of the matrices."""
        return int(self.matrices.shape[1])

    @property
    def norm(self) -> int:
        """<chi, chi>: 1 for real, 2 for complex, 4 for quaternionic kind."""
        return INVARIANTS[self.kind][0]


def irreps(group: Group, seed: int = 0) -> list[Irrep]:
    """All real irreducible representations up to isomorphism.

    A random symmetric matrix `M[h, k] = c(h^-1 k)`, c(x) = c(x^-1), commutes with the left regular representation L.
    Almost surely each of its eigenspaces is irreducible: with an orthonormal basis B, rho(g) = B^T L(g) B. Spaces are
    told apart by character. It is certified afterwards that <chi, chi> and the Frobenius-Schur sum belong to an
    irreducible representation, that the sum of dimension^2 / <chi, chi> is the order of the group, and that each rho is
    a homomorphism.

    Args:
        group: The group; memory is of the order of its Cayley table.
        seed: Decides the bases. The same seed gives the same matrices up to rounding.

    Returns:
        The trivial one first, then by dimension, then by falling character on the conjugacy classes in their order.

    Raises:
        ValueError: The representation did not split.

    Example:
        >>> from lk.groups import Symmetric
        >>> irreps(Symmetric(4))
        [Irrep 1a (real), Irrep 1b (real), Irrep 2a (real), Irrep 3a (real), Irrep 3b (real)]
    """
    rng = np.random.default_rng(seed)
    for _ in range(ATTEMPTS):
        split = eigenspaces(group, rng)
        if split is not None:
            break
    else:
        raise ValueError(
            f"expected irreducible eigenspaces of the regular representation of {group}, got none from {ATTEMPTS} "
            f"random matrices of seed={seed}. Use another seed."
        )
    bases, characters, kinds = split
    matrices: list[Floats] = [np.empty(0)] * len(bases)
    for d in {basis.shape[1] for basis in bases}:
        same = [i for i, basis in enumerate(bases) if basis.shape[1] == d]
        for i, matrix in zip(same, representations(group, np.stack([bases[i] for i in same])), strict=True):
            matrices[i] = matrix
    names = name_by_dimension([basis.shape[1] for basis in bases])
    return [Irrep(*parts) for parts in zip(matrices, characters[:, group.classes], kinds, names, strict=True)]


def eigenspaces(group: Group, rng: np.random.Generator) -> tuple[list[Floats], Floats, list[Kind]] | None:
    """An orthonormal basis `(order, d)`, class character and kind of each irreducible representation.

    None without a clean split.
    """
    n = group.order
    weights = rng.normal(size=n)
    weights = weights + weights[group.inverse]
    values, vectors = np.linalg.eigh(weights[group.table[group.inverse]])
    edges = np.flatnonzero(np.diff(values) > 1e-9 * np.abs(values).max()) + 1
    starts, ends = np.array([0, *edges]), np.array([*edges, n])
    characters = np.add.reduceat(class_traces(group, vectors), starts, axis=1).T

    _, chosen = np.unique(np.round(characters, 5) + 0.0, axis=0, return_index=True)
    order = sorted(chosen, key=lambda i: (ends[i] - starts[i], (-np.round(characters[i], 5) + 0.0).tolist()))
    kinds = [kind_of(group, characters[i]) for i in order]
    dimensions = (ends - starts)[order]
    if any(kind is None for kind in kinds):
        return None
    found = [kind for kind in kinds if kind is not None]
    if sum(int(d) ** 2 / INVARIANTS[kind][0] for d, kind in zip(dimensions, found, strict=True)) != n:
        return None
    return [canonical(vectors[:, starts[i] : ends[i]]) for i in order], characters[order], found


def class_traces(group: Group, vectors: Floats) -> Floats:
    """For a g of each class and each unit vector v of the regular representation, v^T L(g) v.

    Shape `(classes, vectors)`.
    """
    _, representatives = np.unique(group.classes, return_index=True)
    return np.stack([np.einsum("hv,hv->v", vectors[group.table[g]], vectors) for g in representatives])


def kind_of(group: Group, character: Floats) -> Kind | None:
    """The kind of a real character given on the classes, None if it is not irreducible."""
    squares = group.classes[group.table.diagonal()]
    norm = character**2 @ group.class_sizes / group.order
    schur = character[squares].mean()
    matching = (kind for kind, known in INVARIANTS.items() if abs(norm - known[0]) + abs(schur - known[1]) < TOLERANCE)
    return next(matching, None)


def canonical(basis: Floats) -> Floats:
    """The orthonormal basis of a space whose first independent rows are lower triangular with a positive diagonal.

    It depends on the space alone, so that results do not change with the basis that LAPACK happens to return.
    """
    n, d = basis.shape
    directions = np.zeros((d, 0))
    for k in range(d):
        rest = basis - basis @ directions @ directions.T
        lengths = (rest**2).sum(axis=1)
        # The mean of the lengths is (d - k) / n, so one of them is above a part of it.
        row = rest[np.argmax(lengths > 0.37 * (d - k) / n)]
        directions = np.column_stack([directions, row / np.linalg.norm(row)])
    return basis @ directions


def representations(group: Group, bases: Floats) -> Floats:
    """rho(g) = B^T L(g) B for bases of one dimension, made orthogonal and multiplicative to rounding.

    An eigenspace is known up to rounding over its distance to the next eigenvalue. The mean over h of rho(s h) rho(h)^T
    squares that error (Grove, Karcher and Ruh 1974); it is taken for generators s, the other elements are words in
    them.

    Args:
        group: The group.
        bases: Orthonormal bases, shape `(spaces, order, d)`.

    Returns:
        Matrices, shape `(spaces, order, d, d)`.
    """
    generators = group.generators
    if not generators:
        return np.ones((len(bases), 1, 1, 1))
    images = np.stack([np.swapaxes(bases[:, group.table[s]], 1, 2) @ bases for s in generators], axis=1)
    rho = extend(group, nearest_orthogonal(images))
    images = np.stack(
        [np.einsum("ahij,ahkj->aik", rho[:, group.table[s]], rho, optimize=True) for s in generators], axis=1
    )
    rho = extend(group, nearest_orthogonal(images / group.order))
    for s in generators:
        error = np.abs(rho @ rho[:, [s]] - rho[:, group.table[:, s]]).max()
        if error > HOMOMORPHISM_TOLERANCE:
            raise ValueError(
                f"expected rho(g) rho({s}) within {HOMOMORPHISM_TOLERANCE:.0e} of rho(g·{s}) in {group}, got a "
                f"difference of {error:.1e}. Use another seed."
            )
    return rho


def nearest_orthogonal(matrices: Floats) -> Floats:
    """The orthogonal factor of the polar decomposition."""
    left, _, right = np.linalg.svd(matrices)
    orthogonal: Floats = left @ right
    return orthogonal


def name_by_dimension(dimensions: list[int]) -> list[str]:
    """`1a`, `1b`, `2a`, ... in the given order; after `z` comes `aa`.

    Example:
        >>> name_by_dimension([1, 1, 2])
        ['1a', '1b', '2a']
    """
    names, counts = [], dict.fromkeys(dimensions, 0)
    for d in dimensions:
        counts[d] += 1
        number, letters = counts[d], ""
        while number:
            number, digit = divmod(number - 1, 26)
            letters = chr(ord("a") + digit) + letters
        names.append(f"{d}{letters}")
    return names
