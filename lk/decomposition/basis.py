"""The basis of the parametric path.

As many coalitions at their bound as effects in use, with the inverse of their block.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from scipy.linalg import lapack

from lk.decomposition.operator import Indices, Matrix, Vector, block_of, sums_where_firing, values_of
from lk.transforms import FAST, add_subsets, add_supersets

_OF_BASIS = ("row_sign", "multiplier", "multiplier_rate", "column_sign", "effect", "effect_rate", "first", "second")


class Basis(NamedTuple):
    """Everything that the compiled loop reads and changes, preallocated.

    Only the first `counts[0]` entries of basis arrays are in use.
    """

    counts: Any  # size of the basis, kind and place of the pending event, steps done
    bound: Any  # current bound, shape (1,)
    inverse: Any  # of D[rows, columns]
    rows: Any  # coalitions at their bound
    row_sign: Any
    multiplier: Any
    multiplier_rate: Any
    columns: Any  # effects in use
    column_sign: Any
    effect: Any
    effect_rate: Any
    weight: Any  # of all effects
    ceiling: Any  # weight, infinite for effects in use or impossible
    blocked: Any  # of all coalitions: infinite for those at their bound, else zero
    sums: Any  # D^T multiplier
    sums_rate: Any
    residual: Any
    residual_rate: Any
    first: Any  # scratch of the size of the basis
    second: Any
    untouched: Any  # scratch of the size of the game


@njit(cache=True, nogil=True, fastmath=FAST)
def rates_of_sums(b: Any, count: int) -> None:
    """sums_rate = D^T multiplier_rate, of which `count` entries on `rows` are non-zero."""
    size = b.residual.shape[0]
    sums_rate, untouched = b.sums_rate, b.untouched
    for i in range(size):
        sums_rate[i] = 0.0
        untouched[i] = 0.0
    for e in range(count):
        sums_rate[b.rows[e]] = b.multiplier_rate[e]
        untouched[b.rows[e]] = b.multiplier_rate[e]
    add_supersets(sums_rate[:size])
    add_subsets(untouched)
    total = untouched[size - 1]
    for i in range(size):
        sums_rate[size + i] = total - untouched[size - 1 - i]


@njit(cache=True, nogil=True, fastmath=FAST)
def rates_of_residual(b: Any, count: int) -> None:
    """residual_rate = D effect_rate."""
    size = b.residual.shape[0]
    residual_rate, untouched = b.residual_rate, b.untouched
    for i in range(size):
        residual_rate[i] = 0.0
        untouched[i] = 0.0
    for a in range(count):
        if b.columns[a] < size:
            residual_rate[b.columns[a]] = b.effect_rate[a]
        else:
            untouched[b.columns[a] - size] = b.effect_rate[a]
    add_subsets(residual_rate)
    add_subsets(untouched)
    total = untouched[size - 1]
    for i in range(size):
        residual_rate[i] += total - untouched[size - 1 - i]


def empty_basis(u: Vector, weight: Vector, capacity: int) -> Basis:
    """The basis without effects, at bound = max |u|."""
    size = len(u)
    blocked = np.zeros(size)
    blocked[0] = np.inf  # the empty coalition is matched by centring
    return Basis(
        counts=np.zeros(4, dtype=np.int64),
        bound=np.array([np.abs(u).max()]),
        inverse=np.empty((capacity, capacity)),
        rows=np.zeros(capacity, dtype=np.int64),
        columns=np.zeros(capacity, dtype=np.int64),
        weight=weight.copy(),
        ceiling=weight.copy(),
        blocked=blocked,
        residual=u.copy(),
        **{name: np.zeros(capacity) for name in _OF_BASIS},
        **{name: np.zeros(2 * size) for name in ("sums", "sums_rate")},
        **{name: np.zeros(size) for name in ("residual_rate", "untouched")},
    )


def with_capacity(b: Basis, capacity: int) -> Basis:
    """The same basis with place for more rows and columns."""
    old = b.rows.shape[0]
    inverse = np.empty((capacity, capacity))
    inverse[:old, :old] = b.inverse
    grown = {
        name: np.concatenate([array, np.zeros(capacity - old, array.dtype)])
        for name, array in b._asdict().items()
        if name in (*_OF_BASIS, "rows", "columns")
    }
    return b._replace(inverse=inverse, **grown)


def refactor(b: Basis, u: Vector) -> bool:
    """Recompute everything from rows and columns alone, against drift; False when the basis is singular."""
    count = int(b.counts[0])
    rows, columns = b.rows[:count], b.columns[:count]
    inverse = inverted(block_of(rows, columns, len(u)))
    if inverse is None:
        return False
    b.inverse[:count, :count] = inverse
    b.multiplier[:count] = (b.column_sign[:count] * b.weight[columns]) @ inverse
    b.effect[:count] = inverse @ (u[rows] - b.bound[0] * b.row_sign[:count])
    b.effect_rate[:count] = inverse @ b.row_sign[:count]
    b.sums[:] = sums_where_firing(scattered(b.multiplier[:count], rows, len(u)))
    b.residual[:] = u - values_of(scattered(b.effect[:count], columns, 2 * len(u)))
    b.residual[0] = 0.0
    return bool(np.isfinite(b.multiplier[:count]).all() and np.isfinite(b.effect[:count]).all())


def inverted(block: Matrix) -> Matrix | None:
    """The inverse of a square block; None if it is singular."""
    if len(block) == 0:
        return block
    factors, pivots, status = lapack.dgetrf(block)
    if status != 0:
        return None
    inverse, status = lapack.dgetri(factors, pivots)
    return inverse if status == 0 and np.isfinite(inverse).all() else None


def scattered(entries: Vector, places: Indices, length: int) -> Vector:
    """A vector with these entries at these places, zero elsewhere."""
    full = np.zeros(length)
    full[places] = entries
    return full
