r"""Accuracy bounds from the unembedding's points alone.

Which point goes where is looked up, and nothing needs to be equivariant.

In a circuit on G-sets the unembedding u_i(z) = K(p_i, z q_i) depends on z through the image of one point. So, with J
look-ups a_j(z), the images of J points under z, and any table C,

.. math:: u_i(z) = \sum_j C[a_j(z), i] + rest, \qquad main(z) = \sum_j (C h)[a_j(z)]

costs J operations for each z where brute force pays m, whatever left and right may be: networks that cover an orbit on
neither side are certified all the same. The look-ups and C are any numbers; what they miss is the rest, which is
bounded as in `lowrank`.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit

from lk.groups import Group
from lk.proofs.activation import Neurons, magnitude
from lk.proofs.certificate import Certificate
from lk.proofs.explanation import LookupExplanation
from lk.proofs.residual import rest_of
from lk.proofs.rounding import WIDER, Floats, Ints, gamma
from lk.proofs.silent import Silent
from lk.proofs.tables import Tables
from lk.proofs.verifier import Verifier


def lookup(tables: Tables, group: Group, explanation: LookupExplanation, pairs: Ints | None = None) -> Certificate:
    """Evaluate the looked-up part of all logits and bound the rest; cost O(n^2 (n J + m)).

    Rounding: main passes a dot product of m terms and a sum of J, gamma_{m+J+16} of sum_i |h_i| max_z (|B| |C|)_i, B
    the look-ups as a matrix; two of them in a gap, and the sums with the residual's tables, whose error `Residual`
    holds.

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
    return _Lookup(tables, group, explanation).certify(pairs)


class _Lookup(Verifier):
    name = "lookup"

    def __init__(self, tables: Tables, group: Group, explanation: LookupExplanation) -> None:
        super().__init__(tables, group)
        tables.check_explanation(explanation.order, explanation.width)
        self.explanation = explanation

    def bound(self, silent: Silent) -> "Main":
        return Main(silent, replace(self.explanation, columns=self.explanation.columns[:, silent.kept]))


class Main:
    """The looked-up part of the logits, and the bound of the rest.

    Attributes:
        residual: The tables of the rest.
        error_x, error_y: The rounding error of `gap` is at most `error_x[x] + error_y[y]`.
    """

    def __init__(self, silent: Silent, explanation: LookupExplanation) -> None:
        tables = silent.rest
        n, m = tables.order, tables.width
        self.silent, self.assign, self.offset = silent, explanation.assign, explanation.offset
        columns, size, lookups = explanation.columns, len(explanation.columns), explanation.assign.shape[1]
        self.rows, self.neurons = np.nonzero(columns)
        self.entries = columns[self.rows, self.neurons]
        left, right, _, _ = tables.doubles()
        self.activations = Neurons(left, right, tables.activation)
        main = columns[self.assign].sum(1), self.offset[self.assign].sum(1)
        sizes = np.abs(columns)[self.assign].sum(1), np.abs(self.offset)[self.assign].sum(1)
        self.residual = rest_of(tables, main, sizes, size + lookups, self.activations)
        terms = 4.0 * gamma(m + size + lookups + 64) * WIDER**2
        weight = terms * sizes[0].max(0)
        along = magnitude(left, tables.activation), magnitude(right, tables.activation)
        self.error_x = self.residual.error_x + along[0] @ weight + terms * float(sizes[1].max(initial=0.0))
        self.error_y = self.residual.error_y + along[1] @ weight
        self.cost: int = 2 * n * m * (lookups + 2) + 2 * self.residual.sampled * m

    @property
    def operations(self) -> int:
        """What it has cost so far."""
        return self.cost + self.residual.operations

    def __call__(self, xs: Ints, ys: Ints, zs: Ints) -> tuple[Floats, Floats]:
        """Bounds and their error, see `lk.proofs.verifier.Bound`."""
        rounding = self.error_x[xs] + self.error_y[ys] + self.silent.cost_x[xs] + self.silent.cost_y[ys]
        return self.gap(xs, ys, zs), rounding

    def gap(self, xs: Ints, ys: Ints, zs: Ints) -> Floats:
        """Lower bounds of the gap: the looked-up part for every z, the interaction, and the tables A and Q.

        Maxima of the looked-up part, of A and of Q are taken apart, and together (2 n operations more) where that
        leaves a pair open.
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
        self.cost += len(xs) * (len(h) + len(self.entries) + n * self.assign.shape[1] + 6) + len(open_) * 2 * n
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
