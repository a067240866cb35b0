"""The exact accuracy, by evaluating everything: the yardstick of the other verifiers, and their last tier."""

from typing import Any

import numpy as np

from lk.groups import Group
from lk.proofs.activation import Neurons
from lk.proofs.certificate import Certificate
from lk.proofs.decide import decide, pairs_of
from lk.proofs.exact import Exact
from lk.proofs.rounding import UNDERFLOW, UNIT, UNIT_32, WIDER, Floats, Ints, gamma, is_bounded
from lk.proofs.tables import Tables
from lk.proofs.verifier import Verifier

_CHUNK = 1024  # pairs at a time
_ROUGH = 2.0**-125  # error of one underflow in float32, flushing to zero included
_FLOOR = (
    2.0**-100
)  # of |u| in bounds: threads of BLAS that read a denormal u as zero are off by 2^-126 h, less than gamma |u| h


def brute_force(tables: Tables, group: Group, pairs: Ints | None = None) -> Certificate:
    """Evaluate all logits of all pairs.

    Matrix products in float32 with a proven error bound decide most pairs, those in float64 most others, and exact
    integers the rest, so that ties count as wrong and `accuracy` is exact.

    Each term u h of a logit passes one rounding of l + r (three with the square), one product and m sums (bias
    included): |computed - true| <= gamma(m + 4) (max_z |u|.h + max |bias|), and the gap of two logits is off by at most
    twice that and one rounding. In float32, m + 3 underflows of at most 2^-125 times the largest |u| or 1 are added.
    Nothing is decided where a number is not finite. What folding rounds is added where the network stores factors; the
    integers read the factors.

    Args:
        tables: The network.
        group: Its group.
        pairs: Indices x n + y of the pairs to decide; all by default.

    Returns:
        Certificate whose slack is minus infinity on other pairs; `accuracy` is given if all pairs were decided.

    Raises:
        ValueError: the group has another order than the network, or `pairs` are no indices.

    Example:
        >>> from lk.groups import Cyclic
        >>> network = Tables(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((3, 2)), np.array([2.0, 1.0, 0.0]))
        >>> round(brute_force(network, Cyclic(3)).accuracy, 3)  # it always answers 0
        0.333
    """
    return _BruteForce(tables, group).certify(pairs)


class _BruteForce(Verifier):
    name, exact = "brute_force", True

    def evaluate(self, pairs: Ints) -> tuple[Floats, int]:
        tables, operations = self.tables, 0
        n, m = tables.order, tables.width
        slack = np.full(n * n, -np.inf)
        for precision in (np.float32, np.float64) if is_bounded(m + 8, UNIT_32) else (np.float64,):
            operations += len(pairs) * m * (n + 2)
            pairs = _evaluate(tables, self.group, pairs, slack, precision)
        if len(pairs):
            operations += _settle(tables, self.group, pairs, slack)
        return slack, operations


def _evaluate(tables: Tables, group: Group, pairs: Ints, slack: Floats, precision: Any) -> Ints:
    """Write the slack of pairs; return those whose sign is not proven."""
    neurons = Neurons(tables.left, tables.right, tables.activation, precision)
    unembed, bias = tables.unembed.astype(precision), tables.bias.astype(precision)[:, None]
    largest, largest_bias = np.maximum(np.abs(unembed).max(0), precision(_FLOOR)), float(np.abs(bias).max())
    relative = 2.0 * gamma(tables.width + 8, UNIT_32 if precision is np.float32 else UNIT)
    flushed = 2.0 * _ROUGH * (tables.width + 4) * (1.0 + float(largest.max())) if precision is np.float32 else UNDERFLOW
    undecided = []
    for chunk, xs, ys, zs in pairs_of(group, pairs, _CHUNK):
        activations = neurons(xs, ys)
        with np.errstate(over="ignore", invalid="ignore"):
            logits = unembed @ activations
            logits += bias
            magnitude = largest @ activations
        columns = np.arange(len(chunk))
        correct = logits[zs, columns].astype(np.float64)
        logits[zs, columns] = -np.inf
        best = logits.max(0).astype(np.float64)
        with np.errstate(invalid="ignore"):
            gap = np.where(np.isfinite(best), correct - best, np.nan) if group.order > 1 else np.ones(len(chunk))
            rounding = relative * (magnitude.astype(np.float64) + largest_bias) * WIDER + flushed
        folding = tables.folding(xs, ys)
        slack[chunk] = decide(gap, rounding, folding)
        known = np.isfinite(gap)
        wrong = known & (np.where(known, gap, 0.0) + WIDER * (rounding + folding) < 0.0)  # NaN compares false
        undecided.append(chunk[~(wrong | (slack[chunk] > 0.0))])
    return np.concatenate(undecided) if undecided else pairs[:0]


def _settle(tables: Tables, group: Group, pairs: Ints, slack: Floats) -> int:
    """Decide pairs in exact integers, a tie being wrong; returns the number of exact multiply-adds."""
    exact, operations = Exact(tables), 0
    left, right, unembed, bias = tables.doubles()
    neurons = Neurons(left, right, tables.activation)
    for pair in pairs.tolist():
        x, y = divmod(pair, group.order)
        z = int(group.table[x, y])
        activations = neurons(np.array([x]), np.array([y]))
        logits = unembed @ activations[:, 0] + bias
        # Errors of differences of two logits: the best rival is among those that are nearly as good as the one that
        # seems best.
        rounding = (
            4.0 * gamma(tables.width + 8) * float(np.abs(unembed).max(0) @ activations[:, 0] + np.abs(bias).max())
        )
        tolerance = WIDER * (rounding + tables.folding_x[x] + tables.folding_y[y] + UNDERFLOW)
        others = np.arange(group.order) != z
        rivals = np.flatnonzero(others & (logits >= logits[others].max(initial=-np.inf) - tolerance))
        gap = exact.smallest_gap(x, y, z, rivals)
        operations += len(rivals) * tables.width
        slack[pair] = _below(gap) if gap is not None else np.nextafter(0.0, 1.0)
    return operations


def _below(gap: Any) -> float:
    """A float at most the exact gap and of its sign."""
    if gap <= 0:
        return min(float(gap), 0.0) if float(gap) <= gap else float(np.nextafter(float(gap), -np.inf))
    nearest = float(gap)
    below = nearest if nearest <= gap else float(np.nextafter(nearest, -np.inf))
    return max(below, float(np.nextafter(0.0, 1.0)))
