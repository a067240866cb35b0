"""Accuracy bounds from a few singular vectors of the unembedding alone: what can be proven with no group theory at all."""

import time

import numpy as np

from lk.groups import Group
from lk.proofs.activation import ACTIVATIONS, hidden, magnitude, means
from lk.proofs.certificate import Certificate
from lk.proofs.decide import decide, indices_of, pairs_of
from lk.proofs.residual import Residual, sample_pairs
from lk.proofs.rounding import WIDER, Floats, Ints, gamma
from lk.proofs.silent import Silent, with_silence
from lk.proofs.tables import Tables

_CHUNK = 1024  # pairs at a time


def lowrank(tables: Tables, group: Group, rank: int, pairs: Ints | None = None) -> Certificate:
    r"""Evaluate the logits of a rank-r part of the unembedding for every z, and bound the rest; cost O(n^2 r (m + n)).

    u = B C + u_rest with any B, C (here from a singular value decomposition), so that main(z) = B(z) (C h + c) + A[x, z] + Q[y, z] is evaluated, and
    only the interaction of the rest (see `lk.proofs.residual`) takes an inequality.

    Rounding: main passes a dot product of m terms and one of r, gamma_{m+r+16} of sum_i |h_i| max_z (|B| |C|)_i + max |B| |c|; two of them
    in a gap, and the sums with A and Q, whose error `Residual` holds.

    Args:
        tables: The network.
        group: Its group, the trusted specification.
        rank: r, 1 or more.
        pairs: Indices x n + y of the pairs to decide; all by default.

    Returns:
        Certificate; slack is minus infinity on other pairs.

    Raises:
        ValueError: the group has another order than the network, or the rank is not positive.
    """
    start, n = time.perf_counter(), tables.order
    tables.check_group(group)
    if rank < 1:
        raise ValueError(f"given rank {rank}; expected at least 1")
    wanted = rank

    def evaluate(silent: Silent, pairs: Ints) -> tuple[Floats, int]:
        m = silent.rest.width
        left, right, unembed, bias = silent.rest.doubles()
        unembed, bias = unembed - unembed.mean(0), bias - bias.mean()
        basis = np.ascontiguousarray(np.linalg.svd(unembed, full_matrices=False)[0][:, :wanted])
        rank = basis.shape[1]
        columns, offset = basis.T @ unembed, basis.T @ bias
        products = np.abs(basis) @ np.abs(columns)
        order = gamma(rank + 8) * WIDER
        error, bias_error = (
            order * (np.abs(unembed) + products).max(0),
            order * float((np.abs(bias) + np.abs(basis) @ np.abs(offset)).max()),
        )
        kind, by_neuron = ACTIVATIONS[tables.activation], (np.ascontiguousarray(left.T), np.ascontiguousarray(right.T))
        sizes = magnitude(left, tables.activation), magnitude(right, tables.activation)
        along_x, along_y = means(left, right, tables.activation)
        sample = sample_pairs(n)
        h = np.empty((m, len(sample[0])))
        hidden(*by_neuron, sample[0], sample[1], kind, h)
        rest = Residual(
            unembed - basis @ columns,
            bias - basis @ offset,
            along_x,
            along_y - along_y.mean(0),
            sizes,
            error,
            bias_error,
            (h, sample[0], sample[1]),
        )
        weight = 4.0 * gamma(m + rank + 64) * WIDER**2 * products.max(0)
        constant = 4.0 * gamma(m + rank + 64) * WIDER**2 * float((np.abs(basis) @ np.abs(offset)).max())
        error_x, error_y = rest.error_x + sizes[0] @ weight + constant, rest.error_y + sizes[1] @ weight
        slack = np.full(n * n, -np.inf)
        for chunk, xs, ys, zs in pairs_of(group, pairs, _CHUNK):
            h = np.empty((m, len(chunk)))
            hidden(*by_neuron, xs, ys, kind, h)
            logits = (columns @ h).T + offset
            logits = logits @ basis.T
            logits += rest.additive_x[xs]
            logits += rest.additive_y[ys]
            at = np.arange(len(chunk))
            correct = logits[at, zs]
            logits[at, zs] = -np.inf
            gap = correct - logits.max(1) + rest.interaction(h, xs, ys, zs)
            slack[chunk] = decide(
                gap, error_x[xs] + error_y[ys] + silent.cost_x[xs] + silent.cost_y[ys], tables.folding(xs, ys)
            )
        fixed = 3 * n * m * rank + 4 * n * m * min(n, m)
        return slack, rest.operations + len(pairs) * (m + rank * (m + n) + 2 * n) + fixed

    slack, operations = with_silence(tables, None, indices_of(group, pairs), evaluate)
    return Certificate(
        "lowrank", slack.reshape(n, n), operations, tables.brute_force_operations, time.perf_counter() - start
    )
