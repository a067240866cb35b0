r"""Bounds of neurons with negligible weights, as a function of x plus a function of y, without evaluating pairs.

For any set S of neurons f = f_rest + f_S, and for every pair and every z, with r_i = max_z u_i(z) - min_z u_i(z),

.. math::

    f_S(z) - f_S(xy) = \sum_{i \in S} (u_i(z) - u_i(xy)) \, h_i(x, y)
    \le \sum_{i \in S} r_i \, (b(left_i(x)) + b(right_i(y)))

because h = act(l + r) >= 0 is at most b(l) + b(r): b(v) = max(v, 0) for the ReLU and |v| for the absolute value (both
are subadditive), 2 v^2 for the square. So the gap of f is at least that of f_rest minus this cost, and a verifier works
on f_rest and adds the cost to what the rounding error. The proof holds for every S; it is chosen so that the cost is
negligible. Pairs that the cost may have left open are evaluated once more with all neurons, so that no bound is lower
than without silent neurons.

Rounding: the cost is a sum of at most 2^40 products, each of non-negative numbers with at most four roundings; `WIDER`
covers it, and `lk.proofs.decide.decide` widens it once more. No product underflows: the entries are zero or at least
2^-149.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lk.proofs.activation import magnitude
from lk.proofs.rounding import WIDER, Floats, Ints
from lk.proofs.tables import Tables

_SHARE = 2.0**-12  # of the largest neuron: all silent ones together cost no more


@dataclass(frozen=True, eq=False)
class Silent:
    """A network without its silent neurons, and what they may cost.

    Attributes:
        kept: The other neurons, ascending, at least one.
        rest: The network of these.
        cost_x: Shape `(n,)`: the gap of a pair is at least that of `rest` minus `cost_x[x] + cost_y[y]`.
        cost_y: Shape `(n,)`.
        operations: What the choice and the bound have cost.
    """

    kept: Ints
    rest: Tables
    cost_x: Floats
    cost_y: Floats
    operations: int

    @classmethod
    def none(cls, tables: Tables) -> "Silent":
        """All neurons are kept, at no cost."""
        zeros = np.zeros(tables.order)
        return cls(np.arange(tables.width), tables, zeros, zeros, 0)


def with_silence(
    tables: Tables, explained: Ints | None, pairs: Ints, evaluate: Callable[[Silent, Ints], tuple[Floats, int]]
) -> tuple[Floats, int]:
    """Slack of pairs and operations, from the network without its silent neurons, and from all where that may decide.

    Args:
        tables: The network.
        explained: Neurons to keep.
        pairs: Indices x n + y, ascending.
        evaluate: Slack of given pairs, of shape `(n * n,)`, and its operations, for a network and the cost of what is
            silent in it.
    """
    silent = silence(tables, explained)
    slack, operations = evaluate(silent, pairs)
    xs, ys = np.divmod(pairs, tables.order)
    highest = slack[pairs] + 2.0 * WIDER * (silent.cost_x[xs] + silent.cost_y[ys])
    near = pairs[(slack[pairs] <= 0.0) & (highest > 0.0)]
    if len(near):
        again, more = evaluate(Silent.none(tables), near)
        slack, operations = np.maximum(slack, again), operations + more
    return slack, operations + silent.operations


def silence(tables: Tables, explained: Ints | None = None) -> Silent:
    """Put aside the smallest neurons, as many as together cost at most 2^-12 of the largest neuron.

    Args:
        tables: The network.
        explained: Neurons to keep, whatever their size.

    Example:
        >>> tables = Tables(np.eye(3), np.eye(3), np.diag([1.0, 1.0, 1e-9]), np.zeros(3))
        >>> silent = silence(tables)
        >>> silent.kept.tolist(), silent.rest.width, bool(silent.cost_x[2] >= 1e-9)
        ([0, 1], 2, True)
    """
    left, right, unembed, _ = tables.doubles()
    ranges = np.ptp(unembed, axis=0)
    costs = [
        table * ranges for table in (_largest_part(left, tables.activation), _largest_part(right, tables.activation))
    ]
    sizes = costs[0].max(0) + costs[1].max(0)
    order = np.argsort(sizes, kind="stable")
    silent = np.zeros(tables.width, bool)
    silent[order[np.cumsum(sizes[order]) <= _SHARE * sizes.max()]] = True
    if explained is not None:
        silent[explained] = False
    if silent.all():
        silent[order[-1]] = False
    kept = np.flatnonzero(~silent)
    rest = tables
    if silent.any():
        rest = Tables(
            tables.left[:, kept], tables.right[:, kept], tables.unembed[:, kept], tables.bias, tables.activation
        )
    cost_x, cost_y = (WIDER * cost[:, silent].sum(1) for cost in costs)
    return Silent(kept, rest, cost_x, cost_y, 6 * tables.order * tables.width)


def _largest_part(table: Floats, activation: str) -> Floats:
    """b(v): act(l + r) <= b(l) + b(r)."""
    return np.maximum(table, 0.0) if activation == "relu" else magnitude(table, activation)
