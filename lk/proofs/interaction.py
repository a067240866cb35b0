r"""Both inequalities of `lk.proofs.gset` for chunks of pairs: of the network against its ideal, neuron by neuron, and of the ideal's unembedding.

The explained neurons come first. For a run of pairs with one x, u's part evaluates, with e = h - alpha - gamma and eta = e - a C,

.. math:: \sum_i R_i(xy) e_i, \quad \sum_i M_i |\eta_i|, \quad \sum_i s_i \eta_i^2 .

The part of a u - v has t = C, which depends on the points that an ideal neuron sees. So the sums over the neurons that share a function y -> yq are
made once for each x and each value of it, and a pair adds up one number for each such function, not one for each neuron.
"""

from typing import Any

import numpy as np
from numba import njit

from lk.proofs.point_values import PointValues
from lk.proofs.rounding import Floats, Ints


def runs_of(xs: Ints) -> Ints:
    """Where each run of one x begins, and the end."""
    return np.concatenate([[0], np.flatnonzero(np.diff(xs)) + 1, [len(xs)]])


@njit(cache=True, nogil=True)
def sums_of_network(
    left: Any,
    right: Any,
    kind: int,
    along_x: Any,
    along_y: Any,
    largest: Any,
    weights: Any,
    columns: Any,
    ends: Any,
    values: Any,
    start: Any,
    at: Any,
    scales: Any,
    runs: Any,
    xs: Any,
    ys: Any,
    zs: Any,
    holder: Any,
    squares: Any,
    correct: Any,
) -> None:
    """Add the three sums over all neurons, in strict IEEE order: no fastmath, no fused operations. Arrays of neurons are neurons first."""
    for run in range(runs.shape[0] - 1):
        begin, end = runs[run], runs[run + 1]
        x, first, count = xs[begin], ys[begin], end - begin
        whole = ys[end - 1] - first == count - 1
        chosen = ys[begin:end]
        right_answers, answers = correct[begin:end], zs[begin:end]
        e, group = np.empty(count), 0
        for i in range(left.shape[0]):
            group += i == ends[group]
            bounds, norms = holder[group, begin:end], squares[group, begin:end]
            a, b, m, s, r = left[i, x], along_x[i, x], largest[i], weights[i], columns[i]
            if whole:
                other, g = right[i, first : first + count], along_y[i, first : first + count]
            else:
                other, g = right[i][chosen], along_y[i][chosen]
            if kind == 0:
                for p in range(count):
                    e[p] = max(a + other[p], 0.0) - b - g[p]
            elif kind == 1:
                for p in range(count):
                    e[p] = abs(a + other[p]) - b - g[p]
            else:
                for p in range(count):
                    v = a + other[p]
                    e[p] = v * v - b - g[p]
            for p in range(count):
                right_answers[p] += r[answers[p]] * e[p]
            if i < start.shape[0]:
                row, places, scale = values[start[i, x] :], at[i], scales[i]
                for p in range(count):
                    e[p] -= scale * row[places[chosen[p]]]
            for p in range(count):
                bounds[p] += m * abs(e[p])
                norms[p] += s * (e[p] * e[p])


@njit(cache=True, nogil=True)
def sums_of_ideal(
    values: Any,
    start: Any,
    width: Any,
    slots: Any,
    at_slot: Any,
    shift: Any,
    largest: Any,
    weights: Any,
    runs: Any,
    xs: Any,
    ys: Any,
    holder: Any,
    squares: Any,
    linear: Any,
) -> None:
    """Sums over the explained neurons of M |C|, s C^2 and c C: first for each slot and place, then for each pair."""
    most = 0
    for i in range(width.shape[0]):
        most = max(most, width[i])
    table = np.empty((at_slot.shape[0], most, 3))
    for run in range(runs.shape[0] - 1):
        begin, end = runs[run], runs[run + 1]
        x = xs[begin]
        table[:] = 0.0
        for i in range(start.shape[0]):
            base, slot = start[i, x], slots[i]
            for q in range(width[i]):
                c = values[base + q]
                table[slot, q, 0] += largest[i] * abs(c)
                table[slot, q, 1] += weights[i] * (c * c)
                table[slot, q, 2] += shift[i] * c
        for p in range(begin, end):
            y = ys[p]
            for slot in range(at_slot.shape[0]):
                place = at_slot[slot, y]
                holder[p] += table[slot, place, 0]
                squares[p] += table[slot, place, 1]
                linear[p] += table[slot, place, 2]


def operations_of_ideal(points: PointValues, rows: int, pairs: int) -> int:
    """Multiply-adds of `sums_of_ideal`: five for each neuron and place in a row of x, three for each slot of a pair."""
    return 5 * rows * int(points.width.sum()) + 3 * pairs * (int(points.slots.max(initial=-1)) + 1)


def slot_places(points: PointValues) -> Ints:
    """`at` of each slot, shape `(slots, n)`."""
    count = int(points.slots.max(initial=-1)) + 1
    places = np.zeros((count, points.at.shape[1]), np.int64)
    places[points.slots] = points.at
    return places


def add_up(
    points: PointValues, shift: Floats, largest: Floats, weights: Floats, xs: Ints, ys: Ints
) -> tuple[Floats, Floats, Floats]:
    """Sums of M |C|, s C^2 and c C of chunks of pairs, shape `(pairs,)` each."""
    holder, squares, linear = np.zeros((3, len(xs)))
    if len(points.start):
        sums_of_ideal(
            points.values,
            points.start,
            points.width,
            points.slots,
            slot_places(points),
            shift,
            largest,
            weights,
            runs_of(xs),
            xs,
            ys,
            holder,
            squares,
            linear,
        )
    return holder, squares, linear
