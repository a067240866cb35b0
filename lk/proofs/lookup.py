r"""Accuracy bounds from the unembedding's points alone: which point goes where is looked up, and nothing needs to be equivariant.

In a circuit on G-sets the unembedding u_i(z) = K(p_i, z q_i) depends on z through the image of one point. So, with J look-ups a_j(z), the images
of J points under z, and any table C,

.. math:: u_i(z) = \sum_j C[a_j(z), i] + rest, \qquad main(z) = \sum_j (C h)[a_j(z)]

costs J operations for each z where brute force pays m, whatever left and right may be: networks that cover an orbit on neither side are certified
all the same. The look-ups and C are any numbers; what they miss is the rest, which is bounded as in `lowrank`.
"""

import time

import numpy as np

from lk.groups import Group
from lk.proofs.activation import ACTIVATIONS, hidden, magnitude, means
from lk.proofs.certificate import Certificate
from lk.proofs.check import decide, pairs_of
from lk.proofs.explanation import LookupExplanation
from lk.proofs.residual import Residual
from lk.proofs.rounding import WIDER, Ints, gamma
from lk.proofs.tables import Tables

_CHUNK = 1024  # pairs at a time


def lookup(tables: Tables, group: Group, explanation: LookupExplanation, pairs: Ints | None = None) -> Certificate:
    """Evaluate the looked-up part of all logits and bound the rest; cost O(n^2 (n J + m)).

    Rounding: main passes a dot product of m terms and a sum of J, gamma_{m+J+16} of sum_i |h_i| max_z (|B| |C|)_i, B the look-ups as a matrix; two
    of them in a gap, and the sums with the residual's tables, whose error `Residual` holds.

    Args:
        tables: The network.
        group: Its group, the trusted specification.
        explanation: Anything.
        pairs: Indices x n + y of the pairs to decide; all by default.

    Returns:
        Certificate; slack is minus infinity on other pairs.

    Raises:
        ValueError: the network or the explanation belongs to another group or width.
    """
    start, n, m = time.perf_counter(), tables.order, tables.width
    tables.check_group(group)
    assign, columns, offset = explanation.assign, explanation.columns, explanation.offset
    size, count_j = len(columns), assign.shape[1]
    if len(assign) != n or columns.shape[1] != m:
        raise ValueError(
            f"given an explanation for order {len(assign)} and width {columns.shape[1]}, and a network of order {n} and width {m}; "
            "expected the explanation of this network"
        )
    basis = np.zeros((n, size))
    np.add.at(basis, (np.arange(n)[:, None], assign), 1.0)
    left, right, unembed, bias = tables.doubles()
    unembed, bias = unembed - unembed.mean(0), bias - bias.mean()
    products = basis @ np.abs(columns)
    order = gamma(size + count_j + 8) * WIDER
    error = order * (np.abs(unembed) + products).max(0)
    bias_error = order * float((np.abs(bias) + basis @ np.abs(offset)).max())
    kind, by_neuron = ACTIVATIONS[tables.activation], (np.ascontiguousarray(left.T), np.ascontiguousarray(right.T))
    sizes = magnitude(left, tables.activation), magnitude(right, tables.activation)
    along_x, along_y = means(left, right, tables.activation)
    sample = np.random.default_rng(0).integers(n, size=(2, min(512, 4 * n)))
    h = np.empty((m, sample.shape[1]))
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
    terms = 4.0 * gamma(m + size + count_j + 64) * WIDER**2
    constant = terms * float((basis @ np.abs(offset)).max(initial=0.0))
    error_x = rest.error_x + sizes[0] @ (terms * products.max(0)) + constant
    error_y = rest.error_y + sizes[1] @ (terms * products.max(0))
    slack, count = np.full(n * n, -np.inf), 0
    for chunk, xs, ys, zs in pairs_of(group, pairs, _CHUNK):
        h = np.empty((m, len(chunk)))
        hidden(*by_neuron, xs, ys, kind, h)
        values = columns @ h + offset[:, None]
        logits = np.zeros((n, len(chunk)))
        for j in range(count_j):
            logits += values[assign[:, j]]
        logits += rest.additive_x[xs].T
        logits += rest.additive_y[ys].T
        at = np.arange(len(chunk))
        correct = logits[zs, at]
        logits[zs, at] = -np.inf
        gap = correct - logits.max(0) + rest.interaction(h, xs, ys, zs)
        slack[chunk] = decide(gap, error_x[xs] + error_y[ys], tables.folding(xs, ys))
        count += len(chunk)
    filled = int(np.count_nonzero(columns))
    operations = rest.operations + count * (m + filled + size + n * (count_j + 2)) + 3 * n * filled
    return Certificate("lookup", slack.reshape(n, n), operations, tables.brute_force_operations, time.perf_counter() - start)
