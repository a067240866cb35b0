"""The parametric path: sparse games solved exactly, from the zero answer down to the wanted bound.

At bound = max |u| no effect is needed. As the bound shrinks, the optimum moves along straight pieces; each breakpoint exchanges one
coalition or one effect of a small basis, D[rows, columns], whose explicit inverse is updated by rank one. The cost follows the number of
effects in use, so the path serves sparse games and hands dense ones back, unsolved, as soon as they show themselves.

Source: the parametric (self-dual) simplex method, Vanderbei, Linear Programming, ch. 7; two-pass ratio tests of Harris, 1973. For
bound -> 0 it is the analogue of the homotopy of the Dantzig selector (James, Radchenko and Lv, 2009).
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from scipy.linalg import lapack

from lk.decomposition.operator import (
    FAST,
    Indices,
    Matrix,
    Vector,
    block_of,
    fires,
    subset_sums,
    sums_where_firing,
    superset_sums,
    values_of,
)

_REFACTOR = 64  # steps between two fresh inverses
_PRIMAL_SLACK = 1e-12  # how far a ratio test may overstep to find a larger pivot (games are scaled to max |u| = 1)
_DUAL_SLACK = 1e-10
_TELLING = 24  # effects in use from which the density of a game is judged
_SMALLEST_RATE = 1e-9
_SMALLEST_SPEED = 1e-7
_NEVER = 1e-300  # a rate so small that nothing is met
_PERTURBATIONS = (
    1e-11,
    1e-9,
    1e-7,
)  # ties of the game are broken by noise of this size; a failed path is repeated with more

_RUNNING, _ARRIVED, _BLOCKED = 0, 1, 2
_NOTHING, _ROW, _COLUMN = 0, 1, 2  # what the last move ran into


class _Basis(NamedTuple):
    """Everything that the compiled loop reads and changes, preallocated; only the first `counts[0]` entries of basis arrays are in use."""

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


@dataclass(frozen=True)
class Vertex:
    """A basic optimal solution: effects on `columns`, multipliers on `rows`."""

    effects: Vector
    multipliers: Vector
    steps: int


@njit(cache=True, nogil=True, fastmath=FAST)
def _rates_of_sums(b: Any, count: int) -> None:
    """sums_rate = D^T multiplier_rate, of which `count` entries on `rows` are non-zero."""
    size = b.residual.shape[0]
    sums_rate, untouched = b.sums_rate, b.untouched
    for i in range(size):
        sums_rate[i] = 0.0
        untouched[i] = 0.0
    for e in range(count):
        sums_rate[b.rows[e]] = b.multiplier_rate[e]
        untouched[b.rows[e]] = b.multiplier_rate[e]
    superset_sums(sums_rate[:size])
    subset_sums(untouched)
    total = untouched[size - 1]
    for i in range(size):
        sums_rate[size + i] = total - untouched[size - 1 - i]


@njit(cache=True, nogil=True, fastmath=FAST)
def _rates_of_residual(b: Any, count: int) -> None:
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
    subset_sums(residual_rate)
    subset_sums(untouched)
    total = untouched[size - 1]
    for i in range(size):
        residual_rate[i] += total - untouched[size - 1 - i]


@njit(cache=True, nogil=True, fastmath=FAST)
def _lower_bound(b: Any, final_bound: float) -> int:
    """Move along the current piece until a coalition meets its bound or an effect vanishes; remember which."""
    count = b.counts[0]
    bound = b.bound[0]
    residual, residual_rate, blocked = b.residual, b.residual_rate, b.blocked
    effect, effect_rate, column_sign = b.effect, b.effect_rate, b.column_sign
    _rates_of_residual(b, count)
    furthest = bound - final_bound
    for i in range(residual.shape[0]):  # free of branches, so that it compiles to vector instructions
        above = 1.0 - residual_rate[i]
        below = 1.0 + residual_rate[i]
        above = above if above > _SMALLEST_RATE else _NEVER
        below = below if below > _SMALLEST_RATE else _NEVER
        nearest = min(
            (max(bound - residual[i], 0.0) + _PRIMAL_SLACK) / above,
            (max(bound + residual[i], 0.0) + _PRIMAL_SLACK) / below,
        )
        furthest = min(furthest, nearest + blocked[i])
    for a in range(count):
        shrinking = -column_sign[a] * effect_rate[a]
        if shrinking > _SMALLEST_RATE:
            furthest = min(furthest, (column_sign[a] * effect[a] + _PRIMAL_SLACK) / shrinking)
    move = bound - final_bound
    kind, place, pivot = _NOTHING, -1, 0.0
    if furthest < move:
        for i in range(residual.shape[0]):
            above = 1.0 - residual_rate[i]
            below = 1.0 + residual_rate[i]
            if above > pivot and bound - residual[i] + blocked[i] <= furthest * above:
                pivot, kind, place, move = above, _ROW, i, (bound - residual[i]) / above
            if below > pivot and bound + residual[i] + blocked[i] <= furthest * below:
                pivot, kind, place, move = below, _ROW, i, (bound + residual[i]) / below
        for a in range(count):
            shrinking = -column_sign[a] * effect_rate[a]
            if shrinking > pivot and column_sign[a] * effect[a] <= furthest * shrinking:
                pivot, kind, place, move = shrinking, _COLUMN, a, column_sign[a] * effect[a] / shrinking
    move = max(move, 0.0)
    for a in range(count):
        effect[a] += move * effect_rate[a]
    for i in range(residual.shape[0]):
        residual[i] -= move * residual_rate[i]
    b.bound[0] -= move
    b.counts[1] = kind
    b.counts[2] = place
    return _ARRIVED if kind == _NOTHING else _RUNNING


@njit(cache=True, nogil=True, fastmath=FAST)
def _exchange(b: Any) -> int:
    """Resolve the pending event: turn the multipliers until an effect enters or a coalition leaves, and update the inverse."""
    count = b.counts[0]
    size = b.residual.shape[0]
    inverse, rows, row_sign, columns, column_sign = b.inverse, b.rows, b.row_sign, b.columns, b.column_sign
    multiplier, multiplier_rate, effect, effect_rate = b.multiplier, b.multiplier_rate, b.effect, b.effect_rate
    weight, ceiling, blocked, sums, sums_rate = b.weight, b.ceiling, b.blocked, b.sums, b.sums_rate
    place = b.counts[2]
    entering_row = b.counts[1] == _ROW
    projected = b.first  # of the entering row: D[row, columns] inverse
    sign = 0.0
    if entering_row:
        sign = 1.0 if b.residual[place] > 0 else -1.0
        for e in range(count):
            projected[e] = 0.0
        for a in range(count):
            if fires(columns[a], place, size) != 0.0:
                for e in range(count):
                    projected[e] += inverse[a, e]
        for e in range(count):
            multiplier_rate[e] = -sign * projected[e]
        rows[count] = place
        multiplier_rate[count] = sign
        _rates_of_sums(b, count + 1)
    else:
        for e in range(count):
            multiplier_rate[e] = -column_sign[place] * inverse[place, e]
        _rates_of_sums(b, count)

    # Two passes: the furthest move with slack allowed, then the largest pivot within it.
    furthest = np.inf
    for j in range(2 * size):  # free of branches, so that it compiles to vector instructions
        rate = sums_rate[j]
        slack = max(ceiling[j] - (sums[j] if rate > 0 else -sums[j]), 0.0)
        speed = abs(rate) if abs(rate) > _SMALLEST_SPEED else _NEVER
        furthest = min(furthest, (slack + _DUAL_SLACK) / speed)
    for e in range(count):
        shrinking = -row_sign[e] * multiplier_rate[e]
        if shrinking > _SMALLEST_RATE:
            furthest = min(furthest, (row_sign[e] * multiplier[e] + _DUAL_SLACK) / shrinking)
    entering, leaving, pivot, move = -1, -1, 0.0, 0.0
    if (
        not entering_row and 2.0 * weight[columns[place]] <= furthest
    ):  # the vanished effect comes back with the other sign
        entering, pivot, move = columns[place], 1.0, 2.0 * weight[columns[place]]
    for j in range(2 * size):
        rate = sums_rate[j]
        if abs(rate) > pivot and abs(rate) > _SMALLEST_SPEED:
            slack = ceiling[j] - (sums[j] if rate > 0 else -sums[j])
            if slack <= furthest * abs(rate):
                entering, pivot, move = j, abs(rate), slack / abs(rate)
    for e in range(count):
        shrinking = -row_sign[e] * multiplier_rate[e]
        if shrinking > _SMALLEST_RATE and shrinking > pivot:
            slack = row_sign[e] * multiplier[e]
            if slack <= furthest * shrinking:
                entering, leaving, pivot, move = -1, e, shrinking, slack / shrinking
    if pivot == 0.0:
        return _BLOCKED
    move = max(move, 0.0)
    for j in range(2 * size):
        sums[j] += move * sums_rate[j]
    for e in range(count):
        multiplier[e] += move * multiplier_rate[e]

    column = b.second  # of the entering effect: inverse D[rows, effect]
    if leaving < 0:
        entries = multiplier_rate  # no longer needed
        for e in range(count):
            entries[e] = fires(entering, rows[e], size)
        for a in range(count):
            total = 0.0
            for e in range(count):
                total += inverse[a, e] * entries[e]
            column[a] = total
    if entering_row:
        gained = 0.0  # what the entering row lacks to move with the bound
        for a in range(count):
            gained += fires(columns[a], place, size) * effect_rate[a]
        gained = sign - gained
        if leaving < 0:  # the basis grows by a row and a column
            pivot = fires(entering, place, size)
            for a in range(count):
                pivot -= fires(columns[a], place, size) * column[a]
            for a in range(count):
                factor = column[a] / pivot
                for e in range(count):
                    inverse[a, e] += factor * projected[e]
                inverse[a, count] = -factor
                effect_rate[a] -= factor * gained
            for e in range(count):
                inverse[count, e] = -projected[e] / pivot
            inverse[count, count] = 1.0 / pivot
            effect_rate[count] = gained / pivot
            _place_column(b, count, entering)
            leaving = count
            b.counts[0] = count + 1
        else:  # the row takes the place of another
            pivot = projected[leaving]
            projected[leaving] -= 1.0
            for a in range(count):
                factor = inverse[a, leaving] / pivot
                for e in range(count):
                    inverse[a, e] -= factor * projected[e]
                effect_rate[a] += factor * gained
            blocked[rows[leaving]] = 0.0
        rows[leaving] = place
        row_sign[leaving] = sign
        multiplier[leaving] = sign * move
        blocked[place] = np.inf
        return _RUNNING
    gone = columns[place]
    if leaving < 0:
        if entering != gone:  # the effect takes the place of another
            pivot = column[place]
            rate = effect_rate[place] / pivot
            for e in range(count):
                projected[e] = inverse[place, e] / pivot
            for a in range(count):
                factor = column[a] if a != place else pivot - 1.0
                effect_rate[a] -= column[a] * rate
                for e in range(count):
                    inverse[a, e] -= factor * projected[e]
            effect_rate[place] = rate
            ceiling[gone] = weight[gone]
        _place_column(b, place, entering)
        return _RUNNING
    # the basis shrinks by a row and a column; the last ones fill the gap
    ceiling[gone] = weight[gone]
    blocked[rows[leaving]] = 0.0
    pivot = inverse[place, leaving]
    rate = effect_rate[place] / pivot
    for e in range(count):
        projected[e] = inverse[place, e] / pivot
    for a in range(count):
        factor = inverse[a, leaving]
        if a != place:
            effect_rate[a] -= factor * rate
            for e in range(count):
                inverse[a, e] -= factor * projected[e]
    last = count - 1
    if place != last:
        for e in range(count):
            inverse[place, e] = inverse[last, e]
        columns[place] = columns[last]
        column_sign[place] = column_sign[last]
        effect[place] = effect[last]
        effect_rate[place] = effect_rate[last]
    if leaving != last:
        for a in range(last):
            inverse[a, leaving] = inverse[a, last]
        rows[leaving] = rows[last]
        row_sign[leaving] = row_sign[last]
        multiplier[leaving] = multiplier[last]
    b.counts[0] = last
    return _RUNNING


@njit(cache=True, nogil=True)
def _place_column(b: Any, place: int, effect: int) -> None:
    """Put an effect that starts from zero at a place of the basis; its sign is the direction in which its sum met the weight."""
    b.columns[place] = effect
    b.column_sign[place] = 1.0 if b.sums[effect] > 0 else -1.0
    b.effect[place] = 0.0
    b.sums[effect] = b.column_sign[place] * b.weight[effect]
    b.ceiling[effect] = np.inf


@njit(cache=True, nogil=True)
def _walk(b: Any, final_bound: float, steps: int) -> int:
    """At most `steps` breakpoints."""
    status = _RUNNING
    for _ in range(steps):
        if b.counts[1] != _NOTHING:
            status = _exchange(b)
            if status != _RUNNING:
                return status
            b.counts[3] += 1
        status = _lower_bound(b, final_bound)
        if status != _RUNNING:
            return status
    return status


def vertices(u: Vector, weight: Vector, bounds: list[float], largest_basis: float, most_steps: float) -> list[Vertex]:
    """Optimal vertices at each of the descending `bounds`; fewer when the game turns out dense.

    Args:
        u: centred game, shape `(2**n,)`, scaled to max |u| = 1.
        weight: price of each effect, shape `(2 * 2**n,)`, infinite for impossible ones.
        bounds: largest residuals wanted, descending, positive, below 1 or not.
        largest_basis: give up when more effects than this are expected at the next bound.
        most_steps: give up after this number of breakpoints.

    Returns:
        One vertex per bound, or those before the path was given up.
    """
    for size in _PERTURBATIONS:
        found, failed = _follow(u, weight, bounds, largest_basis, most_steps, size)
        if not failed:
            return found
    return []


def _follow(
    u: Vector, weight: Vector, bounds: list[float], largest_basis: float, most_steps: float, noise: float
) -> tuple[list[Vertex], bool]:
    tilted = u + noise * np.random.default_rng(0).uniform(-1, 1, u.shape)
    tilted[0] = 0.0
    b = _empty_basis(tilted, weight, capacity=128)
    found: list[Vertex] = []
    for bound in bounds:
        while True:
            status = _walk(b, bound, _REFACTOR) if b.bound[0] > bound else _ARRIVED
            if status == _BLOCKED:
                return found, True
            if status == _ARRIVED:
                break
            # The basis grows about as fast as the bound falls: a dense game shows itself early, before it has cost much.
            expected = b.counts[0] * b.bound[0] / bound
            if (b.counts[0] >= _TELLING and expected > largest_basis) or b.counts[3] > most_steps:
                return found, False
            if b.counts[0] + _REFACTOR > b.rows.shape[0] - 2:
                b = _with_capacity(b, 2 * b.rows.shape[0])
            if not _refactor(b, tilted):
                return found, True
        vertex = _vertex(b, u, min(bound, float(b.bound[0])))
        if vertex is None:
            return found, True
        found.append(vertex)
    return found, False


def _empty_basis(u: Vector, weight: Vector, capacity: int) -> _Basis:
    size = len(u)
    blocked = np.zeros(size)
    blocked[0] = np.inf  # the empty coalition is matched by centring
    return _Basis(
        counts=np.zeros(4, dtype=np.int64), bound=np.array([np.abs(u).max()]), inverse=np.empty((capacity, capacity)),
        rows=np.zeros(capacity, dtype=np.int64), row_sign=np.zeros(capacity), multiplier=np.zeros(capacity),
        multiplier_rate=np.zeros(capacity), columns=np.zeros(capacity, dtype=np.int64), column_sign=np.zeros(capacity),
        effect=np.zeros(capacity), effect_rate=np.zeros(capacity), weight=weight.copy(), ceiling=weight.copy(), blocked=blocked,
        sums=np.zeros(2 * size), sums_rate=np.zeros(2 * size), residual=u.copy(), residual_rate=np.zeros(size),
        first=np.zeros(capacity), second=np.zeros(capacity), untouched=np.zeros(size),
    )  # fmt: skip


def _with_capacity(b: _Basis, capacity: int) -> _Basis:
    """The same basis with room for more."""
    old = b.rows.shape[0]
    inverse = np.empty((capacity, capacity))
    inverse[:old, :old] = b.inverse
    grown = {
        name: np.concatenate([array, np.zeros(capacity - old, array.dtype)])
        for name, array in b._asdict().items()
        if len(array) == old and array.ndim == 1 and name in _OF_BASIS
    }
    return b._replace(inverse=inverse, **grown)


_OF_BASIS = (
    "rows", "row_sign", "multiplier", "multiplier_rate", "columns", "column_sign", "effect", "effect_rate", "first", "second",
)  # fmt: skip


def _refactor(b: _Basis, u: Vector) -> bool:
    """Recompute everything from rows and columns alone, against the drift of rank-one updates. False when the basis is singular."""
    count = int(b.counts[0])
    rows, columns = b.rows[:count], b.columns[:count]
    inverse = _inverted(block_of(rows, columns, len(u)))
    if inverse is None:
        return False
    b.inverse[:count, :count] = inverse
    b.multiplier[:count] = (b.column_sign[:count] * b.weight[columns]) @ inverse
    b.effect[:count] = inverse @ (u[rows] - b.bound[0] * b.row_sign[:count])
    b.effect_rate[:count] = inverse @ b.row_sign[:count]
    b.sums[:] = sums_where_firing(_scattered(b.multiplier[:count], rows, len(u)))
    b.residual[:] = u - values_of(_scattered(b.effect[:count], columns, 2 * len(u)))
    b.residual[0] = 0.0
    return bool(np.isfinite(b.multiplier[:count]).all() and np.isfinite(b.effect[:count]).all())


def _vertex(b: _Basis, u: Vector, bound: float) -> Vertex | None:
    """The solution of the untilted game on the present basis."""
    count = int(b.counts[0])
    rows, columns = b.rows[:count], b.columns[:count]
    block = block_of(rows, columns, len(u))
    inverse = _inverted(block)
    if inverse is None:
        return None
    prices = b.column_sign[:count] * b.weight[columns]
    targets = u[rows] - bound * b.row_sign[:count]
    multiplier, effect = prices @ inverse, inverse @ targets
    multiplier = (
        multiplier + (prices - multiplier @ block) @ inverse
    )  # one step of refinement: the finish works at 1e-13
    effect = effect + inverse @ (targets - block @ effect)
    return Vertex(_scattered(effect, columns, 2 * len(u)), _scattered(multiplier, rows, len(u)), int(b.counts[3]))


def _inverted(block: Matrix) -> Matrix | None:
    if len(block) == 0:
        return block
    factors, pivots, status = lapack.dgetrf(block)
    if status != 0:
        return None
    inverse, status = lapack.dgetri(factors, pivots)
    return inverse if status == 0 and np.isfinite(inverse).all() else None


def _scattered(entries: Vector, places: Indices, length: int) -> Vector:
    full = np.zeros(length)
    full[places] = entries
    return full
