"""Finders on networks whose circuits are known: built ones with shuffled, rescaled and noisy neurons, and random ones."""

import numpy as np
import pytest

from lk.groups import Affine, Cyclic, Quaternion, Symmetric, irreps, subgroups
from lk.proofs import (
    Tables,
    brute_force,
    coset,
    describe_circuits,
    find_cosets,
    find_fourier,
    find_gset,
    gset,
    ideal,
    rho_set,
    schur,
    sign_term,
    why_unexplained,
)


def disguised(tables, seed=0, noise=1e-3):
    """The same function: neurons permuted and rescaled, a constant moved from left to right; then a little noise."""
    rng = np.random.default_rng(seed)
    order, scale = rng.permutation(tables.width), np.exp(0.5 * rng.normal(size=tables.width))
    shift = 0.1 * rng.normal(size=tables.width)
    arrays = [(tables.left + shift) * scale, (tables.right - shift) * scale, tables.unembed / scale, tables.bias]
    arrays = [array[:, order] if array.ndim == 2 else array for array in arrays]
    return Tables(*(array + noise * array.std() * rng.normal(size=array.shape) for array in arrays))


def built(group, dimension, index, sign=False, width=None, kind=None):
    """A circuit of the first irrep of this dimension that fits, with the best of some directions, and perhaps a sign term."""
    rng = np.random.default_rng(1)
    best = None
    for irrep in irreps(group):
        if irrep.dimension != dimension or (kind is not None and irrep.kind != kind):
            continue
        for subgroup in subgroups(group):
            if group.order // len(subgroup) != index or irrep.character[subgroup].mean() < 0.5:
                continue
            for _ in range(20):
                part = rho_set(group, irrep.matrices, np.asarray(subgroup), rng.normal(size=dimension))
                values = np.unique(np.round(part.lam, 9))
                signs = []
                if sign:
                    one = next(r for r in irreps(group) if r.dimension == 1 and r.character.min() < 0)
                    signs = [sign_term(np.rint(one.character).astype(int), index**2, 0.5, -0.25)]
                tables, explanation = ideal(group, [part], signs, width)
                certificate = gset(tables, group, explanation)
                if certificate.bound == 1.0 and (best is None or certificate.margin > best[0]) and len(values) > 1:
                    best = certificate.margin, tables
    assert best is not None
    return best[1]


CASES = {
    "S3": (Symmetric(3), 2, 3, False, None),
    "S3 and sign": (Symmetric(3), 2, 3, True, 20),
    "S4": (Symmetric(4), 3, 4, False, 24),
    "S4 and sign": (Symmetric(4), 3, 6, True, None),
    "Z5, complex": (Cyclic(5), 2, 5, False, None),
    "affine": (Affine(5), 4, 5, False, 30),
    "Q8, quaternionic": (Quaternion(8), 4, 8, False, None),
}


@pytest.mark.parametrize("name", CASES)
def test_built_circuits_are_found(name):
    group, dimension, index, sign, width = CASES[name]
    tables = disguised(built(group, dimension, index, sign, width))
    explanation = find_gset(tables, group)[0]
    assert gset(tables, group, explanation).bound == 1.0
    found = describe_circuits(tables, group, explanation)
    assert [circuit.points for circuit in found if circuit.points > 2] == [index]
    assert found[0].coverage == 1.0
    assert found[0].direction_variance < 1e-3
    assert len(found) == 1 + sign
    assert set(why_unexplained(tables, group, explanation).values()) <= {"no contribution"}


@pytest.mark.parametrize("name", CASES)
def test_irreps_are_found(name):
    group, dimension, index, sign, width = CASES[name]
    tables = disguised(built(group, dimension, index, sign, width))
    explanations = find_fourier(tables, group)
    assert {matrices.shape[1] for matrices in explanations[0].matrices} <= {1, dimension}
    assert max(schur(tables, group, explanation).bound for explanation in explanations) == 1.0


def test_a_missing_neuron_is_replaced_by_a_spare_one():
    """Neuron (p, q) with the least part in the logits is silenced; width leaves spare neurons."""
    tables = built(Symmetric(3), 2, 3, True, 20)
    unembed = np.array(tables.unembed)
    unembed[:, 9] = 0.0  # one of four types of the sign term
    tables = disguised(Tables(tables.left, tables.right, unembed, tables.bias))
    explanation = find_gset(tables, Symmetric(3))[0]
    assert min(circuit.coverage for circuit in describe_circuits(tables, Symmetric(3), explanation)) < 1.0
    assert gset(tables, Symmetric(3), explanation).dropped == ()


@pytest.mark.parametrize("activation", ["relu", "square"])
def test_random_networks(activation):
    group, rng = Symmetric(4), np.random.default_rng(0)
    tables = Tables(*(rng.normal(size=shape) for shape in ((24, 30), (24, 30), (24, 30), (24,))), activation)
    truth = brute_force(tables, group).accuracy
    assert truth is not None
    for explanation in find_gset(tables, group):
        assert gset(tables, group, explanation).bound <= truth
        assert len(why_unexplained(tables, group, explanation)) + sum(len(c.neurons) for c in explanation.circuits) <= 30
    for fourier in find_fourier(tables, group):
        assert schur(tables, group, fourier).bound <= truth
    assert coset(tables, group, find_cosets(tables, group)).bound <= truth


def test_dead_networks():
    tables = Tables(np.zeros((6, 3)), np.zeros((6, 3)), np.zeros((6, 3)), np.zeros(6))
    for explanation in find_gset(tables, Symmetric(3)):
        assert gset(tables, Symmetric(3), explanation).bound == 0.0
    assert find_cosets(tables, Symmetric(3)).clusters == ()
    assert schur(tables, Symmetric(3), find_fourier(tables, Symmetric(3))[0]).bound == 0.0


@pytest.mark.parametrize("find", [find_gset, find_fourier, find_cosets])
def test_another_group_is_refused(find):
    tables = Tables(np.zeros((6, 3)), np.zeros((6, 3)), np.zeros((6, 3)), np.zeros(6))
    with pytest.raises(ValueError, match="order 24"):
        find(tables, Symmetric(4))


def test_cosets_are_found():
    tables = disguised(built(Symmetric(4), 3, 4), noise=1e-4)
    explanation = find_cosets(tables, Symmetric(4))
    assert sum(len(cluster.neurons) for cluster in explanation.clusters) == 16
    assert {int(cluster.left.max()) for cluster in explanation.clusters} == {3}
