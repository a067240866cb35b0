r"""Accuracy bounds through circuits on G-sets (rho-sets among them), with equivariance checked in integers.

The ideal network of an explanation is :math:`\hat f(z \mid x, y) = \sum_i v_i(z) C_i(x, y)` with, for a circuit,

.. math:: C_i(x, y) = C(x^{-1} p_i, y q_i), \qquad v_i(z) = w_i K(p_i, z q_i)

and C a table of numbers, act(lambda(p) - mu(q)) without its means (see `lk.proofs.point_values`). If X and Y are
G-sets, K is constant on orbitals and the w_i of each (p, q) add up to the same number, then, putting p -> xp and q ->
y^-1 q in the sum over X x Y, it is a function phi of w = x^-1 z y^-1. These premises are checked exactly: actions and
orbitals are integers, floats are only compared, and w_i is a whole number of 2^-24. Nothing else about an explanation
is believed. With *any* sizes a_i and any alpha_i(x), gamma_i(y),

.. math::

    u_i h_i - v_i C_i = u_i (\alpha_i + \gamma_i) + u_i (h_i - \alpha_i - \gamma_i - a_i C_i) + (a_i u_i - v_i) C_i

The first term is known for every z, and each of the others takes an inequality (see `lk.proofs.residual`): with R = u -
c and D = a u - v - d, c and d the middles of the extremes over z, and B bounds of their maxima over z,

.. math::

    gap \ge \sum_i R_i(xy) e_i - \hat f(xy) + [\hat f(xy) - \max_{z \ne xy} \hat f(z)] + \sum_i (a_i c_i - d_i) C_i
    - B\Big(\sum_i R_i(z) (e_i - a_i C_i)\Big) - B\Big(\sum_i D_i(z) C_i\Big)
    + \text{gap of the first term}, \quad e_i = h_i - \alpha_i - \gamma_i

so that neither f^(xy) nor D(xy) is summed over neurons for a pair: f^(xy) = phi(e) is one number. Rounding: see
`Change` and `Residual`.

Circuits that are equivariant on one side only (see `SidedCircuit`) need no orbit on the other. With z = xwy the ideal
logits are then Phi(w y, y) + Psi(x w, x), Phi of the circuits of the left side and all bi-equivariant ones, Psi of
those of the right side. Both are evaluated, at x = e and at y = e, and the ideal margin of a pair is the least over w
!= e of the sum of the two gaps: O(n^2 m + n^3).

Neurons that are silent are left to `lk.proofs.silent`.

Source: Wu et al., ICLR 2025, Sect. 5, for rho-sets, l2 norms and no account of rounding.
"""

import numpy as np

from lk.groups import Group
from lk.proofs.activation import Neurons, magnitude, means
from lk.proofs.certificate import Certificate
from lk.proofs.explained import Ideal, build
from lk.proofs.explanation import GSetExplanation
from lk.proofs.inequalities import combine, largest_entries, largest_norm, norm_weights, sample_pairs
from lk.proofs.interaction import Unembedding, operations_of_ideal, sums_of_ideal, sums_of_network
from lk.proofs.point_values import PointValues, ideal_gaps, tabulate
from lk.proofs.residual import Pairs, Residual, Terms, chunk_of
from lk.proofs.rounding import WIDER, Floats, Ints, gamma
from lk.proofs.silent import Silent
from lk.proofs.tables import Tables
from lk.proofs.verifier import Verifier


def gset(tables: Tables, group: Group, explanation: GSetExplanation, pairs: Ints | None = None) -> Certificate:
    """Bound the accuracy through an explanation by circuits; cost O(n^2 m).

    Args:
        tables: The network.
        group: Its group, the trusted specification.
        explanation: Anything; circuits that are not exactly equivariant are dropped, with their reason, and their
            neurons count as unexplained.
        pairs: Indices x n + y of the pairs to decide; all by default.

    Returns:
        Certificate with the ideal margin; slack is minus infinity on other pairs.

    Raises:
        ValueError: the network or the explanation belongs to another group or width.
    """
    return _GSet(tables, group, explanation).certify(pairs)


class _GSet(Verifier):
    name = "gset"

    def __init__(self, tables: Tables, group: Group, explanation: GSetExplanation) -> None:
        super().__init__(tables, group)
        n = tables.order
        self.ideal = ideal = build(tables, group, explanation, explanation.sided)
        self.points = points = tabulate(ideal, group, tables.activation)
        self.gaps, self.correct, ideal_error = ideal_gaps(ideal, points, group)
        self.change = Change(tables, ideal, points)
        self.explained, self.dropped, self.margin = ideal.neurons, ideal.dropped, float(self.gaps.min())
        self.error = 2.0 * ideal_error + gamma(16) * float(
            np.abs(self.gaps[np.isfinite(self.gaps)]).max(initial=0.0) + np.abs(self.correct).max(initial=0.0)
        )
        self.operations = ideal.operations + points.operations + self.change.operations
        self.operations += n * n * len(ideal.neurons) + n**3 if points.side.any() else n * len(ideal.neurons)

    def bound(self, silent: Silent) -> "_Bound":
        return _Bound(self, silent)


class _Bound:
    def __init__(self, verifier: _GSet, silent: Silent) -> None:
        ideal = verifier.ideal
        neurons = np.concatenate([ideal.neurons, np.setdiff1d(silent.kept, ideal.neurons)])
        self.verifier, self.silent = verifier, silent
        self.rest = Rest(verifier.tables, neurons, ideal, verifier.points)
        self.cost = 0

    @property
    def operations(self) -> int:
        return self.rest.residual.operations + self.cost

    def __call__(self, xs: Ints, ys: Ints, zs: Ints) -> tuple[Floats, Floats]:
        verifier, residual, pairs = self.verifier, self.rest.residual, chunk_of(xs, ys, zs)
        known = verifier.gaps[xs, ys] - verifier.correct[xs, ys] + verifier.change.gap(pairs) + self.rest.gap(pairs)
        rounding = verifier.error + verifier.change.error[xs] + residual.error_x[xs] + residual.error_y[ys]
        self.cost += 16 * len(xs) + operations_of_ideal(verifier.points, len(pairs.runs) - 1, len(xs))
        return residual.add(known, xs, ys, zs), rounding + self.silent.cost_x[xs] + self.silent.cost_y[ys]


class Change:
    """The part of the gap that the unembedding's difference from the ideal one costs, D = a u - v with t = C.

    D is taken about the middle d of its extremes, and u about the middle c of its own. What this moves between f and f^
    is the sum of (a c - d) C, added to the gap.

    Roundings: v one, a u one, d two (it is the number that it is), the difference of them two: at most gamma_8 (|a u| +
    |v| + |d|) in each entry of D, and gamma_4 (|a c| + |d|) in a c - d. Sums over the neurons of a slot and over the
    slots have at most k terms together.

    Attributes:
        error: Bound on the rounding error of `gap`, shape `(n,)`, by x.
        operations: What it has cost without the pairs.
    """

    def __init__(self, tables: Tables, ideal: Ideal, points: PointValues) -> None:
        n, k = tables.order, len(ideal.neurons)
        self.points = points
        _, _, unembed, _ = tables.doubles()
        unembed = unembed[:, ideal.neurons]
        scaled = unembed * ideal.scales
        difference = scaled - ideal.unembed
        middle = (difference.max(0) + difference.min(0)) / 2.0
        shift = ideal.scales * ((unembed.max(0) + unembed.min(0)) / 2.0) - middle
        columns = difference - middle
        largest = largest_entries(columns)
        xs, ys = sample_pairs(n)
        weights = norm_weights(columns, points.at_pairs(xs, ys)) if k else np.ones(0)
        self.unembedding, self.norm = Unembedding(shift, largest, weights), largest_norm(columns, weights)
        sizes = WIDER * (np.abs(scaled) + np.abs(ideal.unembed)).max(0) + np.abs(middle) + np.abs(shift)
        weight = np.abs(shift) + largest + self.norm * np.sqrt(weights)
        weight = 6.0 * gamma(2 * k + 64) * weight + 2.0 * gamma(16) * sizes
        self.error = WIDER**2 * (points.largest @ weight)
        self.operations = 12 * n * k + len(xs) * k

    def gap(self, pairs: Pairs) -> Floats:
        """Lower bounds of sum (a c - d) C - max over z of sum D(z) C."""
        holder, squares, linear = sums_of_ideal(self.points, self.unembedding, pairs)
        return np.asarray(linear - combine(holder[None], self.norm * np.sqrt(squares)[None]))


class Rest:
    """The part of the gap that u brings, with t = h - a C in the explained neurons and t = h in the others.

    Attributes:
        residual: Its tables; u in the order of `neurons`, the explained ones first.
    """

    def __init__(self, tables: Tables, neurons: Ints, ideal: Ideal, points: PointValues) -> None:
        n, k = tables.order, len(ideal.neurons)
        left, right, unembed, bias = tables.doubles()
        left, right = left[:, neurons], right[:, neurons]
        self.points, self.scales, self.neurons = points, ideal.scales, Neurons(left, right, tables.activation)
        along_x, along_y = means(left, right, tables.activation)
        sizes = magnitude(left, tables.activation), magnitude(right, tables.activation)
        sizes[0][:, :k] += ideal.scales * points.largest
        xs, ys = sample_pairs(n)
        t = self.neurons(xs, ys)
        t[:k] -= ideal.scales[:, None] * points.at_pairs(xs, ys)
        along_y = along_y - along_y.mean(0)
        groups = [k, len(neurons)] if 0 < k < len(neurons) else None
        terms = Terms(unembed[:, neurons], bias, along_x, along_y, sizes, (t, xs, ys), groups=groups)
        self.residual = Residual(terms)
        sided = np.flatnonzero(points.side)
        if len(sided):
            self.residual.include(-ideal.unembed[:, sided], points.mean_x[:, sided], points.mean_y[:, sided])
        self.residual.operations += len(xs) * (len(neurons) + k)

    def gap(self, pairs: Pairs) -> Floats:
        """Lower bounds of sum R_i(xy) e_i - max over z of sum R_i(z) eta_i."""
        rest, count = self.residual, len(pairs.xs)
        sums = rest.zeros(count)
        sums_of_network(self.neurons.halves, rest.by_neuron, self.points.arrays, self.scales, pairs, sums)
        rest.operations += count * (8 * len(rest.largest) + len(self.scales))
        return rest.bound(sums)
