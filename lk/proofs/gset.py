r"""Accuracy bounds through circuits on G-sets (rho-sets among them), with equivariance checked in integers.

The ideal network of an explanation is :math:`\hat f(z \mid x, y) = \sum_i v_i(z) g_i(x, y) + \hat b(z)` with, for a circuit,

.. math:: g_i = act(\lambda(x^{-1} p_i) - \mu(y q_i)), \qquad v_i(z) = w_i K(p_i, z q_i)

If X and Y are G-sets, K is constant on orbitals and the w_i of each (p, q) add up to the same number, then, putting p -> xp and
q -> y^-1 q in the sum over X x Y, it is a function phi of w = x^-1 z y^-1. These premises are checked exactly: actions and orbitals are
integers, floats are only compared, and w_i is a whole number of 2^-24. Nothing else about an explanation is believed. lambda, mu and
K are taken as the real numbers that the floats are; *any* positive a_i gives the identity

.. math:: u_i h_i - v_i g_i = u_i (h_i - a_i g_i) + (a_i u_i - v_i) g_i

so that the sizes a_i never enter the ideal network, and need not be powers of two. Hence f(xy) - f(z) is at least the ideal margin
plus the gap of the rest, whose columns are u with t = h - a g, and a u - v with t = g (see `lk.proofs.residual`).

Circuits that are equivariant on one side only (see `SidedCircuit`) need no orbit on the other. With z = xwy the ideal logits are then
Phi(w y, y) + Psi(x w, x), Phi of the circuits of the left side and all bi-equivariant ones, Psi of those of the right side. Both are evaluated, at x = e
and at y = e, and the ideal margin of a pair is the least over w != e of the sum of the two gaps: O(n^2 m + n^3).

Source: Wu et al., ICLR 2025, Sect. 5, for rho-sets, l2 norms and no account of rounding.
"""

import time
from dataclasses import dataclass, replace

import numpy as np

from lk.groups import Group, orbitals
from lk.proofs.activation import ACTIVATIONS, apply, hidden, magnitude, means
from lk.proofs.certificate import Certificate
from lk.proofs.check import decide, pairs_of
from lk.proofs.explanation import GSetCircuit, GSetExplanation, SidedCircuit, SignTerm
from lk.proofs.residual import Residual
from lk.proofs.rounding import WIDER, Floats, Ints, gamma
from lk.proofs.tables import Tables

_CHUNK = 360  # pairs at a time
_SHARES = 1 << 24  # weights are whole numbers of this part
_LARGEST = 2.0**60
_LEAST_SCALE = 2.0**-60  # smaller ones would underflow in squares, see lk.proofs.rounding; lambda and mu may be small instead


Part = GSetCircuit | SignTerm | SidedCircuit


@dataclass(frozen=True, eq=False)
class Ideal:
    """The ideal network on the explained neurons, in columns.

    Attributes:
        neurons: Explained neurons, shape `(k,)`.
        left: lambda(x^-1 p), shape `(n, k)`.
        right: -mu(y q), shape `(n, k)`.
        unembed: v, shape `(n, k)`, each entry within one rounding.
        bias: Shape `(n,)`, within four roundings.
        scales: a, shape `(k,)`.
        dropped: Refused parts with the reason.
        operations: What building and checking cost.
        sides: 0 for bi-equivariant neurons, 1 and -1 for neurons equivariant on the left and on the right, shape `(k,)`.
    """

    neurons: Ints
    left: Floats
    right: Floats
    unembed: Floats
    bias: Floats
    scales: Floats
    dropped: tuple[str, ...]
    operations: int
    sides: Ints


def gset(tables: Tables, group: Group, explanation: GSetExplanation, pairs: Ints | None = None) -> Certificate:
    """Bound the accuracy through an explanation by circuits; cost O(n^2 m).

    Args:
        tables: The network.
        group: Its group, the trusted specification.
        explanation: Anything; circuits that are not exactly equivariant are dropped, with their reason, and their neurons count as unexplained.
        pairs: Indices x n + y of the pairs to decide; all by default.

    Returns:
        Certificate with the ideal margin; slack is minus infinity on other pairs.

    Raises:
        ValueError: the network or the explanation belongs to another group or width.
    """
    start, n, m = time.perf_counter(), tables.order, tables.width
    ideal = build(tables, group, explanation, explanation.sided)
    k = len(ideal.neurons)
    gaps, margin_error = ideal_gaps(ideal, group, tables.activation)
    margin = float(gaps.min())
    largest = float(np.abs(gaps).max()) if n > 1 else 0.0
    activations = Activations(tables, ideal)
    residual = rest(tables, ideal, activations)
    slack = np.full(n * n, -np.inf)
    count = 0
    for chunk, xs, ys, zs in pairs_of(group, pairs, _CHUNK):
        t = activations(xs, ys)
        gap = residual.add(gaps[xs, ys] + residual.interaction(t, xs, ys, zs), xs, ys, zs)
        slack[chunk] = decide(gap, _rounding(residual, largest, margin_error, xs, ys), tables.folding(xs, ys))
        count += len(chunk)
    operations = ideal.operations + residual.operations + count * (m + 3 * k)
    operations += n * n * k + (0 if (ideal.sides >= 0).all() else n**3) if explanation.sided else 0
    unexplained = tuple(np.setdiff1d(np.arange(m), ideal.neurons).tolist())
    seconds = time.perf_counter() - start
    return Certificate(
        "gset", slack.reshape(n, n), operations, tables.brute_force_operations, seconds, None, margin, unexplained, ideal.dropped
    )


def _rounding(residual: Residual, margin: float, margin_error: float, xs: Ints, ys: Ints) -> Floats:
    """Rounding of margin + interaction + additive: the parts, and three more sums of numbers that the parts bound."""
    return np.asarray(margin_error + gamma(8) * abs(margin) + residual.error_x[xs] + residual.error_y[ys])


class Activations:
    """t of chunks of pairs: h - a g of all neurons (h itself where unexplained), then g of the explained ones."""

    def __init__(self, tables: Tables, ideal: Ideal) -> None:
        left, right, _, _ = tables.doubles()
        self.tables = [np.ascontiguousarray(table.T) for table in (left, right, ideal.left, ideal.right)]
        self.kind, self.neurons, self.scales = ACTIVATIONS[tables.activation], ideal.neurons, ideal.scales[:, None]
        self.activation = tables.activation

    def magnitudes(self) -> tuple[Floats, Floats]:
        """Functions of x and of y, shape `(n, m + explained)`, whose sum is at least |h| + a |g|, and |g|."""
        sizes = []
        for table, ideal_table in (self.tables[0::2], self.tables[1::2]):
            size, ideal_size = magnitude(table, self.activation), magnitude(ideal_table, self.activation)
            size[self.neurons] += self.scales * ideal_size
            sizes.append(np.vstack([size, ideal_size]).T)
        return sizes[0], sizes[1]

    def __call__(self, xs: Ints, ys: Ints) -> Floats:
        """Shape `(m + explained, pairs)`."""
        left, right, ideal_left, ideal_right = self.tables
        m = len(left)
        t = np.empty((m + len(ideal_left), len(xs)))
        hidden(left, right, xs, ys, self.kind, t[:m])
        hidden(ideal_left, ideal_right, xs, ys, self.kind, t[m:])
        t[self.neurons] -= self.scales * t[m:]
        return t


def rest(tables: Tables, ideal: Ideal, activations: Activations) -> Residual:
    """The network minus the ideal one, as columns: u of every neuron, then a u - v of the explained ones.

    Roundings: v one, a u one, the difference one: |error| <= gamma_4 (|a u| + |v|). The bias: four in the ideal one, one more. Terms
    of t are at most act(l) + act(r) (see `magnitude`) of the network plus a times the same of the ideal, each within six roundings.
    """
    left, right, unembed, bias = tables.doubles()
    scaled = unembed[:, ideal.neurons] * ideal.scales
    columns = np.hstack([unembed, scaled - ideal.unembed])
    error = np.concatenate([np.zeros(tables.width), WIDER * gamma(4) * (np.abs(scaled) + np.abs(ideal.unembed)).max(0)])
    bias_error = WIDER * gamma(8) * float((np.abs(bias) + np.abs(ideal.bias)).max())
    ideal_x, ideal_y = means(ideal.left, ideal.right, tables.activation)
    along_x, along_y = means(left, right, tables.activation)
    along_y = along_y - along_y.mean(0)
    ideal_y = ideal_y - ideal_y.mean(0)
    along_x[:, ideal.neurons] -= ideal.scales * ideal_x
    along_y[:, ideal.neurons] -= ideal.scales * ideal_y
    rng = np.random.default_rng(0)
    xs, ys = rng.integers(tables.order, size=(2, min(512, 4 * tables.order)))
    sample = activations(xs, ys), xs, ys
    return Residual(
        columns,
        bias - ideal.bias,
        np.hstack([along_x, ideal_x]),
        np.hstack([along_y, ideal_y]),
        activations.magnitudes(),
        error,
        bias_error,
        sample,
        [tables.width, columns.shape[1]] if len(ideal.neurons) else None,
    )


def ideal_margin(ideal: Ideal, group: Group, activation: str) -> tuple[float, float]:
    """phi(e) - max over w != e of phi(w), and a bound on its rounding error.

    phi(w) = f^(w|e, e). Each term passes one rounding in v, three in g, one product and k + 1 sums; the bias four and one.
    """
    e = group.identity
    g = apply(ideal.left[e] + ideal.right[e], activation)
    logits = ideal.unembed @ g + ideal.bias
    error = 2.0 * gamma(len(g) + 16) * WIDER * float((np.abs(ideal.unembed) @ g + np.abs(ideal.bias)).max())
    others = np.delete(logits, e)
    return float(logits[e] - others.max(initial=-np.inf)), error


def ideal_gaps(ideal: Ideal, group: Group, activation: str) -> tuple[Floats, float]:
    """Gap of the ideal network between xy and the next best answer for all pairs, shape `(n, n)`, and a bound on its rounding error.

    Phi(z, y) = f^(z|e, y) of all but the right side's neurons, with the bias; Psi(z, x) = f^(z|x, e) of these. Each has the rounding of
    `ideal_margin`; their gaps pass two more sums.
    """
    n, e = group.order, group.identity
    if not ideal.sides.any():
        margin, error = ideal_margin(ideal, group, activation)
        return np.full((n, n), margin), error
    gaps, error, rows = [], 0.0, np.arange(n)
    for at_left in (True, False):
        kept = (ideal.sides >= 0) == at_left
        left, right, unembed = (table[:, kept] for table in (ideal.left, ideal.right, ideal.unembed))
        g = apply(left[e] + right if at_left else left + right[e], activation)  # a row for each y, or x
        bias = ideal.bias if at_left else np.zeros(n)
        logits = g @ unembed.T + bias
        size = float((np.abs(g) @ np.abs(unembed).max(0)).max(initial=0.0) + np.abs(bias).max())
        error += 4.0 * gamma(g.shape[1] + 32) * WIDER**2 * size
        answers = group.table.T if at_left else group.table  # [y, w] = wy, or [x, w] = xw
        gaps.append(logits[rows, rows][:, None] - np.take_along_axis(logits, answers, 1))
    of_y, of_x = (np.delete(gap, e, axis=1) for gap in gaps)
    if (ideal.sides >= 0).all():
        return np.tile(of_y.min(1, initial=np.inf), (n, 1)), error
    least = np.full((n, n), np.inf)
    for w in range(n - 1):
        np.minimum(least, of_x[:, w][:, None] + of_y[:, w], out=least)
    return least, error


def build(tables: Tables, group: Group, explanation: GSetExplanation, sided: tuple[SidedCircuit, ...] = ()) -> Ideal:
    """Check every part of an explanation and lay out the columns of the accepted ones.

    Args:
        tables: The network.
        group: Its group.
        explanation: Its circuits and sign terms are read.
        sided: Circuits of one side, for a verifier that knows them.
    """
    tables.check_group(group)
    if (explanation.order, explanation.width) != (tables.order, tables.width):
        raise ValueError(
            f"given an explanation for order {explanation.order} and width {explanation.width}, and a network of order {tables.order} and "
            f"width {tables.width}; expected the explanation of this network"
        )
    taken = np.zeros(tables.width, bool)
    dropped, parts, bias, operations = [], [], np.zeros(tables.order), 0
    given: list[Part] = [*explanation.circuits, *explanation.signs, *sided]
    for number, part in enumerate(given):
        reason = _refuse_neurons(part, taken)
        if not reason and isinstance(part, GSetCircuit):
            reason = refuse_actions(part, group)
            part = part if reason else replace(part, kernel=on_orbitals(part, group))
        if not reason and isinstance(part, SidedCircuit):
            reason = refuse_sided(part, group)
        elif not reason and isinstance(part, GSetCircuit):
            reason = refuse_circuit(part, group)
        elif not reason and isinstance(part, SignTerm):
            reason = refuse_sign(part, group)
        if reason:
            dropped.append(f"{part.name or f'part {number}'}: {reason}")
            continue
        taken[part.neurons] = True
        cells = part.kernel.size if not isinstance(part, SignTerm) else 4
        weights = shares(part.weights, part.cells, cells) / _SHARES
        left, right, unembed = part.tables() if isinstance(part, SignTerm) else part.tables(group)
        side = 0 if not isinstance(part, SidedCircuit) else 1 if part.side == "left" else -1
        parts.append((part.neurons, left, right, unembed * weights, part.scales, np.full(len(part.neurons), side)))
        operations += 3 * tables.order * (len(part.neurons) + cells)
        if isinstance(part, SignTerm):
            bias = bias + part.bias(tables.activation)
    if not parts:
        empty = np.empty((tables.order, 0))
        return Ideal(np.empty(0, np.int64), empty, empty, empty, bias, np.empty(0), tuple(dropped), operations, np.empty(0, np.int64))
    neurons, left, right, unembed, scales, sides = (np.concatenate(columns, axis=-1) for columns in zip(*parts, strict=True))
    return Ideal(neurons, left, right, unembed, bias, scales, tuple(dropped), operations, sides)


def _refuse_neurons(part: Part, taken: np.ndarray) -> str | None:
    if len(part.neurons) == 0 or part.neurons.min() < 0 or part.neurons.max() >= len(taken):
        return f"neurons outside 0 to {len(taken) - 1}, or none"
    if len(np.unique(part.neurons)) < len(part.neurons) or taken[part.neurons].any():
        return "a neuron is used twice"
    numbers = [array for array in part.arrays().values() if array.dtype.kind == "f"]
    if not all((np.abs(array) <= _LARGEST).all() for array in numbers):
        return "numbers that are not finite or above 2^60"
    if (part.scales < _LEAST_SCALE).any() or (part.weights < 0).any():
        return "scales must be positive, at least 2^-60, and weights not negative"
    return None


def refuse_actions(circuit: GSetCircuit, group: Group) -> str | None:
    """Why X or Y is no G-set, or None: O(generators n |X|), in integers.

    With act[s h] = act[s] act[h] for generators s and all h, the equation holds for every product of generators, which is every element.
    """
    for name, action in (("X", circuit.action_x), ("Y", circuit.action_y)):
        reason = refuse_action(action, group, name)
        if reason:
            return reason
    return None


def refuse_action(action: Ints, group: Group, name: str = "X") -> str | None:
    """Why a table is no action, or None."""
    k = action.shape[1]
    if len(action) != group.order or k == 0 or action.min() < 0 or action.max() >= k:
        return (
            f"the action on {name} has shape {action.shape} and entries outside it; expected {group.order} rows with entries 0 to {k - 1}"
        )
    return None if is_action(action, group) else f"the table of {name} is no action of the group"


def refuse_sided(circuit: SidedCircuit, group: Group) -> str | None:
    """Why a circuit of one side is not exactly equivariant on it, or None."""
    reason = refuse_action(circuit.action, group)
    if reason:
        return reason
    for labels, k, name in ((circuit.p, circuit.action.shape[1], "p"), (circuit.column, len(circuit.lam), "column")):
        if labels.min() < 0 or labels.max() >= k:
            return f"labels {name} outside 0 to {k - 1}"
    return _refuse_shares(circuit.weights, circuit.cells, circuit.kernel.size, "pairs (column, p)")


def on_orbitals(circuit: GSetCircuit, group: Group) -> Floats:
    """The kernel with, on each orbital, its value at the first pair: rounding of a finder is taken away, and what is wrong stays wrong."""
    labels = orbitals(group, circuit.action_x, circuit.action_y)
    _, first = np.unique(labels, return_index=True)
    return np.asarray(circuit.kernel.ravel()[first][labels])


def refuse_circuit(circuit: GSetCircuit, group: Group) -> str | None:
    """Why a circuit on G-sets is not exactly equivariant, or None."""
    points = circuit.action_x.shape[1], circuit.action_y.shape[1]
    for labels, k, name in ((circuit.p, points[0], "p"), (circuit.q, points[1], "q")):
        if labels.min() < 0 or labels.max() >= k:
            return f"labels {name} outside 0 to {k - 1}"
    if not is_invariant(circuit.kernel, circuit, group):
        return "the kernel is not constant on orbitals"
    return _refuse_shares(circuit.weights, circuit.cells, points[0] * points[1], "pairs (p, q)")


def is_action(action: Ints, group: Group) -> bool:
    """Whether an integer table is a left action of the group."""
    return bool(
        (action[group.identity] == np.arange(action.shape[1])).all()
        and all((action[group.table[s]] == action[s][action]).all() for s in group.generators)
    )


def is_invariant(kernel: Floats, circuit: GSetCircuit, group: Group) -> bool:
    """Whether K(gp, gq) = K(p, q), exactly, for generators g."""
    return all((kernel[np.ix_(circuit.action_x[s], circuit.action_y[s])] == kernel).all() for s in group.generators)


def refuse_sign(term: SignTerm, group: Group) -> str | None:
    """Why a sign term is none, or None."""
    if len(term.character) != group.order or not (np.abs(term.character) == 1).all():
        return f"the character needs {group.order} entries 1 or -1"
    if not is_homomorphism(term.character, group):
        return "the character is no homomorphism"
    if not ((np.abs(term.left_signs) == 1).all() and (np.abs(term.right_signs) == 1).all()):
        return "the signs of its neurons must be 1 or -1"
    return _refuse_shares(term.weights, term.cells, 4, "types")


def is_homomorphism(character: Ints, group: Group) -> bool:
    """Whether sigma(gh) = sigma(g) sigma(h), for generators g, which is enough."""
    return bool(
        character[group.identity] == 1 and all((character[group.table[s]] == character[s] * character).all() for s in group.generators)
    )


def _refuse_shares(weights: Floats, cells: Ints, count: int, what: str) -> str | None:
    missing = int((np.bincount(cells, weights, count) <= 0.0).sum())
    if missing:
        return f"{missing} of {count} {what} have no neuron of positive weight"
    sums = np.zeros(count, np.int64)
    np.add.at(sums, cells, shares(weights, cells, count))
    return None if (sums == _SHARES).all() else f"weights of some {what} cannot be divided exactly"


def shares(weights: Floats, cells: Ints, count: int) -> Ints:
    """Weights as whole numbers of 2^-24 whose sum in each cell is 2^24; the last neuron of a cell takes the remainder.

    Example:
        >>> shares(np.array([1.0, 1.0, 1.0]), np.array([0, 0, 1]), 2).tolist()
        [8388608, 8388608, 16777216]
    """
    whole = np.rint(weights / np.bincount(cells, weights, count)[cells] * _SHARES).astype(np.int64)
    sums = np.zeros(count, np.int64)
    np.add.at(sums, cells, whole)
    last = np.zeros(count, np.int64)
    last[cells] = np.arange(len(cells))  # the last write wins
    whole[last] += _SHARES - sums
    return whole


def ideal_logits(explanation: GSetExplanation, group: Group, activation: str) -> tuple[Floats, Ideal]:
    """phi(w) of an explanation for all w, shape `(n,)`, and the ideal network; rounding not proven."""
    n, m = explanation.order, explanation.width
    zeros = np.zeros((n, m), np.float32)
    ideal = build(Tables(zeros, zeros, zeros, zeros[:, 0], activation), group, explanation)
    g = apply(ideal.left[group.identity] + ideal.right[group.identity], activation)
    return ideal.unembed @ g + ideal.bias, ideal
