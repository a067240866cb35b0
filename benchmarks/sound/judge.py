"""The oracle: exact gaps of a network, certificates of every verifier, and a tally of what they claim too much."""

import collections
import dataclasses
import itertools
from fractions import Fraction

import numpy as np

from lk.finders import find_lookup
from lk.proofs import brute_force, coset, executed, gset, irrep, lookup, lowrank, schur, separable


def true_gaps(group, tables):
    """f(xy) - max of the others in extended precision; exactly, in fractions, where that is close to zero."""
    left, right, unembed, bias = (
        np.asarray(t, np.longdouble) for t in (tables.left, tables.right, tables.unembed, tables.bias)
    )
    if tables.factors is not None:
        left, right = (
            np.matmul(*(np.asarray(t, np.longdouble) for t in tables.factors.of(side))) for side in ("left", "right")
        )
    h = left[:, None] + right[None]
    h = {"relu": lambda: np.maximum(h, 0), "abs": lambda: np.abs(h), "square": lambda: h * h}[tables.activation]()
    logits = np.einsum("xyi,zi->xyz", h, unembed) + bias
    scale = np.einsum("xyi,i->xy", h, np.abs(unembed).max(0)) + np.abs(bias).max()
    n = group.order
    xs, ys = np.indices((n, n))
    correct = logits[xs, ys, group.table].copy()
    logits[xs, ys, group.table] = -np.inf
    gaps = correct - logits.max(2)
    right_answers = gaps > 0
    for x, y in np.argwhere(np.abs(gaps) <= 1e-16 * scale):
        right_answers[x, y] = exactly_right(
            group, tables, int(x), int(y), np.flatnonzero(correct[x, y] - logits[x, y] <= 1e-15 * scale[x, y])
        )
    return gaps, right_answers, scale


def exactly_right(group, tables, x, y, rivals):
    act = {"relu": lambda t: max(t, 0), "abs": abs, "square": lambda t: t * t}[tables.activation]
    z = int(group.table[x, y])
    h = [act(a + b) for a, b in zip(exact_row(tables, "left", x), exact_row(tables, "right", y), strict=True)]

    def logit(k):
        return sum(
            (Fraction(u) * v for u, v in zip(tables.unembed[k].tolist(), h, strict=True)),
            Fraction(float(tables.bias[k])),
        )

    return all(logit(z) > logit(int(k)) for k in rivals if k != z)


def exact_row(tables, side, element):
    if tables.factors is None:
        return [Fraction(v) for v in getattr(tables, side)[element].tolist()]
    embed, weight = tables.factors.of(side)
    row = [Fraction(v) for v in embed[element].tolist()]
    return [sum(e * Fraction(w) for e, w in zip(row, column, strict=True)) for column in weight.T.tolist()]


def forward(tables):
    """Logits in float32 as a plain forward pass computes them, shape `(n, n, n)`."""
    left, right = tables.left, tables.right
    if tables.factors is not None:
        left, right = (np.matmul(*tables.factors.of(side)) for side in ("left", "right"))
    h = left[:, None] + right
    h = {"relu": lambda: np.maximum(h, 0), "abs": lambda: np.abs(h), "square": lambda: h * h}[tables.activation]()
    return h @ tables.unembed.T + tables.bias


def certificates(group, tables, explanations, rank):
    circuits, fourier, cosets = explanations
    with np.errstate(all="ignore"):
        yield brute_force(tables, group)
        yield gset(tables, group, circuits)
        yield irrep(tables, group, circuits)
        yield separable(tables, group, circuits)
        yield schur(tables, group, fourier)
        yield lowrank(tables, group, rank)
        yield coset(tables, group, cosets)
        given = find_lookup(tables, group)[0]
        if group.order % 2:  # what is looked up may be anything: a false value leaves more to the rest
            given = dataclasses.replace(given, columns=given.columns * 1.01, offset=given.offset[::-1].copy())
        yield lookup(tables, group, given)


class Tally:
    """Violations, and for each verifier the number of runs and of bounds above zero."""

    def __init__(self):
        self.violations, self.runs, self.positive = [], collections.Counter(), collections.Counter()

    def judge(self, label, how, group, tables, given):
        gaps, right, scale = true_gaps(group, tables)
        with np.errstate(all="ignore"):
            logits = forward(tables).astype(np.float64)
        n = group.order
        correct = np.take_along_axis(logits, group.table[..., None], 2)[..., 0]
        computed = correct - np.where(np.arange(n) == group.table[..., None], -np.inf, logits).max(2)
        for certificate in given:
            below = executed(tables, certificate.slack, "float32")
            self.runs["executed"] += 1
            self.positive["executed"] += bool((below > 0).any())
            if not (computed >= below)[below > -np.inf].all():
                self.violations.append((label, how, f"executed {certificate.verifier}", 0, 1))
            self.runs[certificate.verifier] += 1
            self.positive[certificate.verifier] += certificate.bound > 0
            over = certificate.slack > gaps + 1e-15 * scale
            wrong = certificate.certified & ~right
            exact = certificate.accuracy is not None and certificate.accuracy != right.mean()
            if wrong.any() or over.any() or exact:
                self.violations.append((label, how, certificate.verifier, int(wrong.sum()), int(over.sum())))

    def report(self, what, seconds):
        count = sum(self.runs.values()) - self.runs["executed"]
        print(f"{what}, {count} certificates, {seconds:.0f} s: {len(self.violations)} violations")
        for line in itertools.islice(self.violations, 20):
            print("  ", line)
        for name, count in self.runs.items():
            print(f"  {name:16s} {count:6d} runs, {self.positive[name] / count:.1%} bounds above zero")
        checked = [name for name in self.runs if name not in ("brute_force", "executed")]
        share = sum(self.positive[name] for name in checked) / sum(self.runs[name] for name in checked)
        print(f"  without brute force: {share:.1%} bounds above zero", flush=True)
