r"""Both inequalities of `lk.proofs.gset` for chunks of pairs.

Of the network against its ideal, neuron by neuron, and of the ideal's unembedding.

The explained neurons come first. For a run of pairs with one x, u's part evaluates, with e = h - alpha - gamma and
eta = e - a C,

.. math:: \sum_i R_i(xy) e_i, \quad \sum_i M_i |\eta_i|, \quad \sum_i s_i \eta_i^2 .

The part of a u - v has t = C, which depends on the points that an ideal neuron sees. So the sums over the neurons that
share a function y -> yq are computed once for each x and each value of it, and a pair adds one number for each such
function, not one for each neuron.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from lk.proofs.activation import Halves
from lk.proofs.point_values import Points, PointValues
from lk.proofs.residual import Columns, Pairs, Sums
from lk.proofs.rounding import Floats


class Unembedding(NamedTuple):
    """What both inequalities read of D = a u - v for each explained neuron, shape `(k,)` each.

    Attributes:
        shift: The part c that is summed without an inequality.
        largest: M.
        weights: s.
    """

    shift: Any
    largest: Any
    weights: Any


@njit(cache=True, nogil=True)
def sums_of_network(neurons: Halves, columns: Columns, points: Points, scales: Any, pairs: Pairs, sums: Sums) -> None:
    """Add the three sums over all neurons, in strict IEEE order: no fastmath, no fused operations.

    Arrays of neurons are neurons first.
    """
    left, right, kind = neurons
    for run in range(pairs.runs.shape[0] - 1):
        begin, end = pairs.runs[run], pairs.runs[run + 1]
        x, first, count = pairs.xs[begin], pairs.ys[begin], end - begin
        whole = pairs.ys[end - 1] - first == count - 1
        chosen, answers, correct = pairs.ys[begin:end], pairs.zs[begin:end], sums.correct[begin:end]
        e, group = np.empty(count), 0
        for i in range(left.shape[0]):
            group += i == columns.ends[group]
            bounds, norms = sums.holder[group, begin:end], sums.squares[group, begin:end]
            m, s, r = columns.largest[i], columns.weights[i], columns.entries[i]
            if whole:
                other, g = right[i, first : first + count], columns.along_y[i, first : first + count]
            else:
                other, g = right[i][chosen], columns.along_y[i][chosen]
            _deviations(left[i, x], other, columns.along_x[i, x], g, kind, e)
            for p in range(count):
                correct[p] += r[answers[p]] * e[p]
            if i < points.start.shape[0]:
                row, places, scale = points.values[points.start[i, x] :], points.at[i], scales[i]
                for p in range(count):
                    e[p] -= scale * row[places[chosen[p]]]
            for p in range(count):
                bounds[p] += m * abs(e[p])
                norms[p] += s * (e[p] * e[p])


@njit(cache=True, nogil=True)
def _deviations(a: float, other: Any, b: float, g: Any, kind: int, e: Any) -> None:
    """E = act(a + other) - b - g."""
    if kind == 0:
        for p in range(e.shape[0]):
            e[p] = max(a + other[p], 0.0) - b - g[p]
    elif kind == 1:
        for p in range(e.shape[0]):
            e[p] = abs(a + other[p]) - b - g[p]
    else:
        for p in range(e.shape[0]):
            v = a + other[p]
            e[p] = v * v - b - g[p]


@njit(cache=True, nogil=True)
def _sums_of_ideal(points: Points, unembedding: Unembedding, pairs: Pairs, sums: Any) -> None:
    """Sums over the explained neurons of M |C|, s C^2 and c C: first for each slot and place, then for each pair."""
    most = 0
    for i in range(points.width.shape[0]):
        most = max(most, points.width[i])
    table = np.empty((points.places.shape[0], most, 3))
    for run in range(pairs.runs.shape[0] - 1):
        begin, end = pairs.runs[run], pairs.runs[run + 1]
        x = pairs.xs[begin]
        table[:] = 0.0
        for i in range(points.start.shape[0]):
            base, slot = points.start[i, x], points.slots[i]
            for q in range(points.width[i]):
                c = points.values[base + q]
                table[slot, q, 0] += unembedding.largest[i] * abs(c)
                table[slot, q, 1] += unembedding.weights[i] * (c * c)
                table[slot, q, 2] += unembedding.shift[i] * c
        for p in range(begin, end):
            y = pairs.ys[p]
            for slot in range(points.places.shape[0]):
                place = points.places[slot, y]
                sums[0, p] += table[slot, place, 0]
                sums[1, p] += table[slot, place, 1]
                sums[2, p] += table[slot, place, 2]


def operations_of_ideal(points: PointValues, rows: int, pairs: int) -> int:
    """Multiply-adds of `sums_of_ideal`: five for each neuron and place in a row of x, three for each slot of a pair."""
    return 5 * rows * int(points.width.sum()) + 3 * pairs * (int(points.slots.max(initial=-1)) + 1)


def sums_of_ideal(points: PointValues, unembedding: Unembedding, pairs: Pairs) -> Floats:
    """Sums of M |C|, s C^2 and c C over the explained neurons, shape `(3, pairs)`."""
    sums = np.zeros((3, len(pairs.xs)))
    if len(points.start):
        _sums_of_ideal(points.arrays, unembedding, pairs, sums)
    return sums
