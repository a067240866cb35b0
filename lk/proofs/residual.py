r"""What is left of a network beside its explained part.

A lower bound of its contribution to the logit gap, shared by all verifiers.

The rest is :math:`rest(z) = \sum_i R_i(z) t_i(x, y) + b(z)` with any table R and any function t of a pair. For any
numbers alpha_i(x), gamma_i(y) (best: the means over the other input) let eta = t - alpha - gamma. Then, exactly,

.. math:: rest(z) = A[x, z] + Q[y, z] + \sum_i R_i(z) \eta_i, \quad A = \alpha R^T, \; Q = \gamma R^T + b

so that the part that depends on one input is known for every z in O(n^2 m), and only the interaction eta needs an
inequality: with M_i = max_z |R_i(z)| (Hoelder), or, with any weights s_i > 0, Cauchy-Schwarz,

.. math::

    \sum_i R_i(z) \eta_i \le
    \min\Big(\sum_i M_i |\eta_i|,\; \max_z \sqrt{\sum_i R_i(z)^2 / s_i}\,\sqrt{\sum_i s_i \eta_i^2}\Big)

A constant may be taken from each column of R and from b, because it moves all logits of a pair alike; half-way between
the extremes makes M least. The gap is rest(xy) - max_z rest(z), with rest(xy) evaluated, so that the inequality is paid
for once.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from lk.proofs.activation import magnitude, means
from lk.proofs.inequalities import combine, largest_entries, largest_norm, norm_weights, sample_pairs
from lk.proofs.rounding import UNIT, WIDER, Floats, Ints, gamma
from lk.proofs.tables import Tables


class Columns(NamedTuple):
    """What both inequalities read of a neuron; neurons first.

    Attributes:
        along_x: alpha, shape `(k, n)`.
        along_y: gamma, shape `(k, n)`.
        largest: M, shape `(k,)`.
        weights: s, shape `(k,)`.
        entries: R, shape `(k, n)`.
        ends: Ends of the groups of neurons, shape `(groups,)`.
    """

    along_x: Any
    along_y: Any
    largest: Any
    weights: Any
    entries: Any
    ends: Any


class Pairs(NamedTuple):
    """A chunk of pairs: xs ascending, and the ys of each x, each once, as `lk.proofs.decide.pairs_of` gives them.

    Attributes:
        runs: Where each run of one x begins, and the end.
        xs: Left inputs.
        ys: Right inputs.
        zs: Right answers.
    """

    runs: Any
    xs: Any
    ys: Any
    zs: Any


class Sums(NamedTuple):
    """Sums over neurons, of each pair.

    Attributes:
        holder: sum M |eta| of each group, shape `(groups, pairs)`.
        squares: sum s eta^2 of each group, shape `(groups, pairs)`.
        correct: sum R(xy) eta or R(xy) e, shape `(pairs,)`.
    """

    holder: Any
    squares: Any
    correct: Any


def chunk_of(xs: Ints, ys: Ints, zs: Ints) -> Pairs:
    """The pairs with their runs."""
    return Pairs(np.concatenate([[0], np.flatnonzero(np.diff(xs)) + 1, [len(xs)]]), xs, ys, zs)


class Terms(NamedTuple):
    """The terms of a rest, as `Residual` reads them.

    Attributes:
        columns: R, shape `(n, k)`.
        bias: b, shape `(n,)`.
        along_x: alpha, shape `(n, k)`.
        along_y: gamma, shape `(n, k)`.
        magnitudes: Two arrays `(n, k)`, functions of x and of y, with `|t_i(x, y)|`, and the terms it is computed from,
            at most their sum.
        sample: `t` of some pairs, shape `(k, pairs)`, with their xs and ys: it sets the weights s and has no part in
            the proof.
        column_error: Bound on the error of each column of `columns` against the table that is meant, shape `(k,)`.
        bias_error: The same for the bias.
        groups: Ends of the groups of columns; each takes the smaller of the two inequalities, or all together the
            second.
    """

    columns: Floats
    bias: Floats
    along_x: Floats
    along_y: Floats
    magnitudes: tuple[Floats, Floats]
    sample: tuple[Floats, Ints, Ints]
    column_error: Floats | float = 0.0
    bias_error: float = 0.0
    groups: Sequence[int] | None = None


class Residual:
    """Tables of the rest, prepared once in O(n^2 k).

    Attributes:
        error_x, error_y: Rounding error of the bound is at most `error_x[x] + error_y[y]`.
        operations: What it has cost so far.
    """

    def __init__(self, terms: Terms) -> None:
        columns, bias, along_x, along_y = terms[:4]
        n, k = columns.shape
        self.columns = columns - (columns.max(0) + columns.min(0)) / 2.0
        self.bias = bias - (bias.max() + bias.min()) / 2.0
        self.largest = largest_entries(self.columns)
        # What does not depend on x goes to A's neighbour Q, beside the bias, so that their maxima apart lose little.
        along_x, along_y = along_x - along_x.mean(0), along_y + along_x.mean(0)
        self.weights, self.sampled = (
            norm_weights(self.columns, _interaction(terms.sample, along_x, along_y)),
            len(terms.sample[1]),
        )
        ends = np.array([k] if terms.groups is None else terms.groups, dtype=np.int64)
        starts = np.concatenate([[0], ends[:-1]])
        self.norms = np.array(
            [largest_norm(self.columns[:, a:b], self.weights[a:b]) for a, b in zip(starts, ends, strict=True)]
        )
        x, y, entries = (np.ascontiguousarray(table.T) for table in (along_x, along_y, self.columns))
        self.by_neuron = Columns(x, y, self.largest, self.weights, entries, ends)
        self.joint = max(largest_norm(self.columns, self.weights), float(self.norms.max()))
        self.additive_x = along_x @ self.columns.T
        self.additive_y = along_y @ self.columns.T + self.bias
        self.most_x, self.most_y = self.additive_x.max(1), self.additive_y.max(1)
        self.finite = bool(np.isfinite(self.additive_x).all() and np.isfinite(self.additive_y).all())
        self.operations: int = 2 * n * n * k + 6 * n * k
        self.error_x, self.error_y = self._errors(terms)

    def _errors(self, terms: Terms) -> tuple[Floats, Floats]:
        r"""Bound the rounding error of `interaction` plus `additive`, separably in x and y.

        With mag = |t| + |alpha| + |gamma|: each entry of A and Q is a dot product (gamma_{k+1} of sum M mag, and max
        |b|), each computed eta is off by gamma_8 mag, and each of the sums over eta has k terms: the evaluated rest(xy)
        and both inequalities are off by at most gamma_{k+16} (sum M mag + norm * sum sqrt(s) mag), norm that of all
        columns. Six such errors add up at most; the difference of columns, rounded when the constant is taken away, and
        the error of the given columns count twice, for xy and for z.
        """
        k = len(self.largest)
        spread = self.joint * np.sqrt(self.weights)
        weight = 6.0 * gamma(2 * k + 64) * (self.largest + spread) + 2.0 * WIDER * (
            terms.column_error + 2.0 * UNIT * self.largest
        )
        constant = 6.0 * gamma(64) * float(np.abs(self.bias).max()) + 2.0 * WIDER * terms.bias_error
        along_x = (terms.magnitudes[0] + np.abs(self.by_neuron.along_x.T)) @ weight
        along_y = (terms.magnitudes[1] + np.abs(self.by_neuron.along_y.T)) @ weight
        return WIDER * along_x, WIDER * (along_y + constant)

    def include(self, columns: Floats, along_x: Floats, along_y: Floats) -> None:
        """Add a part that depends on one input alone, and needs no inequality.

        Sum of columns(z) (along_x(x) + along_y(y)).

        Args:
            columns: Shape `(n, k)`, each entry within one rounding.
            along_x: Shape `(n, k)`.
            along_y: Shape `(n, k)`.
        """
        n, k = columns.shape
        self.additive_x += along_x @ columns.T
        self.additive_y += along_y @ columns.T
        self.most_x, self.most_y = self.additive_x.max(1), self.additive_y.max(1)
        self.finite = bool(np.isfinite(self.additive_x).all() and np.isfinite(self.additive_y).all())
        weight = 6.0 * gamma(2 * k + 64) * np.abs(columns).max(0)
        self.error_x += WIDER * (np.abs(along_x) @ weight)
        self.error_y += WIDER * (np.abs(along_y) @ weight)
        self.operations += n * n * (int(along_x.any(0).sum()) + int(along_y.any(0).sum()))

    def add(self, known: Floats, xs: Ints, ys: Ints, zs: Ints) -> Floats:
        """`known` plus a lower bound of A[x, xy] + Q[y, xy] - max over z != xy of A[x, z] + Q[y, z].

        A and Q are maximised apart, and together (n operations more, counted) where that leaves a pair open.

        Args:
            known: Gap of everything else, of each pair.
            xs: Left inputs.
            ys: Right inputs.
            zs: Right answers.
        """
        correct = self.additive_x[xs, zs] + self.additive_y[ys, zs]
        gap = np.asarray(known + (correct - self.most_x[xs] - self.most_y[ys]))
        if self.finite:
            open_ = np.flatnonzero(~(gap > 0.0))
            together = np.empty(len(open_))
            _additive_gap(self.additive_x, self.additive_y, xs[open_], ys[open_], zs[open_], together)
            gap[open_] = known[open_] + together
            self.operations += len(open_) * self.additive_x.shape[1]
        return gap

    def interaction(self, t: Floats, xs: Ints, ys: Ints, zs: Ints) -> Floats:
        """Lower bounds of sum R_i(xy) eta_i - max_z sum R_i(z) eta_i, 7 operations per entry of `t`.

        Args:
            t: Shape `(k, pairs)`; it is overwritten by eta.
            xs: Ascending, and so are the ys of each x, each once: see `lk.proofs.decide.pairs_of`.
            ys: Right inputs.
            zs: Right answers.
        """
        sums = self.zeros(len(xs))
        _accumulate(t, self.by_neuron, chunk_of(xs, ys, zs), sums)
        self.operations += 7 * t.size
        return self.bound(sums)

    def zeros(self, pairs: int) -> Sums:
        """Sums to be added to."""
        holder, squares = np.zeros((2, len(self.norms), pairs))
        return Sums(holder, squares, np.zeros(pairs))

    def bound(self, sums: Sums) -> Floats:
        """Sum R(xy) eta minus the smallest bound on max_z sum R_i(z) eta_i, shape `(pairs,)`."""
        apart = combine(sums.holder, self.norms[:, None] * np.sqrt(sums.squares))
        if len(self.norms) > 1:
            apart = np.minimum(apart, self.joint * np.sqrt(sums.squares.sum(0)))
        return np.asarray(sums.correct - apart)


def rest_of(
    tables: Tables,
    main: tuple[Floats, Floats],
    sizes: tuple[Floats, Floats],
    terms: int,
    activations: Callable[[Ints, Ints], Floats],
) -> Residual:
    """The rest of a network beside a main part of its centred unembedding and bias.

    Roundings: u minus its mean one; the main part a sum of `terms` products; the difference one:
    |error| <= gamma_{terms+8} (|u| + sizes).

    Args:
        tables: The network.
        main: The main part of unembedding and bias, shapes `(n, m)` and `(n,)`.
        sizes: The sums of the absolute values of their terms.
        terms: Number of these terms.
        activations: h of a chunk of pairs.
    """
    left, right, unembed, bias = tables.doubles()
    unembed, bias = unembed - unembed.mean(0), bias - bias.mean()
    along_x, along_y = means(left, right, tables.activation)
    order = gamma(terms + 8) * WIDER
    xs, ys = sample_pairs(tables.order)
    return Residual(
        Terms(
            unembed - main[0],
            bias - main[1],
            along_x,
            along_y - along_y.mean(0),
            (magnitude(left, tables.activation), magnitude(right, tables.activation)),
            (activations(xs, ys), xs, ys),
            order * (np.abs(unembed) + sizes[0]).max(0),
            order * float((np.abs(bias) + sizes[1]).max()),
        )
    )


def _interaction(sample: tuple[Floats, Ints, Ints], along_x: Floats, along_y: Floats) -> Floats:
    t, xs, ys = sample
    return np.asarray(t - along_x[xs].T - along_y[ys].T)


@njit(cache=True, nogil=True)
def _accumulate(t: Any, columns: Columns, pairs: Pairs, sums: Sums) -> None:
    """Runs of one x and ascending ys, neuron by neuron, in strict IEEE order.

    No fastmath, no fused operations. t becomes eta.
    """
    for run in range(pairs.runs.shape[0] - 1):
        begin, end = pairs.runs[run], pairs.runs[run + 1]
        x, first, group = pairs.xs[begin], pairs.ys[begin], 0
        chosen, answers, correct = pairs.ys[begin:end], pairs.zs[begin:end], sums.correct[begin:end]
        whole = pairs.ys[end - 1] - first == end - begin - 1
        for i in range(t.shape[0]):
            while i >= columns.ends[group]:
                group += 1
            a, m, s, r = columns.along_x[i, x], columns.largest[i], columns.weights[i], columns.entries[i]
            g, v = columns.along_y[i], t[i, begin:end]
            bounds, norms = sums.holder[group, begin:end], sums.squares[group, begin:end]
            if whole:
                g = g[first : first + end - begin]
                for p in range(v.shape[0]):
                    eta = v[p] - a - g[p]
                    bounds[p] += m * abs(eta)
                    norms[p] += s * (eta * eta)
                    v[p] = eta
            else:
                for p in range(v.shape[0]):
                    eta = v[p] - a - g[chosen[p]]
                    bounds[p] += m * abs(eta)
                    norms[p] += s * (eta * eta)
                    v[p] = eta
            for p in range(v.shape[0]):
                correct[p] += r[answers[p]] * v[p]


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz", "reassoc"})
def _additive_gap(additive_x: Any, additive_y: Any, xs: Any, ys: Any, zs: Any, gap: Any) -> None:
    """The maximum over z may be taken in any order: it rounds nothing. Arguments are finite."""
    for p in range(xs.shape[0]):
        a, q, z = additive_x[xs[p]], additive_y[ys[p]], zs[p]
        best = -np.inf
        for k in range(z):
            best = max(best, a[k] + q[k])
        for k in range(z + 1, a.shape[0]):
            best = max(best, a[k] + q[k])
        gap[p] = a[z] + q[z] - best
