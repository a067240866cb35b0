"""The other ways to decompose: a whole path, other preferences, other methods, several games together."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from lk.decomposition import decompose, decompose_jointly, decompose_path, optimal_face_range
from lk.decomposition.published import PublishedRule
from lk.decomposition.solvers import BY_NAME
from lk.transforms import harsanyi, inverse_harsanyi, inverse_or_interactions, orders
from tests.decomposition.test_decompose import assert_valid, blocks, network_game, planted_game, random_game


def test_path_equals_single_decompositions():
    v = network_game(6, 3)
    kappas = [0.02, 0.2, 0.0, 0.05]
    for kappa, found in zip(kappas, decompose_path(v, kappas), strict=True):
        assert_valid(v, found, kappa)
        alone = decompose(v, kappa)
        largest = float(alone.and_[1:].abs().max())
        torch.testing.assert_close(found.and_, alone.and_, rtol=0, atol=1e-8 * largest)
        torch.testing.assert_close(found.or_, alone.or_, rtol=0, atol=1e-8 * largest)


def test_path_of_constant_and_dense_games():
    v = torch.stack([torch.zeros(256, dtype=torch.float64), random_game(8)], 1)
    for kappa, found in zip([0.5, 0.01], decompose_path(v, [0.5, 0.01]), strict=True):
        assert_valid(v, found, kappa)
    assert decompose_path(v, []) == []


def mean_order(d, n):
    order = orders(n).double()
    return float((order[:, None] * (d.and_.abs() + d.or_.abs())).sum() / (d.and_[1:].abs() + d.or_[1:].abs()).sum())


def test_tie_break_high_prefers_high_orders_at_the_same_strength():
    v = network_game(6, 4)
    low, high, none = (decompose(v, 0.04, tie_break=tie_break) for tie_break in ("low", "high", "none"))
    assert_valid(v, high, 0.04)
    torch.testing.assert_close(low.objective, high.objective, rtol=1e-3, atol=0)
    assert mean_order(low, 6) < mean_order(none, 6) < mean_order(high, 6)


def range_by_linear_programmes(v, kappa, m):
    """Both ends for order m, from the definition, with the least strength as a constraint."""
    n = len(v).bit_length() - 1
    u = (v - v[0]).numpy()[1:]
    bound = kappa * abs(u[-1])
    block = blocks(n)[1:]
    both = np.concatenate([block, -block], axis=1)
    left, right = np.concatenate([both, -both]), np.concatenate([u + bound, bound - u])
    least = linprog(np.ones(both.shape[1]), A_ub=left, b_ub=right).fun
    order = np.tile(
        [s.bit_count() for s in range(1, 2**n)] + [s.bit_count() for s in range(2**n) if s.bit_count() > 1], 2
    )
    left, right = np.concatenate([left, np.ones((1, both.shape[1]))]), np.append(right, least * (1 + 1e-9))
    price = (order == m).astype(float)
    return linprog(price, A_ub=left, b_ub=right).fun, -linprog(-price, A_ub=left, b_ub=right).fun


@pytest.mark.parametrize("kappa", [0.0, 0.04])
def test_optimal_face_range(kappa):
    v = network_game(4, seed=1)
    found = optimal_face_range(v, kappa)
    for m in range(1, 5):
        low, high = range_by_linear_programmes(v, kappa, m)
        assert found.low[m - 1].item() == pytest.approx(low, abs=1e-3)
        assert found.high[m - 1].item() == pytest.approx(high, abs=1e-3)
    canonical = decompose(v, kappa)
    for m in range(1, 5):
        strength = float(canonical.and_[orders(4) == m].abs().sum() + canonical.or_[orders(4) == m].abs().sum())
        assert (
            found.low[m - 1] - 2e-3 * canonical.objective <= strength <= found.high[m - 1] + 2e-3 * canonical.objective
        )


def test_optimal_face_range_of_a_batch():
    v = network_game(3, 2, 2)
    found = optimal_face_range(v)
    assert found.low.shape == (3, 2, 2)
    torch.testing.assert_close(found.high[:, 1, 0], optimal_face_range(v[:, 1, 0]).high)
    assert (found.low <= found.high + 1e-6).all()


def test_and_effects_alone():
    v = network_game(6, 2)
    exact = decompose(v, 0.0, or_effects=False)
    torch.testing.assert_close(exact.and_[1:], harsanyi(v)[1:])
    assert (exact.or_ == 0).all()
    loose = decompose(v, 0.04, or_effects=False)
    assert_valid(v, loose, 0.04)
    assert (loose.or_ == 0).all()
    assert (loose.objective < exact.objective).all()
    assert (loose.objective > decompose(v, 0.04).objective).all()


def test_solvers_agree():
    v = network_game(6, 4)
    path, interior = decompose(v, 0.04, method="path"), decompose(v, 0.04, method="interior")
    assert set(path.method) == {"path"}
    assert set(interior.method) == {"interior"}
    assert path.canonical.all()
    assert interior.canonical.all()
    torch.testing.assert_close(path.and_, interior.and_, rtol=0, atol=1e-8)
    torch.testing.assert_close(path.or_, interior.or_, rtol=0, atol=1e-8)


@pytest.mark.parametrize("gap", [1e-2, 1e-3])
def test_splitting_is_proven(gap):
    v = network_game(6, 5)
    found = decompose(v, 0.0, gap, canonical=False)
    assert set(found.method) == {"splitting"}
    assert_valid(v, found, 0.0, gap)
    best = decompose(v, 0.0).objective
    assert (found.objective <= best * (1 + gap) + 1e-9).all()
    assert (found.lower_bound <= best + 1e-9).all()


@pytest.mark.parametrize("kappa", [0.0, 0.04])
def test_any_point_within_the_gap(kappa):
    v = random_game(6, 3)
    found = decompose(v, kappa, 1e-2, canonical=False)
    assert_valid(v, found, kappa, 1e-2)
    assert not found.canonical.any()


def test_published_rule_matches_but_proves_nothing(monkeypatch):
    v = network_game(4, 2)
    monkeypatch.setitem(BY_NAME, "sgd", (PublishedRule(steps=1000, learning_rate=1e-4),))
    with pytest.warns(UserWarning, match="2 of 2 games"):
        found = decompose(v, 0.04, method="sgd")
    matched = inverse_harsanyi(found.and_) + inverse_or_interactions(found.or_) + found.delta
    torch.testing.assert_close(matched, v)
    assert (found.delta.abs() <= 0.04 * (v[-1] - v[0]).abs()).all()
    assert (found.lower_bound == 0).all()
    best = decompose(v, 0.04).objective
    start = harsanyi(v / 2)[1:].abs().sum(0) * 3
    assert (found.objective >= best * (1 - 1e-3)).all()
    assert (found.objective < start).all()


def test_unknown_names():
    with pytest.raises(ValueError, match="expected tie_break in"):
        decompose(torch.zeros(4), tie_break="left")
    with pytest.raises(ValueError, match="expected method in"):
        decompose(torch.zeros(4), method="magic")


def test_joint_decomposition_of_one_member_is_the_plain_one():
    v = network_game(5, 1, 3)
    joint = decompose_jointly(v, dim=1, kappa=0.0, gap=1e-3)
    plain = decompose(v, 0.0)
    torch.testing.assert_close(joint.objective, plain.objective[0], rtol=2e-3, atol=0)
    assert joint.certified.all()


@pytest.mark.parametrize("kappa", [0.0, 0.04])
def test_joint_decomposition_shares_interactions(kappa):
    n, members = 5, 3
    common, _ = planted_game(n, 2, 0)
    v = torch.stack([common + 0.3 * network_game(n, seed=member) / 20 for member in range(members)], 1)
    joint = decompose_jointly(v, dim=1, kappa=kappa)
    assert joint.objective.shape == ()
    assert joint.certified.all()
    matched = inverse_harsanyi(joint.and_) + inverse_or_interactions(joint.or_) + joint.delta
    torch.testing.assert_close(matched, v)
    assert (joint.delta.abs() <= kappa * (v[-1] - v[0]).abs()).all()
    alone = decompose(v, kappa)

    def loss(d):
        effects = torch.cat([d.and_[1:], d.or_[1:]]).abs()
        return float((0.9 * effects.amax(1) + 0.1 * effects.sum(1)).sum())

    assert loss(joint) == pytest.approx(float(joint.objective))
    assert loss(joint) <= loss(alone) * (1 + 1e-6)
    if kappa == 0:
        u = (v - v[0]).numpy()[1:]
        assert float(joint.objective) == pytest.approx(joint_optimum(u), rel=2e-2)
        assert float(joint.lower_bound) <= joint_optimum(u) + 1e-9


def joint_optimum(u):
    """The loss over several games by HiGHS.

    Effects as differences of non-negative parts, and one maximum per effect.
    """
    block = blocks((len(u) + 1).bit_length() - 1)[1:]
    rows, columns = block.shape
    members = u.shape[1]
    eye = np.eye(columns)
    equal = np.kron(np.eye(members), np.concatenate([block, -block], axis=1))
    equal = np.concatenate([equal, np.zeros((rows * members, columns))], axis=1)
    under = np.concatenate(
        [np.kron(np.eye(members), np.concatenate([eye, eye], axis=1)), -np.kron(np.ones((members, 1)), eye)], axis=1
    )
    price = np.concatenate([np.full(2 * columns * members, 0.1), np.full(columns, 0.9)])
    return linprog(price, A_ub=under, b_ub=np.zeros(columns * members), A_eq=equal, b_eq=u.T.reshape(-1)).fun


def test_joint_arguments():
    with pytest.raises(ValueError, match="expected dim to name an axis"):
        decompose_jointly(torch.zeros(4))
    with pytest.raises(ValueError, match="expected share at least 0"):
        decompose_jointly(torch.zeros(4, 2), share=1.0)
