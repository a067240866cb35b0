"""Finders on networks whose circuits are known.

Built ones with shuffled, rescaled and noisy neurons, and random ones.
"""

import dataclasses
import importlib

import numpy as np
import pytest

from lk.certification.circuits import describe_circuits
from lk.finders import find_cosets, find_fourier, find_gset, find_lookup, ideal, rho_set, sign_term
from lk.finders.greedy import greedy_groups
from lk.groups import Affine, Cyclic, Quaternion, Symmetric, coset_action, irreps, subgroups
from lk.proofs import (
    FourierExplanation,
    GSetExplanation,
    LookupExplanation,
    SidedCircuit,
    Tables,
    brute_force,
    cascade,
    coset,
    gset,
    load_explanation,
    lookup,
    save_explanation,
    schur,
)
from lk.proofs.activation import apply


def disguised(tables, seed=0, noise=1e-3):
    """The same function: neurons permuted and rescaled, a constant moved from left to right; then a little noise."""
    rng = np.random.default_rng(seed)
    order, scale = rng.permutation(tables.width), np.exp(0.5 * rng.normal(size=tables.width))
    shift = 0.1 * rng.normal(size=tables.width)
    arrays = [(tables.left + shift) * scale, (tables.right - shift) * scale, tables.unembed / scale, tables.bias]
    arrays = [array[:, order] if array.ndim == 2 else array for array in arrays]
    return Tables(*(array + noise * array.std() * rng.normal(size=array.shape) for array in arrays))


def built(group, dimension, index, sign=False, width=None, kind=None):
    """A circuit of the first fitting irrep of this dimension, with the best of some directions, perhaps a sign term."""
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


@pytest.mark.parametrize("name", CASES)
def test_irreps_are_found(name):
    group, dimension, index, sign, width = CASES[name]
    tables = disguised(built(group, dimension, index, sign, width))
    explanations = find_fourier(tables, group)
    assert {matrices.shape[1] for matrices in explanations[0].matrices} <= {1, dimension}
    assert max(schur(tables, group, explanation).bound for explanation in explanations) == 1.0


@pytest.mark.parametrize("name", CASES)
def test_lookups_are_found(name):
    group, dimension, index, sign, width = CASES[name]
    tables = disguised(built(group, dimension, index, sign, width))
    assert max(lookup(tables, group, explanation).bound for explanation in find_lookup(tables, group)) == 1.0


def test_the_cascade_takes_look_ups():
    group = Symmetric(3)
    tables = disguised(built(group, 2, 3, True, 20), noise=0.02)
    certificate = cascade(tables, group, lookups=find_lookup(tables, group)[0])
    assert certificate.tiers[0][0] == "lookup"
    assert certificate.bound == brute_force(tables, group).accuracy


def true_gaps(tables, group):
    left, right, unembed, bias = tables.doubles()
    h = apply(left[:, None] + right, tables.activation)
    logits = h @ unembed.T + bias
    n = group.order
    correct = np.take_along_axis(logits, group.table[..., None], -1)[..., 0]
    np.put_along_axis(logits, group.table[..., None], -np.inf, -1)
    return correct - logits.max(-1) if n > 1 else correct


def sided(group, side, columns, rng, first=0):
    """A random circuit of one side on the cosets of a random subgroup."""
    subgroup = np.asarray(rng.choice(np.array(subgroups(group), dtype=object)[:-1]))
    action = coset_action(group, subgroup)
    k, n = action.shape[1], group.order
    column, p = (index.ravel() for index in np.indices((columns, k)))
    scales, ones = np.exp(rng.normal(size=columns * k)), np.ones(columns * k)
    kernel = np.where(rng.random((columns, k)) < 0.5, 0.0, rng.normal(size=(columns, k)))
    lam, other = rng.normal(size=(columns, k)), rng.normal(size=(columns, n))
    return SidedCircuit(action, lam, other, kernel, first + np.arange(columns * k), p, column, ones, scales, side)


@pytest.mark.parametrize("seed", range(12))
def test_circuits_of_one_side_prove_nothing_false(seed):
    """Each side alone, both together and beside a bi-equivariant part.

    The bias rules until the margin is positive somewhere.
    """
    rng = np.random.default_rng(seed)
    group = (Symmetric(3), Quaternion(8), Affine(5))[seed % 3]
    parts, first = [], 0
    for side in (("left",), ("right",), ("left", "right"))[seed // 3 % 3]:
        parts.append(sided(group, side, 3, rng, first))
        first += len(parts[-1].neurons)
    n, width = group.order, first + 2
    arrays = [np.zeros((n, width)) for _ in range(3)]
    for part in parts:
        for array, table in zip(arrays, part.tables(group), strict=True):
            array[:, part.neurons] = table
        arrays[0][:, part.neurons] *= part.scales
        arrays[1][:, part.neurons] *= part.scales
        arrays[2][:, part.neurons] /= part.scales
    noise = 10.0 ** rng.uniform(-6, -2)
    tables = Tables(*(array + noise * rng.normal(size=array.shape) for array in arrays), np.zeros(n))
    explanation = GSetExplanation((), (), n, width, tuple(parts))
    certificate = gset(tables, group, explanation)
    assert certificate.dropped == ()
    gaps = true_gaps(tables, group)
    assert (certificate.slack <= gaps + 1e-9).all()
    assert (certificate.slack >= gaps - 3e3 * noise).all()  # nothing but the noise is lost where one side carries all
    assert not (certificate.certified & ~brute_force(tables, group).certified).any()


def test_columns_that_miss_a_point_are_dropped():
    rng = np.random.default_rng(0)
    group = Symmetric(3)
    part = sided(group, "left", 2, rng)
    tables = Tables(*(rng.normal(size=(6, len(part.neurons))) for _ in range(3)), np.zeros(6))
    moved = part.action.copy()
    moved[0] = moved[0][::-1]
    for broken, reason in (
        (dataclasses.replace(part, p=part.p * 0), "have no neuron"),
        (dataclasses.replace(part, column=part.column + 1), "outside"),
        (dataclasses.replace(part, action=moved), "no action"),
        (dataclasses.replace(part, weights=-part.weights), "not negative"),
    ):
        certificate = gset(tables, group, GSetExplanation((), (), 6, tables.width, (broken,)))
        assert reason in certificate.dropped[0]
        assert certificate.unexplained == tuple(range(tables.width))
    with pytest.raises(ValueError, match="'top'"):
        dataclasses.replace(part, side="top")


def test_half_of_an_orbit_is_enough():
    """S4 on its four points: pairs (p, q) for three q alone, which determine z, with both directions a and -a."""
    group = Symmetric(4)
    full = built(group, 3, 4)
    kept = np.arange(16) % 4 < 3
    left, right, unembed = (table[:, kept] for table in (full.left, full.right, full.unembed))
    tables = Tables(np.hstack([left, -left]), np.hstack([right, -right]), np.hstack([unembed, unembed]), full.bias)
    tables = disguised(tables, noise=1e-4)
    explanation = find_gset(tables, group)[0]
    assert {circuit.side for circuit in explanation.sided} == {"left"}
    assert gset(tables, group, explanation).bound == brute_force(tables, group).accuracy == 1.0


@pytest.mark.parametrize("seed", range(8))
def test_random_look_ups_prove_nothing_false(seed):
    rng = np.random.default_rng(seed)
    group = Symmetric(3)
    assign, columns = rng.integers(5, size=(6, 3)), rng.normal(size=(5, 9))
    basis = np.zeros((6, 5))
    np.add.at(basis, (np.arange(6)[:, None], assign), 1.0)
    noise = 10.0 ** rng.uniform(-8, 0)
    unembed = basis @ columns + noise * rng.normal(size=(6, 9))
    tables = Tables(rng.normal(size=(6, 9)), rng.normal(size=(6, 9)), unembed, rng.normal(size=6))
    explanation = LookupExplanation(assign, columns * rng.choice([1.0, 1.0, 3.0]), rng.normal(size=5))
    certificate = lookup(tables, group, explanation)
    assert (certificate.slack <= true_gaps(tables, group) + 1e-9).all()
    assert not (certificate.certified & ~brute_force(tables, group).certified).any()
    with pytest.raises(ValueError, match="width 9"):
        lookup(Tables(*(np.zeros((6, 4)),) * 3, np.zeros(6)), group, explanation)


def test_new_explanations_are_stored(tmp_path):
    rng = np.random.default_rng(0)
    group = Symmetric(3)
    part = sided(group, "right", 2, rng)
    tables = Tables(*(rng.normal(size=(6, len(part.neurons))) for _ in range(3)), np.zeros(6))
    explanation = GSetExplanation((), (), 6, tables.width, (part,))
    save_explanation(explanation, tmp_path)
    assert (gset(tables, group, load_explanation(tmp_path, 6)).slack == gset(tables, group, explanation).slack).all()
    looked_up = find_lookup(tables, group)[0]
    save_explanation(looked_up, tmp_path)
    assert (lookup(tables, group, load_explanation(tmp_path, 6)).slack == lookup(tables, group, looked_up).slack).all()


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


def degenerate(name, rng, n, m):
    """Networks in which a table is constant, empty or repeated, whose cosines with themselves are 0."""
    left, right, unembed = (rng.normal(size=(n, m)) for _ in range(3))
    if name == "left constant":
        left[:] = 0.0
    elif name == "right constant":
        right[:] = 0.3
    elif name == "unembedding constant":
        unembed[:] = 1.0
    elif name == "zero":
        left[:] = right[:] = unembed[:] = 0.0
    elif name == "tiny":  # the smallest positive float32
        left, right, unembed = (2.0**-149 * np.sign(table) for table in (left, right, unembed))
    elif name == "tiny left":
        left = 2.0**-149 * np.sign(left)
    elif name == "duplicates":
        left, right, unembed = (np.repeat(table[:, :1], m, axis=1) for table in (left, right, unembed))
    return left, right, unembed


@pytest.mark.parametrize(
    "name",
    ["left constant", "right constant", "unembedding constant", "zero", "tiny", "tiny left", "duplicates", "random"],
)
def test_finders_end(name):
    """Each round of a search takes at least the neuron away that it starts from, whatever a cosine says."""
    rng = np.random.default_rng(0)
    for group in (Cyclic(1), Cyclic(3)):
        for m in (1, 2, 5):
            tables = Tables(*degenerate(name, rng, group.order, m), np.zeros(group.order))
            truth = brute_force(tables, group).accuracy
            for verify, find in ((gset, find_gset), (schur, find_fourier), (lookup, find_lookup)):
                assert all(verify(tables, group, explanation).bound <= truth for explanation in find(tables, group))
            assert coset(tables, group, find_cosets(tables, group)).bound <= truth


def test_greedy_groups_take_a_neuron_each_round():
    """For any relation: no neighbours at all, not of oneself, one-sided ones."""
    rng = np.random.default_rng(0)
    for size in (0, 1, 2, 7):
        for near in (np.zeros((size, size), bool), np.ones((size, size), bool), rng.random((size, size)) < 0.3):
            groups = list(greedy_groups(near))
            assert sorted(np.concatenate([np.empty(0, int), *(members for members, _ in groups)])) == list(range(size))
            assert all(first in members for members, first in groups)
            assert all(len(members) > 2 for members, _ in greedy_groups(near, 3))


def test_a_point_is_chosen_even_where_none_describes_anything():
    choose = importlib.import_module("lk.finders.lookup").choose
    assert choose(np.zeros((2, 3))) == [0]
    assert choose(np.array([[0.0, 1.0], [1.0, 0.0]])) == [0, 1]


def test_look_ups_cost_what_is_executed():
    """Entries that are zero are neither counted nor multiplied: n^2 operations for each entry that is not."""
    group, rng = Symmetric(3), np.random.default_rng(0)
    tables = Tables(*(rng.normal(size=(6, 9)) for _ in range(3)), np.zeros(6))
    assign, columns = rng.integers(5, size=(6, 3)), rng.normal(size=(5, 9))
    few = np.where(rng.random((5, 9)) < 0.3, columns, 0.0)
    dense, sparse = (lookup(tables, group, LookupExplanation(assign, table, np.zeros(5))) for table in (columns, few))
    extra = 36 * (np.count_nonzero(columns) - np.count_nonzero(few))
    assert abs(dense.operations - sparse.operations - extra) <= 36 * 2 * 6  # at most the pairs that are left open
    add_products = importlib.import_module(
        "lk.proofs.lookup"
    ).add_products  # the function of that name hides its module
    h = apply(tables.left[[0]] + tables.right[[1]], "relu").T.astype(np.float64)
    values = np.zeros((5, 1))
    rows, neurons = np.nonzero(few)
    add_products(rows, neurons, few[rows, neurons], h, values)
    np.testing.assert_allclose(values, few @ h, atol=1e-12)


def test_schur_on_the_trivial_group():
    """There is no wrong answer"""
    tables = Tables(*(np.ones((1, 2)) for _ in range(3)), np.zeros(1))
    certificate = schur(tables, Cyclic(1), FourierExplanation((np.ones((1, 1, 1)),), 1, 2))
    assert certificate.bound == brute_force(tables, Cyclic(1)).bound == 1.0
