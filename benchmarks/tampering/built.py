"""True certificates to begin with: of built networks, by every verifier."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
from tampering.stored import Stored

from lk.finders import circuit, find_fourier, find_lookup, ideal, margin, sign_term
from lk.groups import coset_action, irreps, orbitals, subgroups
from lk.proofs import (
    CosetCluster,
    CosetExplanation,
    Factors,
    FourierExplanation,
    GSetExplanation,
    Tables,
    brute_force,
    cascade,
    coset,
    gset,
    irrep,
    lookup,
    save_explanation,
    save_network,
    schur,
    separable,
)
from lk.proofs.circuits import SidedCircuit


def built(rng, group):
    """All certificates of one built network: circuits and a sign term, some noise, with linear maps or without."""
    subgroup_list = [np.asarray(h) for h in subgroups(group) if 2 <= group.order // len(h) <= 6]
    parts = []
    for _ in range(20):
        action = coset_action(group, subgroup_list[rng.integers(len(subgroup_list))])
        k = action.shape[1]
        labels = orbitals(group, action, action)
        lam, kernel = (
            rng.normal(size=k).astype(np.float32),
            rng.normal(size=labels.max() + 1).astype(np.float32)[labels],
        )
        kernel = np.where(np.eye(k) > 0, -np.abs(kernel), kernel)
        parts.append(circuit(action, lam, lam, kernel, name=f"circuit on {k}"))
    parts.sort(key=lambda part: -margin(GSetExplanation((part,), (), group.order, len(part.neurons)), group))
    parts = [parts[0], parts[1]] if rng.random() < 0.4 else [parts[0]]
    first, placed = 0, []
    for part in parts:  # some cells have two neurons, which share them
        more = rng.choice(len(part.p), 2, replace=False)
        size, p, q = len(part.p) + 2, np.append(part.p, part.p[more]), np.append(part.q, part.q[more])
        neurons, weights, scales = first + np.arange(size), 0.5 + rng.random(size), 2.0 ** rng.integers(-1, 2, size)
        placed.append(dataclasses.replace(part, neurons=neurons, p=p, q=q, weights=weights, scales=scales))
        first += size
    signs = [r for r in irreps(group) if r.dimension == 1 and r.character.min() < 0]
    terms = [sign_term(np.rint(signs[0].character).astype(int), first, 0.25, -0.25)] if signs else []
    first += 4 * len(terms)
    activation = str(rng.choice(["relu", "relu", "abs", "square"]))
    tables, explanation = ideal(group, placed, terms, first + 6 + int(rng.integers(1, 4)), activation)
    sigma = 10.0 ** rng.uniform(-6, -3)
    unembed = tables.unembed + (sigma * rng.normal(size=tables.unembed.shape)).astype(np.float32)
    if rng.random() < 0.4:
        return Tables(tables.left, tables.right, unembed, tables.bias, activation), explanation
    maps = [rng.normal(size=(tables.width + 1, tables.width)) for _ in range(2)]
    embeds = [table @ np.linalg.pinv(one) for table, one in zip((tables.left, tables.right), maps, strict=True)]
    return Tables.fold(Factors(embeds[0], maps[0], embeds[1], maps[1]), unembed, tables.bias, activation), explanation


def certified(rng, group):
    """Stored certificates of one built network, by every verifier."""
    tables, circuits = built(rng, group)
    n, m = group.order, tables.width
    part, k = circuits.circuits[0], circuits.circuits[0].action_x.shape[1]
    spare = max(int(p.neurons.max()) for p in (*circuits.circuits, *circuits.signs)) + 1 + np.arange(k)
    ones, side = np.ones(k), str(rng.choice(["left", "right"]))
    one_sided = SidedCircuit(
        part.action_x,
        part.lam[None],
        rng.normal(size=(1, n)),
        part.kernel[:1],
        spare,
        np.arange(k),
        0 * spare,
        ones,
        ones,
        side,
        "one-sided",
    )
    sided = GSetExplanation(circuits.circuits, circuits.signs, n, m, (one_sided,))
    if rng.random() < 0.3:  # a part that verifiers drop
        wrong = dataclasses.replace(part, action_x=np.roll(part.action_x, 1, 0))
        sided = dataclasses.replace(sided, circuits=(wrong, *circuits.circuits[1:]))
    fourier = (*find_fourier(tables, group), FourierExplanation(tuple(r.matrices for r in irreps(group)[1:]), n, m))[0]
    cosets = CosetExplanation((CosetCluster(part.neurons, part.action_x[group.inverse, 0], part.action_y[:, 0]),), n, m)
    looked = find_lookup(tables, group)[0]
    with np.errstate(all="ignore"):
        results = [
            (brute_force(tables, group), None),
            (cascade(tables, group, circuits, fourier), None),
            (gset(tables, group, sided), sided),
            (irrep(tables, group, circuits), circuits),
            (separable(tables, group, circuits), circuits),
            (schur(tables, group, fourier), fourier),
            (coset(tables, group, cosets), cosets),
            (lookup(tables, group, looked), looked),
        ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        save_network(tables, group, folder)
        for number, (certificate, explanation) in enumerate(results):
            if explanation is not None:
                save_explanation(explanation, folder / str(number))
            certificate.save(folder / str(number), tables.activation)
            yield Stored.read(folder / str(number))
