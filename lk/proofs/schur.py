r"""Accuracy bounds through irreps and near bi-equivariance, for explanations that know no rho-sets.

With representations rho (an explanation; nothing about them is believed), any C, and u_rest = u - sum <rho(z), C>, the
main part of the logits is :math:`\sum_\rho \langle \rho(z), M_\rho(x, y) \rangle`, M = C h(x, y) + c. For z = xwy it
is, up to the measured defect |rho(xwy) - rho(x) rho(w) rho(y)|_F of the homomorphism,

.. math:: \sum_\rho \langle \rho(w), N_\rho(x, y) \rangle, \qquad N_\rho = \rho(x)^T M_\rho \rho(y)^T

so that the gap of the main part is sum <rho(e) - rho(w), N>. Near equivariance, N is nearly a constant matrix F, or F +
P(x) + Q(y) for a sum of functions that are equivariant on one side. Then for all w of a class K, with a_K, r_K computed
from the given matrices,

.. math::

    \langle \rho(e) - \rho(w), E \rangle \ge a_K \, tr E - r_K |E - \lambda I|_F - |\lambda| \, d_K, \quad
    \lambda = tr E / d,

where r_K = max_w |rho(e) - rho(w) - a_K I|_F and d_K = max_w |tr(rho(e) - rho(w) - a_K I)|. The classes, F, P, Q and C
matter for tightness only.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from lk.groups import Group
from lk.proofs.activation import Neurons, magnitude
from lk.proofs.certificate import Certificate
from lk.proofs.class_gaps import Means, equivariant_gap, largest_size, one_sided_means
from lk.proofs.decide import pairs_of
from lk.proofs.explanation import Clusters, FourierExplanation
from lk.proofs.residual import Residual, rest_of
from lk.proofs.rounding import UNIT, WIDER, Floats, Ints, gamma
from lk.proofs.silent import Silent
from lk.proofs.tables import Tables
from lk.proofs.verifier import Verifier

_CHUNK = 360  # pairs at a time
_LARGEST_ENTRY = 2.0  # of an orthogonal matrix, generously


def schur(tables: Tables, group: Group, explanation: FourierExplanation, pairs: Ints | None = None) -> Certificate:
    """Bound the accuracy through irreps.

    Cost O(n^2 (m D + sum d^3)), D = sum d^2, with clusters O(n^2 (m + S D + sum d^3)).

    Memory is 8 n^2 D bytes, for N of every pair.

    Args:
        tables: The network.
        group: Its group, the trusted specification.
        explanation: Anything; matrices with entries that are not finite or above 2 are dropped.
        pairs: Indices x n + y of the pairs to decide; all by default.

    Returns:
        Certificate whose margin is that of the constant F; slack is minus infinity on other pairs.

    Raises:
        ValueError: the network or the explanation belongs to another group or width.
    """
    return _Schur(tables, group, explanation).certify(pairs)


class _Schur(Verifier):
    def __init__(self, tables: Tables, group: Group, explanation: FourierExplanation) -> None:
        super().__init__(tables, group)
        tables.check_explanation(explanation.order, explanation.width)
        if not 0.0 <= explanation.theta <= 1.0:  # the rounding of the half-equivariant gap is bounded for these
            raise ValueError(f"expected theta from 0 to 1, got theta = {explanation.theta}. Use 0.5.")
        self.name = "schur" if explanation.clusters is None else "schur_clustered"
        self.matrices, dropped = _accepted(explanation, tables.order)
        self.dropped, self.theta, self.clusters = tuple(dropped), explanation.theta, explanation.clusters
        self.means: Means | None = None
        self.chunk = tables.order**2  # the means are those of all pairs
        if not self.matrices:
            self.explained = np.empty(0, np.int64)
        elif self.clusters is not None and tables.order > 1:
            _check_clusters(self.clusters, tables.width, sum(rho.shape[1] ** 2 for rho in self.matrices))

    def evaluate(self, pairs: Ints) -> tuple[Floats, int]:
        n = self.tables.order
        if n == 1:  # no answer is wrong
            return np.ones(1), 0
        if not self.matrices or not len(pairs):
            return np.full(n * n, -np.inf), 0
        return super().evaluate(pairs)

    def bound(self, silent: Silent) -> "_Bound":
        return _Bound(self, silent)


class _Bound:
    """The bound of all pairs at once; N is evaluated in chunks."""

    def __init__(self, verifier: _Schur, silent: Silent) -> None:
        clusters, matrices, group = verifier.clusters, verifier.matrices, verifier.group
        if clusters is not None:
            clusters = Clusters(clusters.labels[silent.kept], clusters.coefficients[silent.kept], clusters.directions)
        self.verifier, self.silent, self.main = verifier, silent, Main(silent.rest, matrices, clusters)
        self.residual = self.main.rest(silent.rest)
        n, classes, cubes = group.order, len(np.unique(group.classes)), sum(rho.shape[1] ** 3 for rho in matrices)
        self.per_pair = self.main.operations_per_pair + silent.rest.width + 2 * cubes + 8 * self.main.size
        self.per_pair += 6 * classes * len(matrices) + 6
        self.cost: int = self.main.operations + 3 * n * n * self.main.size + cubes * n * len(group.generators)

    @property
    def operations(self) -> int:
        return self.residual.operations + self.cost

    def __call__(self, xs: Ints, ys: Ints, zs: Ints) -> tuple[Floats, Floats]:
        verifier, group, residual, silent = self.verifier, self.verifier.group, self.residual, self.silent
        self.cost += len(xs) * self.per_pair
        interaction, coordinates, done = np.empty(len(xs)), np.empty((len(xs), self.main.size)), 0
        for chunk, some_xs, some_ys, some_zs in pairs_of(group, xs * group.order + ys, _CHUNK):
            h, here = self.main.activations(some_xs, some_ys), slice(done, done + len(chunk))
            self.main.coordinates(h, some_xs, some_ys, coordinates[here])
            interaction[here] = residual.interaction(h, some_xs, some_ys, some_zs)
            done += len(chunk)
        if verifier.means is None:  # a second call knows a few pairs alone
            verifier.means = one_sided_means(coordinates, xs, ys, group.order)
        gap, error = equivariant_gap(group, verifier.matrices, coordinates, xs, ys, verifier.theta, verifier.means)
        defects = [homomorphism_defect(group, rho) for rho in verifier.matrices]
        error = error + self.main.rounding(verifier.matrices, defects, xs, ys)
        error = error + residual.error_x[xs] + residual.error_y[ys]
        error = error + gamma(8) * np.abs(gap) + silent.cost_x[xs] + silent.cost_y[ys]
        return residual.add(gap + interaction, xs, ys, zs), error


def _accepted(explanation: FourierExplanation, n: int) -> tuple[list[Floats], list[str]]:
    accepted, dropped = [], []
    for number, given in enumerate(explanation.matrices):
        rho = np.ascontiguousarray(given, np.float64)
        if rho.ndim != 3 or rho.shape[0] != n or rho.shape[1] != rho.shape[2] or rho.shape[1] == 0:
            dropped.append(f"representation {number}: shape {rho.shape}; expected ({n}, d, d)")
        elif not (np.abs(rho) <= _LARGEST_ENTRY).all():
            dropped.append(f"representation {number}: entries that are not finite or above {_LARGEST_ENTRY}")
        else:
            accepted.append(rho)
    return accepted, dropped


def homomorphism_defect(group: Group, rho: Floats) -> float:
    r"""A bound of |rho(xwy) - rho(x) rho(w) rho(y)|_F over all x, w, y, from products with generators.

    O(generators n d^3).

    Let eta = max over generators s and all g of |rho(sg) - rho(s) rho(g)|_F, sigma >= 1, |rho(s)|_2, and size = max
    |rho(g)|_F. Writing a = s a', E(a) = max_b |rho(ab) - rho(a) rho(b)|_F is at most eta + sigma E(a') + eta size, so
    that for words of length at most L

    .. math:: E \le \sigma^L (|\rho(e) - 1|_F \, size + L \, \eta \, (1 + size))

    and the bound is E (1 + size). |rho(s)|_2^2 is at most |rho(s)^T rho(s)|_F, and at most 1 + |rho(s)^T rho(s) - 1|_F.
    """
    d, size = rho.shape[1], largest_size(rho)
    rounded = 2.0 * gamma(d * d + d + 16) * (size * size + size + 1.0)
    eta, stretch = 0.0, 1.0
    for s in group.generators:
        eta = max(eta, float(np.sqrt(((rho[group.table[s]] - rho[s] @ rho) ** 2).sum((1, 2)).max())) + rounded)
        stretch = max(stretch, np.sqrt(1.0 + float(np.linalg.norm(rho[s].T @ rho[s] - np.eye(d))) + rounded))
    at_identity = float(np.linalg.norm(rho[group.identity] - np.eye(d))) + rounded
    length = longest_word(group)
    with np.errstate(over="ignore"):
        grown = np.exp(WIDER * length * np.log1p(WIDER * (stretch - 1.0) + UNIT))
    return float(WIDER**4 * grown * (at_identity * size + length * eta * (1.0 + size)) * (1.0 + size))


def longest_word(group: Group) -> int:
    """Length of the longest shortest word in the generators, multiplied from the left."""
    reached = np.zeros(group.order, bool)
    reached[group.identity] = True
    frontier, length = np.array([group.identity]), 0
    while not reached.all():
        products = np.unique(group.table[group.generators][:, frontier])
        frontier = products[~reached[products]]
        reached[frontier] = True
        length += 1
    return length


def _share(rho: Floats) -> float:
    """Factor d / (<chi, chi> n) of the projection to an irrep; any number is sound."""
    n, d = rho.shape[:2]
    return float(d / n / max(1.0, np.rint((np.trace(rho, axis1=1, axis2=2) ** 2).mean())))


class Main:
    """The part of the network in the span of the representations.

    Args:
        tables: The network.
        matrices: Representations, `(n, d, d)` each.
        clusters: Directions shared by neurons, or None.
    """

    def __init__(self, tables: Tables, matrices: Sequence[Floats], clusters: Clusters | None) -> None:
        n, m = tables.order, tables.width
        self.matrices = matrices
        left, right, unembed, bias = tables.doubles()
        self.activations = Neurons(left, right, tables.activation)
        self.magnitudes = magnitude(left, tables.activation), magnitude(right, tables.activation)
        self.dimensions = np.array([rho.shape[1] for rho in matrices])
        self.size = int((self.dimensions**2).sum())
        unembed, bias = unembed - unembed.mean(0), bias - bias.mean()
        self.basis = np.hstack([rho.reshape(n, -1) for rho in matrices])
        factors = np.repeat(np.array([_share(rho) for rho in matrices]), self.dimensions**2)
        self.offset = factors * (self.basis.T @ bias)
        self.operations, self.groups = 2 * n * m * self.size, None
        if clusters is None:
            self.directions: Floats = factors[:, None] * (self.basis.T @ unembed)  # C, shape (D, m)
            self.operations_per_pair = 0
        else:
            self.groups, self.directions = (
                (clusters.labels, clusters.coefficients),
                np.ascontiguousarray(clusters.directions),
            )
            self.operations_per_pair = m
        self.blocks, begin = list[tuple[Ints, Floats]](), 0
        for d in self.dimensions.tolist():
            block = self.directions[begin : begin + d * d]
            used = np.flatnonzero(block.any(0))
            self.blocks.append((used, np.ascontiguousarray(block[:, used])))
            self.operations_per_pair += d * d * len(used)
            begin += d * d

    def columns(self) -> Floats:
        """C for each neuron, shape `(D, m)`; with clusters, products with one rounding."""
        if self.groups is None:
            return self.directions
        labels, coefficients = self.groups
        known = labels >= 0
        columns = np.zeros((self.size, len(labels)))
        columns[:, known] = self.directions[:, labels[known]] * coefficients[known]
        return columns

    def rest(self, tables: Tables) -> Residual:
        """The network minus its main part; each entry of B C is a dot product of D terms with one rounding in C."""
        columns, basis = self.columns(), self.basis
        sizes = np.abs(basis) @ np.abs(columns), np.abs(basis) @ np.abs(self.offset)
        return rest_of(tables, (basis @ columns, basis @ self.offset), sizes, self.size, self.activations)

    def coordinates(self, h: Floats, xs: Ints, ys: Ints, out: Floats) -> None:
        """N of a chunk of pairs, shape `(pairs, D)`, row by row each matrix."""
        if self.groups is None:
            sums = h
        else:
            labels, coefficients = self.groups
            sums = np.zeros((self.directions.shape[1], len(xs)))
            _sum_groups(h, labels, coefficients, sums)
        begin = 0
        for rho, d, (used, block) in zip(self.matrices, self.dimensions.tolist(), self.blocks, strict=True):
            here = slice(begin, begin + d * d)
            main = (block @ sums[used]).T + self.offset[here]
            _conjugate(rho, np.ascontiguousarray(main).reshape(-1, d, d), xs, ys, out[:, here])
            begin += d * d

    def rounding(self, matrices: Sequence[Floats], defects: Sequence[float], xs: Ints, ys: Ints) -> Floats:
        r"""Error of sum <rho(e) - rho(w), N> through N: rounding of N, and the homomorphism defect for z and for xy.

        |M|_F <= G = sum_i |C_i|_2 |h_i| + |c|_2, and the computed N is off by gamma_{m+S+2d+16} |rho(x)|_F |rho(y)|_F G
        in the Frobenius norm: the roundings of h, of the dot products and of two products with matrices. It meets
        |rho(e) - rho(w)|_F <= 2 max |rho|_F.
        """
        columns, total = np.abs(self.columns()), np.zeros(len(xs))
        terms = gamma(2 * columns.shape[1] + 4 * int(self.dimensions.max()) + 64)
        begin = 0
        for rho, defect, d in zip(matrices, defects, self.dimensions.tolist(), strict=True):
            part = slice(begin, begin + d * d)
            weight = np.sqrt((columns[part] ** 2).sum(0))
            constant = float(np.sqrt((self.offset[part] ** 2).sum()))
            size = largest_size(rho)
            bound = (self.magnitudes[0] @ weight)[xs] + (self.magnitudes[1] @ weight)[ys] + constant
            total += WIDER**4 * (2.0 * terms * size**3 + 2.0 * defect) * bound
            begin += d * d
        return total


def _check_clusters(clusters: Clusters, m: int, size: int) -> None:
    if clusters.labels.shape != (m,) or clusters.coefficients.shape != (m,) or clusters.directions.shape[0] != size:
        raise ValueError(
            f"expected shapes ({m},), ({m},), ({size}, clusters), got labels.shape={clusters.labels.shape}, "
            f"coefficients.shape={clusters.coefficients.shape}, directions.shape={clusters.directions.shape}. Give one "
            "label per neuron, and directions in the span of the representations."
        )
    if not ((clusters.labels >= -1) & (clusters.labels < clusters.directions.shape[1])).all():
        raise ValueError(
            f"expected labels from -1 to {clusters.directions.shape[1] - 1}, got {clusters.labels.min()} to "
            f"{clusters.labels.max()}. Label a neuron with the number of its direction, or -1 for none."
        )
    if not all((np.abs(given) <= 2.0**60).all() for given in (clusters.coefficients, clusters.directions)):
        largest = max(float(np.abs(given).max()) for given in (clusters.coefficients, clusters.directions))
        raise ValueError(
            f"expected finite coefficients and directions of at most 2^60, got {largest:.3g}. Fit them to the "
            "network's weights."
        )


@njit(cache=True, nogil=True)
def _sum_groups(h: Any, labels: Any, coefficients: Any, sums: Any) -> None:
    for i in range(h.shape[0]):
        if labels[i] >= 0:
            row, c = sums[labels[i]], coefficients[i]
            for p in range(h.shape[1]):
                row[p] += c * h[i, p]


@njit(cache=True, nogil=True)
def _conjugate(rho: Any, main: Any, xs: Any, ys: Any, out: Any) -> None:
    """out[p] = rho(x)^T M rho(y)^T, flattened."""
    d = rho.shape[1]
    half = np.empty((d, d))
    for p in range(xs.shape[0]):
        a, b, matrix = rho[xs[p]], rho[ys[p]], main[p]
        for j in range(d):
            for k in range(d):
                half[j, k] = 0.0
            for i in range(d):
                for k in range(d):
                    half[j, k] += a[i, j] * matrix[i, k]
        for j in range(d):
            for i in range(d):
                total = 0.0
                for k in range(d):
                    total += half[j, k] * b[i, k]
                out[p, j * d + i] = total
