"""Explanations of all kinds, tampered with."""

import dataclasses

import numpy as np
from sound.cases import random_circuit

from lk.proofs import Clusters, CosetCluster, CosetExplanation, FourierExplanation

ATTACKS = (
    *["none"] * 28,
    "labels",
    "action",
    "kernel",
    "weights",
    "scales",
    "nan",
    "random",
    "irreps",
    "missing",
    "sign",
    "small",
    "huge",
    "overlap",
    "repeat",
    "empty",
)


def relabelled(rng, part, _):
    points = part.action_x.shape[1]
    return dataclasses.replace(part, p=rng.integers(points, size=len(part.p)), q=rng.integers(points, size=len(part.q)))


def moved(rng, part, group):
    action = part.action_x.copy()
    action[rng.integers(group.order)] = rng.permutation(part.action_x.shape[1])
    return dataclasses.replace(part, action_x=action)


def off_orbitals(rng, part, _):
    return dataclasses.replace(part, kernel=part.kernel + rng.normal(size=part.kernel.shape))


def reweighted(rng, part, _):
    return dataclasses.replace(part, weights=rng.normal(size=len(part.weights)) * 10.0 ** rng.integers(-3, 4))


def rescaled(rng, part, _):
    return dataclasses.replace(part, scales=part.scales * 10.0 ** rng.uniform(-8, 8, len(part.scales)))


def not_a_number(_, part, __):
    return dataclasses.replace(part, lam=np.where(np.arange(len(part.lam)) == 0, np.nan, part.lam))


def redrawn(rng, part, _):
    points = part.action_x.shape[1]
    return dataclasses.replace(part, lam=rng.normal(size=points), mu=rng.normal(size=points))


def to_powers(least, most):
    """Numbers of a part times powers of two."""

    def attacked(rng, part, _):
        names = ["lam", "mu", "kernel", "scales"]
        return dataclasses.replace(
            part,
            **{
                name: getattr(part, name) * 2.0 ** float(rng.integers(least, most))
                for name in names
                if rng.random() < 0.5
            },
        )

    return attacked


def without_neuron(rng, part, _):
    keep = rng.permutation(len(part.neurons))[: max(1, len(part.neurons) - 1)]
    return dataclasses.replace(part, **{name: getattr(part, name)[keep] for name in OF_NEURONS})


def on_its_neurons(rng, part):
    return dataclasses.replace(part, neurons=rng.permutation(part.neurons))


def without_neurons(_, part):
    return dataclasses.replace(part, **{name: getattr(part, name)[:0] for name in OF_NEURONS})


OF_NEURONS = ("neurons", "p", "q", "weights", "scales")
ON_PART = {
    "labels": relabelled,
    "action": moved,
    "kernel": off_orbitals,
    "weights": reweighted,
    "scales": rescaled,
    "nan": not_a_number,
    "random": redrawn,
    "small": to_powers(-1000, 0),
    "huge": to_powers(0, 1000),
    "missing": without_neuron,
}
ONE_MORE = {"overlap": on_its_neurons, "repeat": lambda _, part: part, "empty": without_neurons}


def attack(rng, zoo, group, tables, explanation, how):
    """Explanations of all kinds, tampered with."""
    parts = list(explanation.circuits) or [random_circuit(rng, zoo, group, 0)]
    if how in ONE_MORE:
        parts.append(ONE_MORE[how](rng, parts[0]))
    elif how in ON_PART:
        parts[0] = ON_PART[how](rng, parts[0], group)
    elif how == "none" and not explanation.circuits:
        parts = []
    signs = explanation.signs
    if how == "sign" and signs:
        character = signs[0].character.copy()
        character[rng.integers(group.order)] *= -1
        signs = (dataclasses.replace(signs[0], character=character),)
    circuits = dataclasses.replace(explanation, circuits=tuple(parts), signs=signs)
    return circuits, fourier(rng, zoo, group, tables, how), cosets(rng, group, tables, parts)


def fourier(rng, zoo, group, tables, how):
    """An explanation by some of the irreps, damaged or of another scale, with clusters at times."""
    known = zoo.irreps[group.name][1:]
    matrices = tuple(r.matrices for r in known if rng.random() < 0.8) or (known[0].matrices,)
    if how == "irreps":
        damage = 10.0 ** rng.uniform(-17, 0)
        matrices = tuple(m + damage * rng.normal(size=m.shape) for m in matrices)
    clusters = None
    size = sum(m.shape[1] ** 2 for m in matrices)
    if rng.random() < 0.3:
        labels = rng.integers(-1, tables.width, tables.width)
        directions = rng.normal(size=(size, tables.width))
        if rng.random() < 0.7:  # a direction for each neuron: the exact one
            basis = np.hstack([m.reshape(group.order, -1) * m.shape[1] for m in matrices]) / group.order
            labels, directions = np.arange(tables.width), basis.T @ (tables.unembed - tables.unembed.mean(0))
        clusters = Clusters(labels, np.ones(tables.width), directions)
    theta = rng.random()
    if how == "small":
        matrices = tuple(m * 2.0 ** float(rng.integers(-1000, 0)) for m in matrices)
    return FourierExplanation(matrices, group.order, tables.width, clusters, theta)


def cosets(rng, group, tables, parts):
    """An explanation by partitions.

    Of single elements, or of the points that halves of the neurons of each part see.
    """
    if rng.random() < 0.6:  # each element alone: everything is known of these neurons
        alone = CosetCluster(np.arange(tables.width), np.arange(group.order), np.arange(group.order))
        return CosetExplanation((alone,), group.order, tables.width)
    clusters = []
    for part in parts:
        for neurons in np.array_split(rng.permutation(part.neurons), 2):
            left = part.action_x[group.inverse, 0] if rng.random() < 0.7 else rng.integers(3, size=group.order)
            clusters.append(CosetCluster(neurons, left, part.action_y[:, 0]))
    return CosetExplanation(tuple(clusters), group.order, tables.width)
