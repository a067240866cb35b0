"""Checks of explanations: G-sets in integers, floats compared only.

Nothing about a part of an explanation is believed before it passes.
"""

import numpy as np

from lk.groups import Group, orbitals
from lk.proofs.circuits import GSetCircuit, SidedCircuit, SignTerm
from lk.proofs.rounding import Floats, Ints

SHARES = 1 << 24  # weights are whole numbers of this part
_LARGEST = 2.0**60
_LEAST_SCALE = (
    2.0**-60
)  # smaller ones would underflow in squares, see lk.proofs.rounding; lambda and mu may be small instead

Part = GSetCircuit | SignTerm | SidedCircuit


def refuse_neurons(part: Part, taken: np.ndarray) -> str | None:
    """Why a part cannot be read at all, or None; `taken` marks the neurons of the parts before."""
    if len(part.neurons) == 0 or part.neurons.min() < 0 or part.neurons.max() >= len(taken):
        return f"neurons outside 0 to {len(taken) - 1}, or none"
    if len(np.unique(part.neurons)) < len(part.neurons) or taken[part.neurons].any():
        return "a neuron is used twice"
    numbers = [array for array in part.arrays().values() if array.dtype.kind == "f"]
    if not all((np.abs(array) <= _LARGEST).all() for array in numbers):
        return "numbers that are not finite or above 2^60"
    if (part.scales < _LEAST_SCALE).any() or (part.weights < 0).any():
        return "scales must be positive, at least 2^-60, and weights not negative"
    return None


def refuse_actions(circuit: GSetCircuit, group: Group) -> str | None:
    """Why X or Y is no G-set, or None: O(generators n |X|), in integers.

    With act[s h] = act[s] act[h] for generators s and all h, the equation holds for every product of generators, which
    is every element.
    """
    for name, action in (("X", circuit.action_x), ("Y", circuit.action_y)):
        reason = refuse_action(action, group, name)
        if reason:
            return reason
    return None


def refuse_action(action: Ints, group: Group, name: str = "X") -> str | None:
    """Why a table is no action, or None."""
    k = action.shape[1]
    if len(action) != group.order or k == 0 or action.min() < 0 or action.max() >= k:
        return (
            f"the action on {name} has shape {action.shape} and entries outside it; expected {group.order} rows with "
            f"entries 0 to {k - 1}"
        )
    return None if is_action(action, group) else f"the table of {name} is no action of the group"


def refuse_sided(circuit: SidedCircuit, group: Group) -> str | None:
    """Why a circuit of one side is not exactly equivariant on it, or None."""
    reason = refuse_action(circuit.action, group)
    if reason:
        return reason
    for labels, k, name in ((circuit.p, circuit.action.shape[1], "p"), (circuit.column, len(circuit.lam), "column")):
        if labels.min() < 0 or labels.max() >= k:
            return f"labels {name} outside 0 to {k - 1}"
    return refuse_shares(circuit.weights, circuit.cells, circuit.kernel.size, "pairs (column, p)")


def on_orbitals(circuit: GSetCircuit, group: Group) -> Floats:
    """The kernel with, on each orbital, its value at the first pair.

    Rounding of a finder is taken away, and what is wrong stays wrong.
    """
    labels = orbitals(group, circuit.action_x, circuit.action_y)
    _, first = np.unique(labels, return_index=True)
    return np.asarray(circuit.kernel.ravel()[first][labels])


def refuse_circuit(circuit: GSetCircuit, group: Group) -> str | None:
    """Why a circuit on G-sets is not exactly equivariant, or None."""
    points = circuit.action_x.shape[1], circuit.action_y.shape[1]
    for labels, k, name in ((circuit.p, points[0], "p"), (circuit.q, points[1], "q")):
        if labels.min() < 0 or labels.max() >= k:
            return f"labels {name} outside 0 to {k - 1}"
    if not is_invariant(circuit.kernel, circuit, group):
        return "the kernel is not constant on orbitals"
    return refuse_shares(circuit.weights, circuit.cells, points[0] * points[1], "pairs (p, q)")


def is_action(action: Ints, group: Group) -> bool:
    """Whether an integer table is a left action of the group."""
    return bool(
        (action[group.identity] == np.arange(action.shape[1])).all()
        and all((action[group.table[s]] == action[s][action]).all() for s in group.generators)
    )


def is_invariant(kernel: Floats, circuit: GSetCircuit, group: Group) -> bool:
    """Whether K(gp, gq) = K(p, q), exactly, for generators g."""
    return all((kernel[np.ix_(circuit.action_x[s], circuit.action_y[s])] == kernel).all() for s in group.generators)


def refuse_sign(term: SignTerm, group: Group) -> str | None:
    """Why a sign term is none, or None."""
    if len(term.character) != group.order or not (np.abs(term.character) == 1).all():
        return f"the character needs {group.order} entries 1 or -1"
    if not is_homomorphism(term.character, group):
        return "the character is no homomorphism"
    if not ((np.abs(term.left_signs) == 1).all() and (np.abs(term.right_signs) == 1).all()):
        return "the signs of its neurons must be 1 or -1"
    return refuse_shares(term.weights, term.cells, 4, "types")


def is_homomorphism(character: Ints, group: Group) -> bool:
    """Whether sigma(gh) = sigma(g) sigma(h), for generators g, which is enough."""
    return bool(
        character[group.identity] == 1
        and all((character[group.table[s]] == character[s] * character).all() for s in group.generators)
    )


def refuse_shares(weights: Floats, cells: Ints, count: int, what: str) -> str | None:
    """Why the weights of some cells do not add up to one, or None."""
    missing = int((np.bincount(cells, weights, count) <= 0.0).sum())
    if missing:
        return f"{missing} of {count} {what} have no neuron of positive weight"
    sums = np.zeros(count, np.int64)
    np.add.at(sums, cells, shares(weights, cells, count))
    return None if (sums == SHARES).all() else f"weights of some {what} cannot be divided exactly"


def shares(weights: Floats, cells: Ints, count: int) -> Ints:
    """Weights as whole numbers of 2^-24 whose sum in each cell is 2^24; the last neuron of a cell takes the remainder.

    Example:
        >>> shares(np.array([1.0, 1.0, 1.0]), np.array([0, 0, 1]), 2).tolist()
        [8388608, 8388608, 16777216]
    """
    whole = np.rint(weights / np.bincount(cells, weights, count)[cells] * SHARES).astype(np.int64)
    sums = np.zeros(count, np.int64)
    np.add.at(sums, cells, whole)
    last = np.zeros(count, np.int64)
    last[cells] = np.arange(len(cells))  # the last write wins
    whole[last] += SHARES - sums
    return whole
