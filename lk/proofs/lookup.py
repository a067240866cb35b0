r"""Accuracy bounds from the unembedding's points alone: which point goes where is looked up, and nothing needs to be equivariant.

In a circuit on G-sets the unembedding u_i(z) = K(p_i, z q_i) depends on z through the image of one point. So, with J look-ups a_j(z), the images
of J points under z, and any table C,

.. math:: u_i(z) = \sum_j C[a_j(z), i] + rest, \qquad main(z) = \sum_j (C h)[a_j(z)]

costs J operations for each z where brute force pays m, whatever left and right may be: networks that cover an orbit on neither side are certified
all the same. The look-ups and C are any numbers; what they miss is the rest, which is bounded as in `lowrank`.
"""

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit

from lk.groups import Group
from lk.proofs.activation import ACTIVATIONS, hidden, magnitude, means
from lk.proofs.certificate import Certificate
from lk.proofs.decide import decide, indices_of, pairs_of
from lk.proofs.explanation import LookupExplanation
from lk.proofs.residual import Residual, sample_pairs
from lk.proofs.rounding import WIDER, Floats, Ints, gamma
from lk.proofs.silent import Silent, with_silence
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
    assign, columns = explanation.assign, explanation.columns
    if len(assign) != n or columns.shape[1] != m:
        raise ValueError(
            f"given an explanation for order {len(assign)} and width {columns.shape[1]}, and a network of order {n} and width {m}; "
            "expected the explanation of this network"
        )

    def evaluate(silent: Silent, pairs: Ints) -> tuple[Floats, int]:
        main = Main(silent.rest, replace(explanation, columns=columns[:, silent.kept]))
        slack, residual = np.full(n * n, -np.inf), main.residual
        for chunk, xs, ys, zs in pairs_of(group, pairs, _CHUNK):
            rounding = main.error_x[xs] + main.error_y[ys] + silent.cost_x[xs] + silent.cost_y[ys]
            slack[chunk] = decide(main.gap(xs, ys, zs), rounding, tables.folding(xs, ys))
        return slack, main.operations + residual.operations

    slack, operations = with_silence(tables, None, indices_of(group, pairs), evaluate)
    return Certificate(
        "lookup", slack.reshape(n, n), operations, tables.brute_force_operations, time.perf_counter() - start
    )


class Main:
    """What is looked up, and the rest.

    Attributes:
        residual: The tables of the rest.
        error_x, error_y: The rounding error of `gap` is at most `error_x[x] + error_y[y]`.
        operations: What it has cost so far, without the residual.
    """

    def __init__(self, tables: Tables, explanation: LookupExplanation) -> None:
        n, m = tables.order, tables.width
        self.assign, self.offset, self.kind = explanation.assign, explanation.offset, ACTIVATIONS[tables.activation]
        columns, size, lookups = explanation.columns, len(explanation.columns), explanation.assign.shape[1]
        self.rows, self.neurons = np.nonzero(columns)
        self.entries = columns[self.rows, self.neurons]
        left, right, unembed, bias = tables.doubles()
        unembed, bias = unembed - unembed.mean(0), bias - bias.mean()
        products, offsets = (np.abs(table)[self.assign].sum(1) for table in (columns, self.offset))
        order = gamma(size + lookups + 8) * WIDER
        error = order * (np.abs(unembed) + products).max(0)
        bias_error = order * float((np.abs(bias) + offsets).max())
        self.tables = np.ascontiguousarray(left.T), np.ascontiguousarray(right.T)
        sizes = magnitude(left, tables.activation), magnitude(right, tables.activation)
        along_x, along_y = means(left, right, tables.activation)
        xs, ys = sample_pairs(n)
        self.residual = Residual(
            unembed - columns[self.assign].sum(1),
            bias - self.offset[self.assign].sum(1),
            along_x,
            along_y - along_y.mean(0),
            sizes,
            error,
            bias_error,
            (self.activations(xs, ys), xs, ys),
        )
        terms = 4.0 * gamma(m + size + lookups + 64) * WIDER**2
        self.error_x = (
            self.residual.error_x + sizes[0] @ (terms * products.max(0)) + terms * float(offsets.max(initial=0.0))
        )
        self.error_y = self.residual.error_y + sizes[1] @ (terms * products.max(0))
        self.operations = 2 * n * m * (lookups + 2) + 2 * len(xs) * m

    def activations(self, xs: Ints, ys: Ints) -> Floats:
        """Shape `(m, pairs)`."""
        h = np.empty((len(self.tables[0]), len(xs)))
        hidden(*self.tables, xs, ys, self.kind, h)
        return h

    def gap(self, xs: Ints, ys: Ints, zs: Ints) -> Floats:
        """Lower bounds of the gap: the looked-up part for every z, the interaction, and the tables A and Q.

        Maxima of the looked-up part, of A and of Q are taken apart, and together (2 n operations more) where that leaves a pair open.
        """
        rest, at = self.residual, np.arange(len(xs))
        h = self.activations(xs, ys)
        values = np.tile(self.offset[:, None], len(xs))
        add_products(self.rows, self.neurons, self.entries, h, values)
        logits = np.zeros((rest.columns.shape[0], len(xs)))
        for j in range(self.assign.shape[1]):
            logits += values[self.assign[:, j]]
        known = rest.interaction(h, xs, ys, zs)
        gap = (
            known
            + _lead(logits, zs)
            + (rest.additive_x[xs, zs] - rest.most_x[xs])
            + (rest.additive_y[ys, zs] - rest.most_y[ys])
        )
        open_ = at[~(gap > 0.0)]
        logits = logits[:, open_] + rest.additive_x[xs[open_]].T
        logits += rest.additive_y[ys[open_]].T
        gap[open_] = known[open_] + _lead(logits, zs[open_])
        n = len(logits)
        self.operations += len(xs) * (len(h) + len(self.entries) + n * self.assign.shape[1] + 6) + len(open_) * 2 * n
        return np.asarray(gap)


def _lead(logits: Floats, zs: Ints) -> Floats:
    """How far the logit of the right answer is above the others, by pair; `logits` has shape `(n, pairs)`."""
    at = np.arange(logits.shape[1])
    correct = logits[zs, at]
    logits[zs, at] = -np.inf
    lead = correct - logits.max(0)
    logits[zs, at] = correct
    return np.asarray(lead)


@njit(cache=True, nogil=True)
def add_products(rows: Any, neurons: Any, entries: Any, h: Any, values: Any) -> None:
    """Add C h: the entries of C that are not zero, one after another."""
    for k in range(entries.shape[0]):
        c, source, out = entries[k], h[neurons[k]], values[rows[k]]
        for p in range(h.shape[1]):
            out[p] += c * source[p]
