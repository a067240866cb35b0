"""Ideal networks and the explanations that a finder should find: circuits on G-sets, exactly bi-equivariant."""

from collections.abc import Sequence

import numpy as np

from lk.groups import Group, coset_action
from lk.proofs.activation import apply
from lk.proofs.circuits import GSetCircuit, SignTerm
from lk.proofs.explained import build
from lk.proofs.explanation import GSetExplanation
from lk.proofs.rounding import Floats, Ints
from lk.proofs.tables import Tables


def circuit(action: Ints, lam: Floats, mu: Floats, kernel: Floats, first: int = 0, name: str = "") -> GSetCircuit:
    """The circuit with one neuron for each pair of points, numbered from `first`.

    Args:
        action: Shape `(n, k)`; used on both sides.
        lam: Shape `(k,)`.
        mu: Shape `(k,)`.
        kernel: Shape `(k, k)`, constant on orbitals.
        first: Index of its first neuron.
        name: For messages.
    """
    k = action.shape[1]
    p, q = (index.ravel() for index in np.indices((k, k)))
    ones = np.ones(k * k)
    return GSetCircuit(action, action, lam, mu, kernel, first + np.arange(k * k), p, q, ones, ones, name)


def rho_set(
    group: Group, matrices: Floats, subgroup: Ints, direction: Floats, first: int = 0, name: str = ""
) -> GSetCircuit:
    """The circuit of a rho-set (Wu et al. 2025).

    The orbit B of a vector that the subgroup fixes, lambda = mu = b.a, K = -b.b'.

    Args:
        group: The group.
        matrices: An orthogonal representation, shape `(n, d, d)`.
        subgroup: Its fixed space is a line (the first direction of the projection is taken otherwise).
        direction: a, shape `(d,)`.
        first: Index of its first neuron.
        name: For messages.

    Raises:
        ValueError: the subgroup fixes nothing but zero.
    """
    action = coset_action(group, subgroup)
    fixed = matrices[subgroup].mean(0)
    column = fixed[:, np.argmax(np.linalg.norm(fixed, axis=0))]
    if np.linalg.norm(column) < 1e-6:
        raise ValueError(
            f"expected a subgroup that fixes a line of this representation, got one of order {len(subgroup)} that "
            "fixes no vector. Choose a smaller subgroup."
        )
    representatives = [int(np.flatnonzero(action[:, 0] == p)[0]) for p in range(action.shape[1])]
    base = column / np.linalg.norm(column)
    if not (action[subgroup, 0] == 0).all():
        raise ValueError(
            f"expected the subgroup's own coset as point 0 of its action, got subgroup={np.asarray(subgroup).tolist()} "
            f"and the identity {group.identity}. Number the elements with the identity first."
        )
    points = matrices[representatives] @ base
    values = points @ direction
    return circuit(action, values, values, -points @ points.T, first, name)


def sign_term(character: Ints, first: int = 0, both: float = 1.0, mixed: float = -1.0) -> SignTerm:
    """Four neurons of a homomorphism to +-1, one of each type."""
    ones = np.ones(4)
    return SignTerm(
        character, first + np.arange(4), np.array([1, 1, -1, -1]), np.array([1, -1, 1, -1]), ones, ones, both, mixed
    )


def ideal(
    group: Group,
    circuits: Sequence[GSetCircuit],
    signs: Sequence[SignTerm] = (),
    width: int | None = None,
    activation: str = "relu",
) -> tuple[Tables, GSetExplanation]:
    """The network that computes its circuits, and its explanation.

    Args:
        group: The group.
        circuits: On disjoint neurons.
        signs: Sign terms.
        width: Number of neurons, at least those used; the others are zero.
        activation: See `Tables`.
    """
    used = [
        int(neurons.max()) + 1 for neurons in [part.neurons for part in circuits] + [term.neurons for term in signs]
    ]
    width = max(used) if width is None else width
    n = group.order
    left, right, unembed, bias = np.zeros((n, width)), np.zeros((n, width)), np.zeros((n, width)), np.zeros(n)
    for part in circuits:
        a, b, c = part.tables(group)
        shares = part.weights / np.bincount(part.cells, part.weights)[part.cells]
        left[:, part.neurons], right[:, part.neurons] = a * part.scales, b * part.scales
        unembed[:, part.neurons] = c * shares / (part.scales**2 if activation == "square" else part.scales)
    for term in signs:
        a, b, c = term.tables()
        shares = term.weights / np.bincount(term.cells, term.weights, 4)[term.cells]
        left[:, term.neurons], right[:, term.neurons] = a * term.scales, b * term.scales
        unembed[:, term.neurons] = c * shares / (term.scales**2 if activation == "square" else term.scales)
        bias += term.bias(activation)
    return Tables(left, right, unembed, bias, activation), GSetExplanation(tuple(circuits), tuple(signs), n, width)


def margin(explanation: GSetExplanation, group: Group, activation: str = "relu") -> float:
    """phi(e) - max over w != e of phi(w) of an explanation, in floating point."""
    n, m, e = explanation.order, explanation.width, group.identity
    zeros = np.zeros((n, m), np.float32)
    network = build(Tables(zeros, zeros, zeros, zeros[:, 0], activation), group, explanation)
    logits = network.unembed @ apply(network.left[e] + network.right[e], activation) + network.bias
    return float(logits[e] - np.delete(logits, e).max())
