"""The bound of the paper: l2 norms of what separates the network from its ideal, with the rounding accounted for."""

import numpy as np

from lk.groups import Group
from lk.proofs.activation import Neurons, magnitude
from lk.proofs.certificate import Certificate
from lk.proofs.explained import build, ideal_margin
from lk.proofs.explanation import GSetExplanation
from lk.proofs.inequalities import largest_norm
from lk.proofs.rounding import WIDER, Floats, Ints, gamma
from lk.proofs.silent import Silent
from lk.proofs.tables import Tables
from lk.proofs.verifier import Verifier


def irrep(tables: Tables, group: Group, explanation: GSetExplanation, pairs: Ints | None = None) -> Certificate:
    r"""The reference V_irrep on the same ideal network as `gset`: its l2 error, no gauge, nothing split off.

    With h^ = a g and u^ = v / a, :math:`f(z) - \hat f(z) = u_z \cdot (h - \hat h) + (u_z - \hat u_z) \cdot \hat h +
    \beta - \hat\beta`, so that

    .. math::

        \epsilon = \max_z |u_z|_2 \, |h - \hat h|_2 + \max_z |u_z - \hat u_z|_2 \, |\hat h|_2
        + |\beta - \hat\beta|_\infty

    and a pair is certified if epsilon < margin + f(xy) - f^(xy).

    Rounding, with mag = |h| + |a g|: each of u.(h - a g), (a u - v).g and the two products of norms is off by
    gamma_{k+32} times (max |u| + max |u - u^| + norms) mag.

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
    return _Irrep(tables, group, explanation).certify(pairs)


class _Irrep(Verifier):
    name = "irrep"

    def __init__(self, tables: Tables, group: Group, explanation: GSetExplanation) -> None:
        super().__init__(tables, group)
        self.ideal = ideal = build(tables, group, explanation)
        self.explained, self.dropped, self.operations = ideal.neurons, ideal.dropped, ideal.operations
        self.margin, margin_error = ideal_margin(ideal, group, tables.activation)
        _, _, unembed, bias = tables.doubles()
        self.change = unembed[:, ideal.neurons] * ideal.scales - ideal.unembed
        self.change_norm = largest_norm(self.change, ideal.scales**2) if len(ideal.neurons) else 0.0
        constant = float(np.abs(bias - ideal.bias).max()) * (2.0 + 16.0 * gamma(64))
        constant += 8.0 * gamma(64) * float((np.abs(ideal.bias)).max() + abs(self.margin)) + margin_error
        self.constant = constant

    def bound(self, silent: Silent) -> "_Deviation":
        return _Deviation(self, silent)


class _Deviation:
    """The l2 error of the network without its silent neurons, the explained ones first."""

    def __init__(self, verifier: _Irrep, silent: Silent) -> None:
        tables, ideal, change, change_norm = verifier.tables, verifier.ideal, verifier.change, verifier.change_norm
        neurons = np.concatenate([ideal.neurons, np.setdiff1d(silent.kept, ideal.neurons)])
        left, right, unembed = (table[:, neurons] for table in tables.doubles()[:3])
        n, m, k = tables.order, len(neurons), len(ideal.neurons)
        self.verifier, self.scales, self.width = verifier, ideal.scales, m
        self.network = Neurons(left, right, tables.activation)
        self.fitted = Neurons(ideal.left, ideal.right, tables.activation)
        self.columns, self.norm = np.hstack([unembed, change]), largest_norm(unembed, np.ones(m))
        of_change = (np.abs(change).max(0) + np.abs(ideal.unembed).max(0)) + ideal.scales * change_norm
        weight = (
            8.0 * gamma(2 * (m + k) + 64) * WIDER**4 * np.concatenate([np.abs(unembed).max(0) + self.norm, of_change])
        )
        self.error_x = self.magnitude(self.network.left, self.fitted.left) @ weight + silent.cost_x
        self.error_y = self.magnitude(self.network.right, self.fitted.right) @ weight + silent.cost_y
        self.operations = 6 * n * (m + k)

    def magnitude(self, table: Floats, fitted: Floats) -> Floats:
        """A part, by one input, of a sum that is at least |h| + a |g| and |g|, shape `(n, neurons + explained)`."""
        size, ideal_size = (magnitude(side, self.verifier.tables.activation) for side in (table, fitted))
        size[: len(self.scales)] += self.scales[:, None] * ideal_size
        return np.vstack([size, ideal_size]).T

    def __call__(self, xs: Ints, ys: Ints, zs: Ints) -> tuple[Floats, Floats]:
        verifier, scales, m = self.verifier, self.scales[:, None], self.width
        self.operations += len(xs) * (3 * m + 6 * len(scales))
        t = np.empty((m + len(scales), len(xs)))
        self.network(xs, ys, t[:m])
        self.fitted(xs, ys, t[m:])
        t[: len(scales)] -= scales * t[m:]
        correct = np.einsum("ip,pi->p", t, self.columns[zs])
        squares, ideal_squares = (t[:m] ** 2).sum(0), ((scales * t[m:]) ** 2).sum(0)
        gap = verifier.margin + correct - self.norm * np.sqrt(squares) - verifier.change_norm * np.sqrt(ideal_squares)
        return gap, verifier.constant + self.error_x[xs] + self.error_y[ys]
