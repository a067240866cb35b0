r"""Accuracy bounds from cosets alone, without equivariance: what the explanation of Stander et al. (2024) can prove.

If neurons of a cluster are nearly constant on parts X of the left and Y of the right inputs, their activations are
nearly A_i[X, Y], and F[X, Y, z] = sum_i A_i u_i(z) their logits. Whatever the pair with xy = z, the gap between z and
z' is at least

.. math:: M[z, z'] = \beta(z) - \beta(z') + \sum_C \min_{(X, Y) : z \in X Y} (F_C[X, Y, z] - F_C[X, Y, z'])

minus sum_i (max u_i - min u_i) |h_i - A_i|. Partitions are integers, and which (X, Y) can occur is read from the Cayley
table; the numbers A may be anything. The minimum of every cluster is taken apart, which is why cosets without
equivariance prove little.
"""

import numpy as np

from lk.groups import Group
from lk.proofs.activation import Neurons, apply, magnitude
from lk.proofs.certificate import Certificate
from lk.proofs.explanation import CosetCluster, CosetExplanation
from lk.proofs.rounding import UNIT, WIDER, Floats, Ints, gamma
from lk.proofs.tables import Tables
from lk.proofs.verifier import Verifier


def coset(tables: Tables, group: Group, explanation: CosetExplanation, pairs: Ints | None = None) -> Certificate:
    """Bound the accuracy through partitions; cost O(sum over clusters of n^3 / |parts| and n^2 m).

    Rounding: F is a dot product of k terms, sums over clusters and the minimum add that of their number: gamma_{2m+64}
    times the magnitudes of all terms; h - A is off by gamma_4 (|h| + |A|).

    Args:
        tables: The network.
        group: Its group, the trusted specification.
        explanation: Anything; clusters with labels out of range or neurons used twice are dropped.
        pairs: Indices x n + y of the pairs to decide; all by default.

    Returns:
        Certificate; slack is minus infinity on other pairs.

    Raises:
        ValueError: the network or the explanation belongs to another group or width.
    """
    return _Coset(tables, group, explanation).certify(pairs)


class _Coset(Verifier):
    name = "coset"

    def __init__(self, tables: Tables, group: Group, explanation: CosetExplanation) -> None:
        super().__init__(tables, group)
        tables.check_explanation(explanation.order, explanation.width)
        n, m = tables.order, tables.width
        _, _, self.unembed, bias = tables.doubles()
        self.left, self.right = np.zeros((n, m)), np.zeros((n, m))
        self.gaps, self.largest = bias[:, None] - bias, 2.0 * float(np.abs(bias).max())
        taken, dropped = np.zeros(m, bool), list[str]()
        for number, cluster in enumerate(explanation.clusters):
            reason = _refuse(cluster, taken, n)
            if reason:
                dropped.append(f"cluster {number}: {reason}")
                continue
            taken[cluster.neurons] = True
            self.add(cluster)
        self.explained, self.dropped = np.flatnonzero(taken), tuple(dropped)

    def add(self, cluster: CosetCluster) -> None:
        """Take a cluster into the ideal tables, and the least gaps of its logits into the gaps."""
        tables, i = self.tables, cluster.neurons
        parts_x, xs = np.unique(cluster.left, return_inverse=True)
        parts_y, ys = np.unique(cluster.right, return_inverse=True)
        left, right, _, _ = tables.doubles()
        means_x, means_y = part_means(left[:, i], xs, len(parts_x)), part_means(right[:, i], ys, len(parts_y))
        self.left[:, i], self.right[:, i] = means_x[xs], means_y[ys]
        act = apply(means_x[:, None] + means_y[None], tables.activation).reshape(-1, len(i))
        logits = act @ self.unembed[:, i].T
        self.largest += 4.0 * float((act @ np.abs(self.unembed[:, i]).max(0)).max())
        self.operations += logits.size * len(i)
        for z in range(tables.order):
            rows = logits[parts_of(self.group, z, xs, ys, len(parts_y))]
            self.gaps[z] += (rows[:, [z]] - rows).min(0)
            self.operations += rows.size

    def evaluate(self, pairs: Ints) -> tuple[Floats, int]:
        return self.decide(_Bound(self), pairs)


class _Bound:
    def __init__(self, verifier: _Coset) -> None:
        tables, unembed, activation = verifier.tables, verifier.unembed, verifier.tables.activation
        n, m = tables.order, tables.width
        explained = verifier.explained
        assert explained is not None
        left, right, _, _ = tables.doubles()
        self.explained, self.network = explained, Neurons(left, right, activation)
        self.ideal = Neurons(verifier.left[:, explained], verifier.right[:, explained], activation)
        np.fill_diagonal(verifier.gaps, np.inf)
        self.margins = verifier.gaps.min(1) if n > 1 else np.full(1, np.nan)
        self.ranges = (unembed.max(0) - unembed.min(0)) * (1.0 + 4.0 * UNIT)
        weight = 8.0 * gamma(m + 64) * WIDER * self.ranges
        constant = 8.0 * gamma(2 * m + 64) * WIDER**2 * verifier.largest
        sizes = [
            magnitude(table, activation) + magnitude(ideal, activation)
            for table, ideal in ((left, verifier.left), (right, verifier.right))
        ]
        self.error_x, self.error_y = sizes[0] @ weight + constant, sizes[1] @ weight
        self.operations = 0

    def __call__(self, xs: Ints, ys: Ints, zs: Ints) -> tuple[Floats, Floats]:
        h = self.network(xs, ys)
        self.operations += 4 * h.size
        h[self.explained] -= self.ideal(xs, ys)
        return self.margins[zs] - self.ranges @ np.abs(h), self.error_x[xs] + self.error_y[ys]


def _refuse(cluster: CosetCluster, taken: np.ndarray, n: int) -> str | None:
    """Why a cluster is dropped, or None; `taken` marks the neurons of the clusters before."""
    i, m = cluster.neurons, len(taken)
    if len(i) == 0 or i.min() < 0 or i.max() >= m or len(np.unique(i)) < len(i) or taken[i].any():
        return f"neurons outside 0 to {m - 1}, none, or used twice"
    if cluster.left.shape != (n,) or cluster.right.shape != (n,):
        return f"partitions of shapes {cluster.left.shape}, {cluster.right.shape}; expected ({n},)"
    return None


def part_means(table: Floats, labels: Ints, parts: int) -> Floats:
    """Mean of the rows of each part, shape `(parts, columns)`."""
    sums = np.zeros((parts, table.shape[1]))
    np.add.at(sums, labels, table)
    return np.asarray(sums / np.bincount(labels, minlength=parts)[:, None])


def parts_of(group: Group, z: int, xs: Ints, ys: Ints, parts_y: int) -> Ints:
    """The (X, Y), as X * parts + Y, that hold some pair with xy = z: y = x^-1 z."""
    return np.unique(xs * parts_y + ys[group.table[group.inverse, z]])
