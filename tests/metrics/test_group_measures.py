"""Measures of group networks against the sums that define them, written as loops."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax

from lk.finders import ideal, rho_set
from lk.groups import Cyclic, Folded, Symmetric, all_subgroups, cosets, irreps, project
from lk.metrics import biequivariance, coset_constancy, gini, irrep_losses, irrep_power, table_losses
from lk.metrics.logits import activate, logits_by_row
from lk.networks import GroupNetwork

S3 = Symmetric(3)


def network(activation="relu", seed=0, group=S3):
    rng = np.random.default_rng(seed)
    n = group.order
    return Folded(*(rng.normal(size=(n, 5)) for _ in range(3)), rng.normal(size=n), activation)


def naive_logits(net, n):
    f = np.zeros((n, n, n))
    for x in range(n):
        for y in range(n):
            for z in range(n):
                hidden = activate(net.left[x] + net.right[y], net.activation)
                f[x, y, z] = sum(net.unembed[z, i] * hidden[i] for i in range(5)) + net.bias[z]
    return f


@pytest.mark.parametrize("activation", ["relu", "gelu", "square", "abs"])
def test_logits_are_those_of_the_network(activation):
    net = network(activation)
    rows = np.stack(list(logits_by_row(net)))
    assert np.allclose(rows, naive_logits(net, 6))
    import torch

    torched = GroupNetwork(6, width=5, linear=False, activation=activation)
    with torch.no_grad():
        for parameter, table in zip(
            (torched.embed_left, torched.embed_right, torched.unembed, torched.bias), net.arrays, strict=True
        ):
            parameter.copy_(torch.tensor(table))
        pairs = torch.cartesian_prod(torch.arange(6), torch.arange(6))
        assert np.allclose(torched(pairs).numpy().reshape(6, 6, 6), rows, atol=1e-4)


def test_losses_and_accuracy():
    net = network()
    f, (losses, right) = naive_logits(net, 6), table_losses(net, S3)
    for x in range(6):
        for y in range(6):
            z = S3.table[x, y]
            assert losses[x, y] == pytest.approx(-log_softmax(f[x, y])[z])
            assert right[x, y] == all(f[x, y, z] > f[x, y, k] for k in range(6) if k != z)
    assert not table_losses(Folded(*(np.zeros((6, 2)),) * 3, np.zeros(6)), S3)[1].any()  # ties are wrong


def test_excluded_and_restricted_loss():
    net, found = network(), irreps(S3)
    f = naive_logits(net, 6)
    restricted, excluded = irrep_losses(net, S3, found)
    for i, irrep in enumerate(found):
        own = np.stack([[project(f[x, y], irrep) for y in range(6)] for x in range(6)])
        for value, logits in ((restricted[i], own), (excluded[i], f - own)):
            expected = np.mean([-log_softmax(logits[x, y])[S3.table[x, y]] for x in range(6) for y in range(6)])
            assert value == pytest.approx(expected)


def test_power_sums_to_one_and_finds_the_irrep():
    found = irreps(S3)
    values = np.random.default_rng(0).normal(size=(6, 7))
    assert irrep_power(values, found).sum() == pytest.approx(1)
    assert irrep_power(found[2].matrices.reshape(6, -1), found).tolist() == pytest.approx([0, 0, 1])
    expected = [(project(values, irrep) ** 2).sum() / (values**2).sum() for irrep in found]
    assert irrep_power(values, found) == pytest.approx(expected)
    assert irrep_power(np.zeros((6, 2)), found).tolist() == [0, 0, 0]


def test_gini_is_half_the_mean_absolute_difference():
    shares = np.random.default_rng(0).random(9)
    expected = sum(abs(a - b) for a in shares for b in shares) / (2 * 9**2 * shares.mean())
    assert gini(shares) == pytest.approx(expected)
    assert gini(np.zeros(3)) == 0


def test_biequivariance_by_loops():
    net, n = network(), 6
    f = naive_logits(net, n)
    f = f - f.mean(2, keepdims=True)
    groups = {}
    for x in range(n):
        for y in range(n):
            for z in range(n):
                w = S3.table[S3.table[S3.inverse[x], z], S3.inverse[y]]
                groups.setdefault(w, []).append(f[x, y, z])
    between = sum(len(values) * np.mean(values) ** 2 for values in groups.values())
    assert biequivariance(net, S3) == pytest.approx(1 - between / (f**2).sum())
    shifted = replace(net, unembed=net.unembed + np.arange(5.0))  # shifts all logits of a pair alike
    assert biequivariance(shifted, S3) == pytest.approx(biequivariance(net, S3))


def test_an_ideal_network_is_biequivariant_and_sees_cosets():
    part = rho_set(S3, irreps(S3)[2].matrices, np.array([0, 1]), np.array([1.0, 0.3]))
    tables, _ = ideal(S3, [part])
    folded = Folded(*tables.doubles(), tables.activation)
    assert biequivariance(folded, S3) < 1e-6
    subgroups = all_subgroups(S3)
    for table, side in ((folded.left, "right"), (folded.right, "left")):
        shares, places = coset_constancy(table, S3, subgroups, side)
        assert shares.max() < 1e-6
        assert {len(subgroups[i]) for i in places} == {2}


@pytest.mark.parametrize("side", ["left", "right"])
def test_coset_constancy_by_loops(side):
    group = Symmetric(3)
    subgroups = all_subgroups(group)
    values = np.random.default_rng(3).normal(size=(6, 4))
    shares, places = coset_constancy(values, group, subgroups, side)
    for i in range(4):
        column, options = values[:, i], {}
        for place, subgroup in enumerate(subgroups):
            if 1 < len(subgroup) < 6:
                labels = cosets(group, subgroup, side)
                inside = np.mean([column[labels == label].var() for label in set(labels.tolist())])
                options[place] = inside / column.var()
        assert shares[i] == pytest.approx(min(options.values()))
        assert options[places[i]] == pytest.approx(shares[i])


def test_without_proper_subgroups_nothing_is_coset_constant():
    shares, places = coset_constancy(np.eye(5), Cyclic(5), all_subgroups(Cyclic(5)), "right")
    assert shares.tolist() == [1] * 5
    assert places.tolist() == [-1] * 5
