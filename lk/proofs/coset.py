r"""Accuracy bounds from cosets alone, without equivariance: what the explanation of Stander et al. (2024) can prove.

If neurons of a cluster are nearly constant on parts X of the left and Y of the right inputs, their activations are nearly
A_i[X, Y], and F[X, Y, z] = sum_i A_i u_i(z) their logits. Whatever the pair with xy = z, the gap between z and z' is at least

.. math:: M[z, z'] = \beta(z) - \beta(z') + \sum_C \min_{(X, Y) : z \in X Y} (F_C[X, Y, z] - F_C[X, Y, z'])

minus sum_i (max u_i - min u_i) |h_i - A_i|. Partitions are integers, and which (X, Y) can occur is read from the Cayley table; the numbers A may
be anything. The minimum of every cluster is taken apart, which is why cosets without equivariance prove little.
"""

import time

import numpy as np

from lk.groups import Group
from lk.proofs.activation import ACTIVATIONS, apply, hidden, magnitude
from lk.proofs.certificate import Certificate
from lk.proofs.decide import decide, pairs_of
from lk.proofs.explanation import CosetExplanation
from lk.proofs.rounding import UNIT, WIDER, Floats, Ints, gamma
from lk.proofs.tables import Tables

_CHUNK = 1024  # pairs at a time


def coset(tables: Tables, group: Group, explanation: CosetExplanation, pairs: Ints | None = None) -> Certificate:
    """Bound the accuracy through partitions; cost O(sum over clusters of n^3 / |parts| and n^2 m).

    Rounding: F is a dot product of k terms, sums over clusters and the minimum add that of their number: gamma_{2m+64} times the magnitudes of all
    terms; h - A is off by gamma_4 (|h| + |A|).

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
    start, n, m = time.perf_counter(), tables.order, tables.width
    tables.check_group(group)
    if (explanation.order, explanation.width) != (n, m):
        raise ValueError(
            f"given an explanation for order {explanation.order} and width {explanation.width}, and a network of order {n} and "
            f"width {m}; expected the explanation of this network"
        )
    left, right, unembed, bias = tables.doubles()
    ideal_left, ideal_right = np.zeros((n, m)), np.zeros((n, m))
    taken, dropped, operations = np.zeros(m, bool), [], 0
    gaps = bias[:, None] - bias
    largest = 2.0 * float(np.abs(bias).max())
    for number, cluster in enumerate(explanation.clusters):
        i = cluster.neurons
        reason = None
        if len(i) == 0 or i.min() < 0 or i.max() >= m or len(np.unique(i)) < len(i) or taken[i].any():
            reason = f"neurons outside 0 to {m - 1}, none, or used twice"
        elif cluster.left.shape != (n,) or cluster.right.shape != (n,):
            reason = f"partitions of shapes {cluster.left.shape}, {cluster.right.shape}; expected ({n},)"
        if reason:
            dropped.append(f"cluster {number}: {reason}")
            continue
        taken[i] = True
        parts_x, xs = np.unique(cluster.left, return_inverse=True)
        parts_y, ys = np.unique(cluster.right, return_inverse=True)
        means_x, means_y = part_means(left[:, i], xs, len(parts_x)), part_means(right[:, i], ys, len(parts_y))
        ideal_left[:, i], ideal_right[:, i] = means_x[xs], means_y[ys]
        act = apply(means_x[:, None] + means_y[None], tables.activation).reshape(-1, len(i))
        logits = act @ unembed[:, i].T
        largest += 4.0 * float((act @ np.abs(unembed[:, i]).max(0)).max())
        operations += logits.size * len(i)
        for z in range(n):
            possible = parts_of(group, z, xs, ys, len(parts_y))
            rows = logits[possible]
            gaps[z] += (rows[:, [z]] - rows).min(0)
            operations += rows.size
    explained = np.flatnonzero(taken)
    ranges = (unembed.max(0) - unembed.min(0)) * (1.0 + 4.0 * UNIT)
    np.fill_diagonal(gaps, np.inf)
    margins = gaps.min(1) if n > 1 else np.full(1, np.nan)
    kind = ACTIVATIONS[tables.activation]
    network = np.ascontiguousarray(left.T), np.ascontiguousarray(right.T)
    ideal = np.ascontiguousarray(ideal_left.T[explained]), np.ascontiguousarray(ideal_right.T[explained])
    weight = 8.0 * gamma(m + 64) * WIDER * ranges
    constant = 8.0 * gamma(2 * m + 64) * WIDER**2 * largest
    error_x = sum(magnitude(table, tables.activation) for table in (left, ideal_left)) @ weight + constant
    error_y = sum(magnitude(table, tables.activation) for table in (right, ideal_right)) @ weight
    slack, count = np.full(n * n, -np.inf), 0
    for chunk, xs, ys, zs in pairs_of(group, pairs, _CHUNK):
        h, a = np.empty((m, len(chunk))), np.empty((len(explained), len(chunk)))
        hidden(*network, xs, ys, kind, h)
        hidden(*ideal, xs, ys, kind, a)
        h[explained] -= a
        slack[chunk] = decide(margins[zs] - ranges @ np.abs(h), error_x[xs] + error_y[ys], tables.folding(xs, ys))
        count += len(chunk)
    operations += count * 4 * m
    unexplained = tuple(np.flatnonzero(~taken).tolist())
    seconds = time.perf_counter() - start
    return Certificate(
        "coset",
        slack.reshape(n, n),
        operations,
        tables.brute_force_operations,
        seconds,
        None,
        None,
        unexplained,
        tuple(dropped),
    )


def part_means(table: Floats, labels: Ints, parts: int) -> Floats:
    """Mean of the rows of each part, shape `(parts, columns)`."""
    sums = np.zeros((parts, table.shape[1]))
    np.add.at(sums, labels, table)
    return np.asarray(sums / np.bincount(labels, minlength=parts)[:, None])


def parts_of(group: Group, z: int, xs: Ints, ys: Ints, parts_y: int) -> Ints:
    """The (X, Y), as X * parts + Y, that hold some pair with xy = z: y = x^-1 z."""
    return np.unique(xs * parts_y + ys[group.table[group.inverse, z]])
