"""Accuracy bounds from a few singular vectors of the unembedding alone.

What can be proven with no group theory at all.
"""

import numpy as np

from lk.groups import Group
from lk.proofs.activation import Neurons, magnitude
from lk.proofs.certificate import Certificate
from lk.proofs.residual import rest_of
from lk.proofs.rounding import WIDER, Floats, Ints, gamma
from lk.proofs.silent import Silent
from lk.proofs.tables import Tables
from lk.proofs.verifier import Verifier


def lowrank(tables: Tables, group: Group, rank: int, pairs: Ints | None = None) -> Certificate:
    r"""Evaluate the logits of a rank-r part of the unembedding for every z, and bound the rest; cost O(n^2 r (m + n)).

    u = B C + u_rest with any B, C (here from a singular value decomposition), so that main(z) = B(z) (C h + c) + A[x,
    z] + Q[y, z] is evaluated, and only the interaction of the rest (see `lk.proofs.residual`) takes an inequality.

    Rounding: main passes a dot product of m terms and one of r, gamma_{m+r+16} of sum_i |h_i| max_z (|B| |C|)_i + max
    |B| |c|; two of them in a gap, and the sums with A and Q, whose error `Residual` holds.

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
    return _LowRank(tables, group, rank).certify(pairs)


class _LowRank(Verifier):
    name = "lowrank"

    def __init__(self, tables: Tables, group: Group, rank: int) -> None:
        super().__init__(tables, group)
        if rank < 1:
            raise ValueError(f"expected rank >= 1, got rank={rank}. Use the sum of squared dimensions of a few irreps.")
        self.rank = rank

    def bound(self, silent: Silent) -> "_Main":
        return _Main(silent, self.rank)


class _Main:
    def __init__(self, silent: Silent, rank: int) -> None:
        tables = silent.rest
        n, m = tables.order, tables.width
        left, right, unembed, bias = tables.doubles()
        unembed, bias = unembed - unembed.mean(0), bias - bias.mean()
        basis = np.ascontiguousarray(np.linalg.svd(unembed, full_matrices=False)[0][:, :rank])
        rank = basis.shape[1]
        columns, offset = basis.T @ unembed, basis.T @ bias
        products, offsets = np.abs(basis) @ np.abs(columns), np.abs(basis) @ np.abs(offset)
        self.silent, self.basis, self.columns, self.offset = silent, basis, columns, offset
        self.activations = Neurons(left, right, tables.activation)
        self.residual = rest_of(tables, (basis @ columns, basis @ offset), (products, offsets), rank, self.activations)
        terms = 4.0 * gamma(m + rank + 64) * WIDER**2
        weight, constant = terms * products.max(0), terms * float(offsets.max())
        sizes = magnitude(left, tables.activation), magnitude(right, tables.activation)
        self.error_x = self.residual.error_x + sizes[0] @ weight + constant
        self.error_y = self.residual.error_y + sizes[1] @ weight
        self.per_pair, self.cost = m + rank * (m + n) + 2 * n, 3 * n * m * rank + 4 * n * m * min(n, m)

    @property
    def operations(self) -> int:
        return self.residual.operations + self.cost

    def __call__(self, xs: Ints, ys: Ints, zs: Ints) -> tuple[Floats, Floats]:
        rest, silent, at = self.residual, self.silent, np.arange(len(xs))
        self.cost += len(xs) * self.per_pair
        h = self.activations(xs, ys)
        logits = (self.columns @ h).T + self.offset
        logits = logits @ self.basis.T
        logits += rest.additive_x[xs]
        logits += rest.additive_y[ys]
        correct = logits[at, zs]
        logits[at, zs] = -np.inf
        gap = correct - logits.max(1) + rest.interaction(h, xs, ys, zs)
        return gap, self.error_x[xs] + self.error_y[ys] + silent.cost_x[xs] + silent.cost_y[ys]
