"""Small groups, and networks of many kinds with the explanations that they were built from."""

import dataclasses

import numpy as np

from lk.finders import circuit, ideal, margin, sign_term
from lk.groups import Alternating, Cyclic, Dihedral, Quaternion, Symmetric, coset_action, irreps, orbitals, subgroups
from lk.proofs import Factors, GSetExplanation, SidedCircuit, Tables

KINDS = (
    "exact",
    "noise",
    "scaled",
    "offset",
    "exact",
    "partial",
    "scaled",
    "tie",
    "noise",
    "folded",
    "exact",
    "sided",
    "flipped",
    "scaled",
    "wild",
    "exact",
    "random",
    "believed",
    "silent",
    "folded",
    "noise",
)
LEAST, MOST = -140, 59  # exponents of two that float32 tables may have


class Zoo:
    """Small groups with their subgroups, irreps and homomorphisms to +-1, made once."""

    def __init__(self):
        self.groups = [Symmetric(3), Cyclic(4), Cyclic(5), Dihedral(4), Quaternion(8), Alternating(4), Symmetric(4)]
        self.chances = np.array([6, 2, 2, 4, 3, 4, 1.0]) / 22
        self.subgroups = {
            group.name: [np.asarray(h) for h in subgroups(group) if 2 <= group.order // len(h) <= 8]
            for group in self.groups
        }
        self.irreps = {group.name: irreps(group) for group in self.groups}
        self.signs = {
            group.name: [
                np.rint(r.character).astype(int)
                for r in self.irreps[group.name]
                if r.dimension == 1 and r.character.min() < 0
            ]
            for group in self.groups
        }


def random_circuit(rng, zoo, group, first):
    """A circuit whose ideal is right more often than not; float32 values, so that the network holds it exactly."""
    best = None
    for _ in range(10):
        subgroup = zoo.subgroups[group.name][rng.integers(len(zoo.subgroups[group.name]))]
        action = coset_action(group, subgroup)
        k = action.shape[1]
        labels = orbitals(group, action, action)
        lam, kernel = (
            rng.normal(size=k).astype(np.float32),
            rng.normal(size=labels.max() + 1).astype(np.float32)[labels],
        )
        kernel = np.where(np.eye(k) > 0, -np.abs(kernel), kernel)
        part = circuit(action, lam, lam, kernel, first)
        score = margin(GSetExplanation((part,), (), group.order, first + k * k), group)
        if best is None or score > best[0]:
            best = score, part
    return best[1]


def network(rng, zoo, kind):
    """A group, a network and the explanation that it was built from."""
    group = zoo.groups[rng.choice(len(zoo.groups), p=zoo.chances)]
    activation = rng.choice(["relu", "relu", "relu", "abs", "square"])
    parts, first = [], 0
    for _ in range(1 + (rng.random() < 0.3)):
        parts.append(random_circuit(rng, zoo, group, first))
        first += len(parts[-1].neurons)
    signs = []
    if zoo.signs[group.name] and rng.random() < 0.3:
        signs = [sign_term(zoo.signs[group.name][0], first, *rng.normal(size=2).astype(np.float32) * 0.3)]
        first += 4
    if kind == "tie":  # one circuit on cosets of a subgroup that acts like a smaller group: exact ties
        parts, signs = parts[:1], []
    parts = reshaped(rng, kind, parts)
    extra = int(rng.integers(0, 6))
    tables, explanation = ideal(group, parts, signs, max(first + extra, 1), activation)
    arrays = disturbed(rng, kind, [np.array(array) for array in tables.arrays])
    if kind == "scaled":
        arrays, explanation = scaled(rng, arrays, explanation, activation)
    if kind == "silent":
        arrays, explanation = silenced(rng, arrays, explanation)
    if kind == "sided":
        explanation = dataclasses.replace(
            explanation, circuits=(), sided=tuple(one_sided(part) for part in explanation.circuits)
        )
    dtype = (np.float32, np.float64)[rng.integers(2)]
    arrays = [array.astype(dtype) for array in arrays]
    if kind == "folded":
        return group, folded(rng, arrays, activation), explanation
    return group, Tables(*arrays, activation), explanation


def reshaped(rng, kind, parts):
    """Circuits with neurons of different sizes, negative kernels, or lambda and mu far from zero."""
    if kind in ("noise", "exact", "scaled"):
        return [dataclasses.replace(part, scales=np.exp(0.3 * rng.normal(size=len(part.neurons)))) for part in parts]
    if kind == "flipped":
        return [dataclasses.replace(part, kernel=-part.kernel) for part in parts]
    if kind == "offset":
        shift = np.float32(2.0 ** rng.integers(4, 24))
        return [dataclasses.replace(p, lam=np.float32(p.lam + shift), mu=np.float32(p.mu + shift)) for p in parts]
    return parts


def disturbed(rng, kind, arrays):
    """Tables with noise, random ones, tables whose zeros are something else, or of any scale."""
    if kind == "noise":
        sigma = 10.0 ** rng.uniform(-7, -1)
        return [array + sigma * rng.normal(size=array.shape) * (array.std() + 1e-3) for array in arrays]
    if kind == "random":
        return [rng.normal(size=array.shape) for array in arrays]
    if kind == "partial":  # leftover neurons do something else
        return [array + (array == 0) * rng.normal(size=array.shape) * 10.0 ** rng.uniform(-5, -1) for array in arrays]
    if kind == "wild":
        return [array * 2.0 ** rng.integers(-30, 30) for array in arrays]
    return arrays


def silenced(rng, arrays, explanation):
    """All logits are equal; the explanation claims negative wrong answers, also where squares underflow."""
    small = 2.0 ** float(rng.integers(-1000, 0) if rng.random() < 0.5 else rng.integers(-690, -545))
    circuits = tuple(dataclasses.replace(p, kernel=-small * np.eye(len(p.lam))) for p in explanation.circuits)
    arrays = [*arrays[:2], *(np.zeros_like(array) for array in arrays[2:])]
    return arrays, dataclasses.replace(explanation, circuits=circuits, signs=())


def scaled(rng, arrays, explanation, activation):
    """Network and explanation times powers of two, as far as float32 reaches.

    Nothing is rounded, so that all bounds stay.
    """
    most = MOST - 6 - int(np.ceil(np.log2(max(np.abs(array).max() for array in arrays) + 1.0)))
    inputs, outputs = (int(rng.integers(-100, min(most, 50))) for _ in range(2))
    hidden = 2 * inputs if activation == "square" else inputs
    outputs = min(outputs, most - max(hidden, 0))
    powers = [2.0**exponent for exponent in (inputs, inputs, outputs, hidden + outputs)]
    circuits = tuple(
        dataclasses.replace(part, lam=part.lam * powers[0], mu=part.mu * powers[0], kernel=part.kernel * powers[2])
        for part in explanation.circuits
    )
    signs = tuple(
        dataclasses.replace(
            term, scales=term.scales * powers[0], both=term.both * powers[3], mixed=term.mixed * powers[3]
        )
        for term in explanation.signs
    )
    return [array * power for array, power in zip(arrays, powers, strict=True)], dataclasses.replace(
        explanation, circuits=circuits, signs=signs
    )


def folded(rng, arrays, activation):
    """The network as factors: left plus a product too small for float32, but not for exact numbers."""
    factors = []
    for table in arrays[:2]:
        n, m = table.shape
        small = rng.integers(-3, 4, size=(n, 1)) * 2.0 ** -int(rng.integers(20, 32))
        factors += [np.hstack([table, small]), np.vstack([np.eye(m), rng.integers(-3, 4, size=(1, m))])]
    return Tables.fold(Factors(*factors), *arrays[2:], activation)


def one_sided(part):
    """The same neurons as a circuit that is equivariant on the left: a column for each point q."""
    points = part.action_y.shape[1]
    other = np.stack([-part.mu[part.action_y[:, q]] for q in range(points)])
    return SidedCircuit(
        part.action_x,
        np.tile(part.lam, (points, 1)),
        other,
        part.kernel.T.copy(),
        part.neurons,
        part.p,
        part.q,
        part.weights,
        part.scales,
    )
