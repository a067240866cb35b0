"""A first tier that touches no pair: bounds that are a function of x plus a function of y."""

import numpy as np

from lk.groups import Group
from lk.proofs.activation import magnitude
from lk.proofs.certificate import Certificate
from lk.proofs.explained import build, ideal_margin
from lk.proofs.explanation import GSetExplanation
from lk.proofs.rounding import UNIT, WIDER, Floats, Ints, gamma
from lk.proofs.tables import Tables
from lk.proofs.verifier import Verifier


def separable(tables: Tables, group: Group, explanation: GSetExplanation) -> Certificate:
    """Bound the accuracy through circuits in O(n m + n^2), for ReLU and the absolute value.

    Both are 1-Lipschitz, subadditive and positively homogeneous: |h - a g| <= |l - a l^| + |r - a r^| and g <=
    act(l^) + act(r^). The gap of the rest is at least - sum (max u - min u) |h - a g| - sum (max (a u - v) - min (a u -
    v)) g - (max - min) of the bias.

    Args:
        tables: The network; with the square nothing is certified.
        group: Its group, the trusted specification.
        explanation: As for `gset`.

    Returns:
        Certificate with the ideal margin.

    Raises:
        ValueError: the network or the explanation belongs to another group or width.
    """
    return _Separable(tables, group, explanation).certify()


class _Separable(Verifier):
    name, chunk = "separable", 1 << 16

    def __init__(self, tables: Tables, group: Group, explanation: GSetExplanation) -> None:
        super().__init__(tables, group)
        self.ideal = build(tables, group, explanation)
        self.explained, self.dropped = self.ideal.neurons, self.ideal.dropped
        self.margin, self.margin_error = ideal_margin(self.ideal, group, tables.activation)
        n, m, k = tables.order, tables.width, len(self.ideal.neurons)
        self.operations = self.ideal.operations + 8 * n * (m + k) + 3 * n * n

    def evaluate(self, pairs: Ints) -> tuple[Floats, int]:
        return self.decide(_Bound(self), pairs)


class _Bound:
    operations = 0  # counted for all pairs

    def __init__(self, verifier: _Separable) -> None:
        tables, ideal, i = verifier.tables, verifier.ideal, verifier.ideal.neurons
        left, right, unembed, bias = tables.doubles()
        scaled = unembed[:, i] * ideal.scales
        change = scaled - ideal.unembed
        # Twice the roundings of v, a u and their difference; ranges pass one more.
        ranges = WIDER * np.ptp(unembed, axis=0)
        change_ranges = np.ptp(change, axis=0) * (1.0 + 8.0 * UNIT) + 2.0 * WIDER * gamma(8) * (
            np.abs(scaled) + np.abs(ideal.unembed)
        ).max(0)
        offset = bias - ideal.bias
        self.verifier = verifier
        self.constant = float(np.ptp(offset)) * (1.0 + 8.0 * UNIT) + WIDER * gamma(16) * 2.0 * float(
            (np.abs(bias) + np.abs(ideal.bias)).max()
        )
        self.costs, self.sizes = list[Floats](), list[Floats]()
        for table, fitted in ((left, ideal.left), (right, ideal.right)):
            distance, size = np.abs(table), magnitude(table, "relu")
            distance[:, i] = np.abs(table[:, i] - ideal.scales * fitted)
            size[:, i] += ideal.scales * np.abs(fitted)
            activity = np.maximum(fitted, 0.0) if tables.activation == "relu" else np.abs(fitted)
            self.costs.append(distance @ ranges + activity @ change_ranges)
            self.sizes.append(size @ ranges + np.abs(fitted) @ change_ranges)

    def __call__(self, xs: Ints, ys: Ints, _: Ints) -> tuple[Floats, Floats]:
        margin, tables = self.verifier.margin, self.verifier.tables
        assert margin is not None
        size = self.sizes[0][xs] + self.sizes[1][ys] + abs(margin) + self.constant
        rounding = self.verifier.margin_error + 2.0 * gamma(2 * tables.width + 64) * WIDER * size
        gap = margin - (self.costs[0][xs] + self.costs[1][ys]) - self.constant
        return gap if tables.activation != "square" else np.full(len(xs), -np.inf), rounding
