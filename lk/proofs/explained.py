"""The ideal network of an explanation: its accepted parts, laid out in columns."""

from dataclasses import dataclass, replace

import numpy as np

from lk.groups import Group
from lk.proofs.activation import apply
from lk.proofs.circuits import GSetCircuit, SidedCircuit, SignTerm
from lk.proofs.equivariance import (
    SHARES,
    Part,
    on_orbitals,
    refuse_actions,
    refuse_circuit,
    refuse_neurons,
    refuse_sided,
    refuse_sign,
    shares,
)
from lk.proofs.explanation import GSetExplanation
from lk.proofs.rounding import WIDER, Floats, Ints, gamma
from lk.proofs.tables import Tables


@dataclass(frozen=True, eq=False)
class Ideal:
    """The ideal network on the explained neurons, in columns.

    Attributes:
        neurons: Explained neurons, shape `(k,)`.
        left: lambda(x^-1 p), shape `(n, k)`.
        right: -mu(y q), shape `(n, k)`.
        unembed: v, shape `(n, k)`, each entry within one rounding.
        bias: Shape `(n,)`: four roundings in each sign term, one more for each in their sum, which is fewer than there
            are neurons.
        scales: a, shape `(k,)`.
        dropped: Refused parts with the reason.
        operations: What building and checking cost.
        parts: The accepted parts, kernels constant on orbitals, whose neurons follow each other in the columns.
    """

    neurons: Ints
    left: Floats
    right: Floats
    unembed: Floats
    bias: Floats
    scales: Floats
    dropped: tuple[str, ...]
    operations: int
    parts: tuple[Part, ...]


def build(tables: Tables, group: Group, explanation: GSetExplanation, sided: tuple[SidedCircuit, ...] = ()) -> Ideal:
    """Check every part of an explanation and lay out the columns of the accepted ones.

    Args:
        tables: The network.
        group: Its group.
        explanation: Its circuits and sign terms are read.
        sided: Circuits of one side, for a verifier that knows them.
    """
    tables.check_group(group)
    tables.check_explanation(explanation.order, explanation.width)
    taken = np.zeros(tables.width, bool)
    dropped, columns, bias, operations = [], [], np.zeros(tables.order), 0
    parts = list[Part]()
    # The field decides what a verifier may assume of a part: one of one side among the circuits of both would be
    # believed to be of both.
    kinds = ((GSetCircuit, explanation.circuits), (SignTerm, explanation.signs), (SidedCircuit, sided))
    given: list[tuple[type[Part], Part]] = [(kind, part) for kind, found in kinds for part in found]
    for number, (kind, part) in enumerate(given):
        reason = (
            refuse_neurons(part, taken)
            if type(part) is kind
            else f"a {type(part).__name__} in the place of a {kind.__name__}"
        )
        if not reason and isinstance(part, GSetCircuit):
            reason = refuse_actions(part, group)
            part = part if reason else replace(part, kernel=on_orbitals(part, group))
        if not reason and isinstance(part, SidedCircuit):
            reason = refuse_sided(part, group)
        elif not reason and isinstance(part, GSetCircuit):
            reason = refuse_circuit(part, group)
        elif not reason and isinstance(part, SignTerm):
            reason = refuse_sign(part, group)
        if reason:
            dropped.append(f"{part.name or f'part {number}'}: {reason}")
            continue
        taken[part.neurons] = True
        cells = part.kernel.size if not isinstance(part, SignTerm) else 4
        weights = shares(part.weights, part.cells, cells) / SHARES
        left, right, unembed = part.tables() if isinstance(part, SignTerm) else part.tables(group)
        columns.append((part.neurons, left, right, unembed * weights, part.scales))
        parts.append(part)
        operations += 3 * tables.order * (len(part.neurons) + cells)
        if isinstance(part, SignTerm):
            bias = bias + part.bias(tables.activation)
    if not parts:
        empty = np.empty((tables.order, 0))
        return Ideal(np.empty(0, np.int64), empty, empty, empty, bias, np.empty(0), tuple(dropped), operations, ())
    neurons, left, right, unembed, scales = (np.concatenate(column, axis=-1) for column in zip(*columns, strict=True))
    return Ideal(neurons, left, right, unembed, bias, scales, tuple(dropped), operations, tuple(parts))


def ideal_margin(ideal: Ideal, group: Group, activation: str) -> tuple[float, float]:
    """phi(e) - max over w != e of phi(w), and a bound on its rounding error.

    phi(w) = f^(w|e, e). Each term passes one rounding in v, three in g, one product and k + 1 sums; each sign term in
    the bias four, their sum fewer than k, as a term has four neurons.
    """
    e = group.identity
    g = apply(ideal.left[e] + ideal.right[e], activation)
    logits = ideal.unembed @ g + ideal.bias
    error = 2.0 * gamma(len(g) + 16) * WIDER * float((np.abs(ideal.unembed) @ g + np.abs(ideal.bias)).max())
    others = np.delete(logits, e)
    return float(logits[e] - others.max(initial=-np.inf)), error
