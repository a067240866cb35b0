"""A first tier that touches no pair: bounds that are a function of x plus a function of y."""

import time

import numpy as np

from lk.groups import Group
from lk.proofs.activation import magnitude
from lk.proofs.certificate import Certificate
from lk.proofs.decide import decide
from lk.proofs.explained import build, ideal_margin
from lk.proofs.explanation import GSetExplanation
from lk.proofs.rounding import UNIT, WIDER, gamma
from lk.proofs.tables import Tables


def separable(tables: Tables, group: Group, explanation: GSetExplanation) -> Certificate:
    """Bound the accuracy through circuits in O(n m + n^2), for ReLU and the absolute value.

    Both are 1-Lipschitz, subadditive and positively homogeneous: |h - a g| <= |l - a l^| + |r - a r^| and g <= act(l^) + act(r^). The gap of the
    rest is at least - sum (max u - min u) |h - a g| - sum (max (a u - v) - min (a u - v)) g - (max - min) of the bias.

    Args:
        tables: The network; with the square nothing is certified.
        group: Its group, the trusted specification.
        explanation: As for `gset`.

    Returns:
        Certificate with the ideal margin.

    Raises:
        ValueError: the network or the explanation belongs to another group or width.
    """
    start, n, m = time.perf_counter(), tables.order, tables.width
    ideal = build(tables, group, explanation)
    margin, margin_error = ideal_margin(ideal, group, tables.activation)
    left, right, unembed, bias = tables.doubles()
    i, k = ideal.neurons, len(ideal.neurons)
    scaled = unembed[:, i] * ideal.scales
    change = scaled - ideal.unembed
    # Twice the roundings of v, a u and their difference; ranges pass one more.
    ranges = WIDER * np.ptp(unembed, axis=0)
    change_ranges = np.ptp(change, axis=0) * (1.0 + 8.0 * UNIT) + 2.0 * WIDER * gamma(8) * (
        np.abs(scaled) + np.abs(ideal.unembed)
    ).max(0)
    offset = bias - ideal.bias
    constant = float(np.ptp(offset)) * (1.0 + 8.0 * UNIT) + WIDER * gamma(16) * 2.0 * float(
        (np.abs(bias) + np.abs(ideal.bias)).max()
    )
    costs, sizes = [], []
    for table, fitted in ((left, ideal.left), (right, ideal.right)):
        distance, size = np.abs(table), magnitude(table, "relu")
        distance[:, i] = np.abs(table[:, i] - ideal.scales * fitted)
        size[:, i] += ideal.scales * np.abs(fitted)
        activity = np.maximum(fitted, 0.0) if tables.activation == "relu" else np.abs(fitted)
        costs.append(distance @ ranges + activity @ change_ranges)
        sizes.append(size @ ranges + np.abs(fitted) @ change_ranges)
    gap = margin - (costs[0][:, None] + costs[1][None]) - constant
    rounding = margin_error + 2.0 * gamma(2 * m + 64) * WIDER * (
        sizes[0][:, None] + sizes[1][None] + abs(margin) + constant
    )
    slack = (
        decide(gap, rounding, tables.folding(*np.indices((n, n))))
        if tables.activation != "square"
        else np.full((n, n), -np.inf)
    )
    operations = ideal.operations + 8 * n * (m + k) + 3 * n * n
    unexplained = tuple(np.setdiff1d(np.arange(m), i).tolist())
    seconds = time.perf_counter() - start
    return Certificate(
        "separable", slack, operations, tables.brute_force_operations, seconds, None, margin, unexplained, ideal.dropped
    )
