"""The bound of the paper: l2 norms of what separates the network from its ideal, with the rounding accounted for."""

import time

import numpy as np

from lk.groups import Group
from lk.proofs.activation import ACTIVATIONS, hidden, magnitude
from lk.proofs.certificate import Certificate
from lk.proofs.decide import decide, indices_of, pairs_of
from lk.proofs.explained import Ideal, build, ideal_margin
from lk.proofs.explanation import GSetExplanation
from lk.proofs.residual import largest_norm
from lk.proofs.rounding import WIDER, Floats, Ints, gamma
from lk.proofs.silent import Silent, with_silence
from lk.proofs.tables import Tables

_CHUNK = 1024  # pairs at a time


def irrep(tables: Tables, group: Group, explanation: GSetExplanation, pairs: Ints | None = None) -> Certificate:
    r"""The reference V_irrep on the same ideal network as `gset`: its l2 error, no gauge, nothing split off.

    With h^ = a g and u^ = v / a, :math:`f(z) - \hat f(z) = u_z \cdot (h - \hat h) + (u_z - \hat u_z) \cdot \hat h + \beta - \hat\beta`, so that

    .. math:: \epsilon = \max_z |u_z|_2 \, |h - \hat h|_2 + \max_z |u_z - \hat u_z|_2 \, |\hat h|_2 + |\beta - \hat\beta|_\infty

    and a pair is certified if epsilon < margin + f(xy) - f^(xy).

    Rounding, with mag = |h| + |a g|: each of u.(h - a g), (a u - v).g and the two products of norms is off by gamma_{k+32} times
    (max |u| + max |u - u^| + norms) mag.

    Source: Wu et al., ICLR 2025, Sect. 5.

    Args:
        tables: The network.
        group: Its group, the trusted specification.
        explanation: As for `gset`.
        pairs: Indices x n + y of the pairs to decide; all by default.

    Returns:
        Certificate with the ideal margin; slack is minus infinity on other pairs.

    Raises:
        ValueError: the network or the explanation belongs to another group or width.
    """
    start, n = time.perf_counter(), tables.order
    ideal = build(tables, group, explanation)
    margin, margin_error = ideal_margin(ideal, group, tables.activation)
    k, scales = len(ideal.neurons), ideal.scales
    _, _, table, bias = tables.doubles()
    change = table[:, ideal.neurons] * scales - ideal.unembed
    change_norm = largest_norm(change, scales**2) if k else 0.0
    constant = float(np.abs(bias - ideal.bias).max()) * (2.0 + 16.0 * gamma(64))
    constant += 8.0 * gamma(64) * float((np.abs(ideal.bias)).max() + abs(margin)) + margin_error

    def evaluate(silent: Silent, pairs: Ints) -> tuple[Floats, int]:
        neurons = np.concatenate([ideal.neurons, np.setdiff1d(silent.kept, ideal.neurons)])
        m, unembed, activations = len(neurons), table[:, neurons], Activations(tables, neurons, ideal)
        columns, norm = np.hstack([unembed, change]), largest_norm(unembed, np.ones(m))
        of_change = (np.abs(change).max(0) + np.abs(ideal.unembed).max(0)) + scales * change_norm
        weight = 8.0 * gamma(2 * (m + k) + 64) * WIDER**4 * np.concatenate([np.abs(unembed).max(0) + norm, of_change])
        sizes = activations.magnitudes()
        error_x, error_y = sizes[0] @ weight + silent.cost_x, sizes[1] @ weight + silent.cost_y
        slack = np.full(n * n, -np.inf)
        for chunk, xs, ys, zs in pairs_of(group, pairs, _CHUNK):
            t = activations(xs, ys)
            correct = np.einsum("ip,pi->p", t, columns[zs])
            squares, ideal_squares = (t[:m] ** 2).sum(0), ((scales[:, None] * t[m:]) ** 2).sum(0)
            gap = margin + correct - norm * np.sqrt(squares) - change_norm * np.sqrt(ideal_squares)
            slack[chunk] = decide(gap, constant + error_x[xs] + error_y[ys], tables.folding(xs, ys))
        return slack, len(pairs) * (3 * m + 6 * k) + 6 * n * (m + k)

    slack, operations = with_silence(tables, ideal.neurons, indices_of(group, pairs), evaluate)
    operations += ideal.operations
    unexplained = tuple(np.setdiff1d(np.arange(tables.width), ideal.neurons).tolist())
    seconds = time.perf_counter() - start
    return Certificate(
        "irrep",
        slack.reshape(n, n),
        operations,
        tables.brute_force_operations,
        seconds,
        None,
        margin,
        unexplained,
        ideal.dropped,
    )


class Activations:
    """t of chunks of pairs: h - a g of given neurons, the explained ones first (h itself in the others), then g of the explained ones."""

    def __init__(self, tables: Tables, neurons: Ints, ideal: Ideal) -> None:
        left, right, _, _ = tables.doubles()
        self.tables = [
            np.ascontiguousarray(table.T) for table in (left[:, neurons], right[:, neurons], ideal.left, ideal.right)
        ]
        self.kind, self.scales = ACTIVATIONS[tables.activation], ideal.scales[:, None]
        self.activation = tables.activation

    def magnitudes(self) -> tuple[Floats, Floats]:
        """Functions of x and of y, shape `(n, neurons + explained)`, whose sum is at least |h| + a |g|, and |g|."""
        sizes = []
        for table, ideal_table in (self.tables[0::2], self.tables[1::2]):
            size, ideal_size = magnitude(table, self.activation), magnitude(ideal_table, self.activation)
            size[: len(self.scales)] += self.scales * ideal_size
            sizes.append(np.vstack([size, ideal_size]).T)
        return sizes[0], sizes[1]

    def __call__(self, xs: Ints, ys: Ints) -> Floats:
        """Shape `(neurons + explained, pairs)`."""
        left, right, ideal_left, ideal_right = self.tables
        m = len(left)
        t = np.empty((m + len(ideal_left), len(xs)))
        hidden(left, right, xs, ys, self.kind, t[:m])
        hidden(ideal_left, ideal_right, xs, ys, self.kind, t[m:])
        t[: len(self.scales)] -= self.scales * t[m:]
        return t
