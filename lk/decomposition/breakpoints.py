"""The breakpoints of the parametric path, compiled.

Each exchanges one coalition or one effect of the basis and updates the inverse of D[rows, columns] by rank one.
"""

from typing import Any

import numpy as np
from numba import njit

from lk.decomposition.basis import rates_of_residual, rates_of_sums
from lk.decomposition.operator import fires
from lk.transforms import FAST

_PRIMAL_SLACK = 1e-12  # how far a ratio test may overstep to find a larger pivot (games are scaled to max |u| = 1)
_DUAL_SLACK = 1e-10
_SMALLEST_RATE = 1e-9
_SMALLEST_SPEED = 1e-7
_NEVER = 1e-300  # a rate so small that nothing is met

RUNNING, ARRIVED, BLOCKED = 0, 1, 2
_NOTHING, _ROW, _COLUMN = 0, 1, 2  # what the last move ran into


@njit(cache=True, nogil=True, fastmath=FAST)
def _lower_bound(b: Any, final_bound: float) -> int:
    """Move along the current piece until a coalition meets its bound or an effect vanishes; remember which."""
    count = b.counts[0]
    bound = b.bound[0]
    residual, residual_rate, blocked = b.residual, b.residual_rate, b.blocked
    effect, effect_rate, column_sign = b.effect, b.effect_rate, b.column_sign
    rates_of_residual(b, count)
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
    return ARRIVED if kind == _NOTHING else RUNNING


@njit(cache=True, nogil=True, fastmath=FAST)
def _exchange(b: Any) -> int:
    """Resolve the pending event: turn the multipliers until an effect enters or a coalition leaves; update the inverse.

    The event and what the ratio test of the multipliers meets first decide the update::

        event                        met first                update          size of the basis
        -----                        ---------                ------          -----------------
        coalition reached bound  ->  effect reached price  -> _grow           count + 1
        coalition reached bound  ->  multiplier vanished   -> _replace_row    count
        effect vanished          ->  effect reached price  -> _replace_column count
        effect vanished          ->  multiplier vanished   -> _shrink         count - 1
        either                   ->  nothing               -> (blocked)       count
    """
    place = b.counts[2]
    entering_row = b.counts[1] == _ROW
    sign = 0.0
    if entering_row:
        sign = 1.0 if b.residual[place] > 0 else -1.0
        _rates_of_row(b, place, sign)
    else:
        _rates_of_column(b, place)
    entering, leaving, move = _ratio_test(b)
    if entering < 0 and leaving < 0:
        return BLOCKED
    for j in range(b.sums.shape[0]):
        b.sums[j] += move * b.sums_rate[j]
    for e in range(b.counts[0]):
        b.multiplier[e] += move * b.multiplier_rate[e]
    if entering_row:
        gained = sign - _rate_at(b, place)  # what the entering row lacks to move with the bound
        if leaving < 0:
            leaving = _grow(b, place, entering, gained)
        else:
            _replace_row(b, leaving, gained)
        b.rows[leaving] = place
        b.row_sign[leaving] = sign
        b.multiplier[leaving] = sign * move
        b.blocked[place] = np.inf
    elif leaving < 0:
        _replace_column(b, place, entering)
    else:
        _shrink(b, place, leaving)
    return RUNNING


@njit(cache=True, nogil=True, fastmath=FAST)
def _rates_of_row(b: Any, place: int, sign: float) -> None:
    """How multipliers and sums move with the multiplier of an entering coalition.

    b.first = D[place, columns] inverse.
    """
    count, size = b.counts[0], b.residual.shape[0]
    inverse, columns, projected, multiplier_rate = b.inverse, b.columns, b.first, b.multiplier_rate
    for e in range(count):
        projected[e] = 0.0
    for a in range(count):
        if fires(columns[a], place, size) != 0.0:
            for e in range(count):
                projected[e] += inverse[a, e]
    for e in range(count):
        multiplier_rate[e] = -sign * projected[e]
    b.rows[count] = place
    multiplier_rate[count] = sign
    rates_of_sums(b, count + 1)


@njit(cache=True, nogil=True, fastmath=FAST)
def _rates_of_column(b: Any, place: int) -> None:
    """How multipliers and sums move when a vanished effect gives up its price."""
    count = b.counts[0]
    inverse, multiplier_rate, sign = b.inverse, b.multiplier_rate, b.column_sign[place]
    for e in range(count):
        multiplier_rate[e] = -sign * inverse[place, e]
    rates_of_sums(b, count)


@njit(cache=True, nogil=True, fastmath=FAST)
def _ratio_test(b: Any) -> tuple[int, int, float]:
    """The effect that enters or the basis row that leaves, -1 for the other one, and the move until then.

    Two passes: the furthest move with slack allowed, then the largest pivot within it.
    """
    count = b.counts[0]
    row_sign, multiplier, multiplier_rate = b.row_sign, b.multiplier, b.multiplier_rate
    ceiling, sums, sums_rate = b.ceiling, b.sums, b.sums_rate
    furthest = np.inf
    for j in range(sums.shape[0]):  # free of branches, so that it compiles to vector instructions
        rate = sums_rate[j]
        slack = max(ceiling[j] - (sums[j] if rate > 0 else -sums[j]), 0.0)
        speed = abs(rate) if abs(rate) > _SMALLEST_SPEED else _NEVER
        furthest = min(furthest, (slack + _DUAL_SLACK) / speed)
    for e in range(count):
        shrinking = -row_sign[e] * multiplier_rate[e]
        if shrinking > _SMALLEST_RATE:
            furthest = min(furthest, (row_sign[e] * multiplier[e] + _DUAL_SLACK) / shrinking)
    entering, leaving, pivot, move = -1, -1, 0.0, 0.0
    if b.counts[1] == _COLUMN:
        gone = b.columns[b.counts[2]]
        if 2.0 * b.weight[gone] <= furthest:  # the vanished effect comes back with the other sign
            entering, pivot, move = gone, 1.0, 2.0 * b.weight[gone]
    for j in range(sums.shape[0]):
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
    return entering, leaving, max(move, 0.0)


@njit(cache=True, nogil=True, fastmath=FAST)
def _column_of(b: Any, effect: int) -> None:
    """b.second = inverse D[rows, effect]."""
    count, size = b.counts[0], b.residual.shape[0]
    inverse, rows, column, entries = b.inverse, b.rows, b.second, b.multiplier_rate  # rates are no longer needed
    for e in range(count):
        entries[e] = fires(effect, rows[e], size)
    for a in range(count):
        total = 0.0
        for e in range(count):
            total += inverse[a, e] * entries[e]
        column[a] = total


@njit(cache=True, nogil=True, fastmath=FAST)
def _rate_at(b: Any, coalition: int) -> float:
    """D[coalition, columns] effect_rate."""
    rate = 0.0
    for a in range(b.counts[0]):
        rate += fires(b.columns[a], coalition, b.residual.shape[0]) * b.effect_rate[a]
    return rate


@njit(cache=True, nogil=True, fastmath=FAST)
def _grow(b: Any, place: int, entering: int, gained: float) -> int:
    """Extend the basis by a row and a column; the place of the new row."""
    _column_of(b, entering)
    count: int = b.counts[0]
    size = b.residual.shape[0]
    inverse, columns, effect_rate, projected, column = b.inverse, b.columns, b.effect_rate, b.first, b.second
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
    b.counts[0] = count + 1
    return count


@njit(cache=True, nogil=True, fastmath=FAST)
def _replace_row(b: Any, leaving: int, gained: float) -> None:
    """Update the inverse for a row that takes the place of another."""
    count = b.counts[0]
    inverse, effect_rate, projected = b.inverse, b.effect_rate, b.first
    pivot = projected[leaving]
    projected[leaving] -= 1.0
    for a in range(count):
        factor = inverse[a, leaving] / pivot
        for e in range(count):
            inverse[a, e] -= factor * projected[e]
        effect_rate[a] += factor * gained
    b.blocked[b.rows[leaving]] = 0.0


@njit(cache=True, nogil=True, fastmath=FAST)
def _replace_column(b: Any, place: int, entering: int) -> None:
    """Update the inverse for an effect that takes the place of another, or returns with the other sign."""
    _column_of(b, entering)
    count, gone = b.counts[0], b.columns[place]
    inverse, effect_rate, projected, column = b.inverse, b.effect_rate, b.first, b.second
    if entering != gone:
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
        b.ceiling[gone] = b.weight[gone]
    _place_column(b, place, entering)


@njit(cache=True, nogil=True, fastmath=FAST)
def _shrink(b: Any, place: int, leaving: int) -> None:
    """Remove a row and a column from the basis; the last ones fill the gap."""
    count, gone = b.counts[0], b.columns[place]
    inverse, rows, columns, effect_rate, projected = b.inverse, b.rows, b.columns, b.effect_rate, b.first
    b.ceiling[gone] = b.weight[gone]
    b.blocked[rows[leaving]] = 0.0
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
        b.column_sign[place] = b.column_sign[last]
        b.effect[place] = b.effect[last]
        effect_rate[place] = effect_rate[last]
    if leaving != last:
        for a in range(last):
            inverse[a, leaving] = inverse[a, last]
        rows[leaving] = rows[last]
        b.row_sign[leaving] = b.row_sign[last]
        b.multiplier[leaving] = b.multiplier[last]
    b.counts[0] = last


@njit(cache=True, nogil=True)
def _place_column(b: Any, place: int, effect: int) -> None:
    """Put an effect that starts from zero at a place of the basis.

    Its sign is the direction in which its sum met the weight.
    """
    b.columns[place] = effect
    b.column_sign[place] = 1.0 if b.sums[effect] > 0 else -1.0
    b.effect[place] = 0.0
    b.sums[effect] = b.column_sign[place] * b.weight[effect]
    b.ceiling[effect] = np.inf


@njit(cache=True, nogil=True)
def walk(b: Any, final_bound: float, steps: int) -> int:
    """Pass at most `steps` breakpoints on the way to a bound; whether the path is running, arrived or blocked."""
    status = RUNNING
    for _ in range(steps):
        if b.counts[1] != _NOTHING:
            status = _exchange(b)
            if status != RUNNING:
                return status
            b.counts[3] += 1
        status = _lower_bound(b, final_bound)
        if status != RUNNING:
            return status
    return status
