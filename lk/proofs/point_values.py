r"""The activations of an ideal network, tabulated on the points that they depend on, and its logit gaps.

An ideal neuron of a circuit on G-sets sees x and y through two points, x^-1 p and yq. So its activation is read from a
table C of |X| x |Y| numbers, and the network of the circuit, :math:`\sum_i w_i K(p_i, z q_i) \, C(x^{-1} p_i, y q_i)`,
is a function of w = x^-1 z y^-1 for *any* table C (put p -> xp and q -> y^-1 q in the sum over X x Y). Here C is
act(lambda(p) - mu(q)) minus its means over the orbits of p and of q, *as rounded*: the floats are the table, and
neither the activation nor the means of an ideal network have a rounding error.

Taking the means away changes f^ by a function of x and y alone, and leaves the part that needs an inequality. For a
sign term

.. math:: \sum_{s, t} c(s, t) \, \sigma(z) \, C(s \sigma(x), t \sigma(y)), \qquad C(s, t) = \kappa s t,

is :math:`2 \kappa (both - mixed) \, \sigma(xyz)`, kappa = 1/2, 1, 2 for ReLU, absolute value and square: no bias is
left to take away. A circuit of the left side reads C_j(x^-1 p, y) + S_j(x^-1 p) with means over the orbit taken away
for each y, and then S, the mean over y; one of the right side C_j(x, yp) + S_j(yp). Any C and S make it equivariant on
its side.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from lk.groups import Group
from lk.proofs.activation import apply
from lk.proofs.circuits import GSetCircuit, SidedCircuit, SignTerm
from lk.proofs.explained import Ideal
from lk.proofs.rounding import WIDER, Floats, Ints, gamma

_KAPPA = {"relu": 0.5, "abs": 1.0, "square": 2.0}


class Points(NamedTuple):
    """The arrays of `PointValues` that sums over neurons read, and `at` of each slot, shape `(slots, n)`."""

    values: Any
    start: Any
    at: Any
    width: Any
    slots: Any
    places: Any


@dataclass(frozen=True, eq=False)
class PointValues:
    """C and S of the explained neurons: C_i(x, y) = values[start[i, x] + at[i, y]].

    Attributes:
        values: All tables C, one after another.
        start: Where the row of x begins, shape `(k, n)`.
        at: Place in the row, shape `(k, n)`.
        width: Length of the rows of each neuron, shape `(k,)`.
        slots: Neurons with equal `at` have equal numbers, shape `(k,)`.
        mean_x: S as a function of x, for circuits of the left side, 0 for others, shape `(n, k)`.
        mean_y: S as a function of y, for circuits of the right side.
        largest: Largest |C| in the row of x, shape `(n, k)`.
        side: 0, or 1 and -1 for neurons that are equivariant on the left and on the right alone, shape `(k,)`.
        operations: What the tables have cost.
    """

    values: Floats
    start: Ints
    at: Ints
    width: Ints
    slots: Ints
    mean_x: Floats
    mean_y: Floats
    largest: Floats
    side: Ints
    operations: int

    @cached_property
    def arrays(self) -> Points:
        """What sums over neurons read."""
        places = np.zeros((int(self.slots.max(initial=-1)) + 1, self.at.shape[1]), np.int64)
        places[self.slots] = self.at
        return Points(self.values, self.start, self.at, self.width, self.slots, places)

    def at_pairs(self, xs: Ints, ys: Ints) -> Floats:
        """C of all neurons at some pairs, shape `(k, pairs)`."""
        return np.asarray(self.values[self.start[:, xs] + self.at[:, ys]])

    def of(self, neurons: Ints, x: int | None, y: int | None) -> Floats:
        """C of some neurons with one input fixed (the other None) and the other running, shape `(n, neurons)`."""
        start, at = self.start[neurons], self.at[neurons]
        start = start if x is None else start[:, x, None]
        at = at if y is None else at[:, y, None]
        return np.asarray(self.values[start + at].T)


def tabulate(ideal: Ideal, group: Group, activation: str) -> PointValues:
    """The tables of every accepted part."""
    n, k = group.order, len(ideal.neurons)
    values, start, at, width, side = (
        list[Floats](),
        np.empty((k, n), np.int64),
        np.empty((k, n), np.int64),
        np.empty(k, np.int64),
        [],
    )
    mean_x, mean_y, largest, slots = np.zeros((n, k)), np.zeros((n, k)), np.zeros((n, k)), np.empty(k, np.int64)
    size, begin, slot, operations = 0, 0, 0, 0
    inverse = group.inverse
    for part in ideal.parts:
        here = slice(begin, begin + len(part.neurons))
        if isinstance(part, GSetCircuit):
            table = _centred(part, activation)
            start[here], at[here] = part.action_x[inverse][:, part.p].T * table.shape[1], part.action_y[:, part.q].T
            slots[here], used = part.q, table.shape[1]
        elif isinstance(part, SignTerm):
            table = _KAPPA[activation] * np.array([[1.0, -1.0], [-1.0, 1.0]])
            start[here] = (1 - np.outer(part.left_signs, part.character)) // 2 * 2
            at[here] = (1 - np.outer(part.right_signs, part.character)) // 2
            slots[here], used = (1 - part.right_signs) // 2, 2
        else:
            table, means = _centred_on_one_side(part, activation)
            points = part.action.shape[1]
            if part.side == "left":
                point = part.action[inverse][:, part.p]
                start[here], at[here] = (part.column * points + point).T * n, np.arange(n)
                mean_x[:, here] = means[part.column, point]
                slots[here], used = 0, 1
            else:
                point = part.action[:, part.p]
                start[here] = ((part.column * n)[:, None] + np.arange(n)) * points
                at[here] = point.T
                mean_y[:, here] = means[part.column, point]
                slots[here], used = part.p, points
        width[here] = table.shape[1]
        largest[:, here] = np.abs(table).max(1)[start[here].T // table.shape[1]]
        start[here] += size
        slots[here] += slot
        side += [0 if not isinstance(part, SidedCircuit) else 1 if part.side == "left" else -1] * len(part.neurons)
        values.append(table.ravel())
        size, begin, slot, operations = size + table.size, here.stop, slot + used, operations + 5 * table.size
    flat = np.concatenate(values) if values else np.empty(0)
    return PointValues(
        flat, start, at, width, slots, mean_x, mean_y, largest, np.array(side, dtype=np.int64), operations
    )


def ideal_gaps(ideal: Ideal, points: PointValues, group: Group) -> tuple[Floats, Floats, float]:
    """Gap of f^ between xy and the next best answer, sum of v_i(xy) C_i(x, y), both `(n, n)`, and their error bound.

    With z = xwy, f^ = Phi(wy, y) + Psi(xw, x): Phi(z, y) = f^(z|e, y) of all neurons but those of the right side,
    Psi(z, x) = f^(z|x, e) of these. Each is a dot product of at most k terms, with one rounding in v and one in C + S;
    gaps and the last sum pass three more.
    """
    n, e = group.order, group.identity
    right_side = points.side < 0
    left_side = ~right_side
    if not points.side.any():
        logits = ideal.unembed @ points.of(np.arange(len(right_side)), e, None)[e]
        error = 4.0 * gamma(len(right_side) + 16) * WIDER * _largest_logit(ideal, points, left_side, e)
        margin = float(logits[e] - np.delete(logits, e).max(initial=-np.inf))
        return np.full((n, n), margin), np.full((n, n), logits[e]), error
    gaps, correct, error, rows = [], [], 0.0, np.arange(n)
    for kept, x, y in ((left_side, e, None), (right_side, None, e)):
        neurons = np.flatnonzero(kept)
        alone = points.of(neurons, x, y)
        mean = points.mean_x[e, neurons] if y is None else points.mean_y[e, neurons]
        unembed = ideal.unembed[:, neurons]
        logits = (alone + mean) @ unembed.T  # a row for each y, or x
        error += 4.0 * gamma(len(neurons) + 32) * WIDER**2 * _largest_logit(ideal, points, kept, e)
        answers = group.table.T if y is None else group.table  # [y, w] = wy, or [x, w] = xw
        gaps.append(logits[rows, rows][:, None] - np.take_along_axis(logits, answers, 1))
        correct.append((alone * unembed).sum(1))
    of_y, of_x = (np.delete(gap, e, axis=1) for gap in gaps)
    least = np.full((n, n), np.inf)
    for w in range(n - 1):
        np.minimum(least, of_x[:, w][:, None] + of_y[:, w], out=least)
    return least, correct[1][:, None] + correct[0], error


def _largest_logit(ideal: Ideal, points: PointValues, kept: np.ndarray, e: int) -> float:
    """Bound of the sum of |v_i(z)| (|C_i| + |S_i|) over some neurons, with one input at the identity."""
    neurons = np.flatnonzero(kept)
    if not len(neurons):
        return 0.0
    size = np.abs(points.mean_x[e, neurons]) + np.abs(points.mean_y[e, neurons])
    return float(np.abs(ideal.unembed[:, neurons]).max(0) @ (points.largest[:, neurons].max(0) + size))


def _centred(part: GSetCircuit, activation: str) -> Floats:
    """act(lambda(p) - mu(q)) minus its means over the orbits of p and of q, shape `(|X|, |Y|)`."""
    table = apply(part.lam[:, None] - part.mu[None], activation)
    over_x, over_y = _averaging(part.action_x), _averaging(part.action_y)
    table = table - over_x @ table
    return np.asarray(table - table @ over_y.T)


def _centred_on_one_side(part: SidedCircuit, activation: str) -> tuple[Floats, Floats]:
    """C as rows for each column and point (left), or each column and x (right), and S of shape `(columns, |X|)`."""
    table = apply(part.lam[:, :, None] + part.other[:, None, :], activation)  # (columns, points, n)
    table = table - np.einsum("pq,jqy->jpy", _averaging(part.action), table)
    means = table.mean(2)
    table = table - means[:, :, None]
    rows = table if part.side == "left" else table.transpose(0, 2, 1)
    return np.ascontiguousarray(rows).reshape(-1, rows.shape[2]), means


def _averaging(action: Ints) -> Floats:
    """The matrix that puts the mean over its orbit in the place of each point."""
    orbit = action.min(0)
    same = (orbit[:, None] == orbit[None]).astype(np.float64)
    return np.asarray(same / same.sum(1, keepdims=True))
