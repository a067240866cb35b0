"""Strength, count, matching error and Shapley values: by hand, and against independent forms."""

import itertools
import math

import numpy as np
import pytest
import shapiq
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lk.decomposition import decompose
from lk.metrics import count, matching_error, shapley_values, strength
from lk.transforms import harsanyi, inverse_harsanyi, inverse_or_interactions, or_interactions

# ---- strength and number
EFFECTS = torch.tensor([9.0, 1.0, -2.0, 0.5, 0.0, -3.0, 4.0, -0.25])  # orders 0 1 1 2 1 2 2 3


def test_strength_by_hand():
    assert strength(EFFECTS).tolist() == [0, 3, 7.5, 0.25]
    assert strength(EFFECTS, sign=1).tolist() == [0, 1, 4.5, 0]
    assert strength(EFFECTS, sign=-1).tolist() == [0, 2, 3, 0.25]
    assert strength(EFFECTS, EFFECTS.abs() > 1).tolist() == [0, 2, 7, 0]
    assert strength(EFFECTS, EFFECTS.abs() > 1, sign=-1).tolist() == [0, 2, 3, 0]
    assert EFFECTS[0] == 9


def test_count_by_hand():
    chosen = EFFECTS.abs() > 0.3
    assert count(chosen).tolist() == [0, 2, 3, 0]
    assert count(chosen).dtype == torch.int64
    assert chosen[0]


def test_trailing_axes_are_games():
    games = torch.randn(8, 3, 2)
    assert strength(games).shape == (4, 3, 2)
    assert torch.allclose(strength(games)[:, 1, 1], strength(games[:, 1, 1]))
    assert torch.allclose(strength(games, sign=1) + strength(games, sign=-1), strength(games))


@pytest.mark.parametrize("sign", [2, -3])
def test_unknown_sign(sign):
    with pytest.raises(ValueError, match=rf"expected sign in \[1, -1, 0\], got sign={sign}. Use 1 .* -1 .* 0 for"):
        strength(EFFECTS, sign=sign)


# ---- universal matching
def test_matching_error_is_zero_for_a_decomposition_and_shows_a_change():
    v = torch.randn(16, 2, 3, dtype=torch.float64)
    found = decompose(v)
    assert float(matching_error(v, found.and_, found.or_, found.delta).max()) < 1e-12
    changed = v.clone()
    changed[5, 1, 2] += 0.5
    error = matching_error(changed, found.and_, found.or_, found.delta)
    assert error.shape == (2, 3)
    assert float(error[1, 2]) == pytest.approx(0.5 / float(found.objective[1, 2]), rel=1e-9)
    error[1, 2] = 0
    assert float(error.max()) < 1e-12


def test_matching_error_sees_the_residual_and_both_kinds():
    v = torch.tensor([1.0, 3.0, 2.0, 5.0])
    and_, or_, delta = (
        torch.tensor([1.0, 2.0, 1.0, 0.0]),
        torch.tensor([0.0, 0.0, 0.0, 0.5]),
        torch.tensor([0.0, -0.5, -0.5, 0.5]),
    )
    assert float(matching_error(v, and_, or_, delta)) == 0
    assert float(matching_error(v, and_, or_, torch.zeros(4))) == pytest.approx(0.5 / 3.5)
    assert float(matching_error(v, and_, torch.zeros(4), delta)) == pytest.approx(0.5 / 3)


def test_matching_error_of_a_constant_game():
    v = torch.full((4, 1), 7.0)
    zero = torch.zeros(4, 1)
    and_ = zero.clone()
    and_[0] = 7
    assert float(matching_error(v, and_, zero, zero)) == 0
    assert float(matching_error(v, zero, zero, zero)) == 7


# ---- Shapley values
def permutation_formula(v):
    """The mean marginal contribution over all orders of arrival."""
    n = len(v).bit_length() - 1
    phi = torch.zeros(n, *v.shape[1:], dtype=v.dtype)
    for arrival in itertools.permutations(range(n)):
        coalition = 0
        for player in arrival:
            phi[player] += v[coalition | 1 << player] - v[coalition]
            coalition |= 1 << player
    return phi / math.factorial(n)


@pytest.mark.parametrize("kappa", [0.0, 0.04, 0.3])
def test_shapley_identity_of_the_explained_game(kappa):
    v = torch.randn(32, 2, dtype=torch.float64)
    found = decompose(v, kappa=kappa)
    assert (kappa == 0) == (not found.delta.any())
    phi = shapley_values(found.and_, found.or_)
    assert torch.allclose(phi, permutation_formula(v - found.delta), atol=1e-10)
    assert torch.allclose(phi.sum(0), (v - found.delta)[-1] - v[0], atol=1e-10)
    if kappa == 0:
        assert torch.allclose(phi, permutation_formula(v), atol=1e-10)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_shapley_identity_for_any_split_into_and_and_or(seed):
    v, shift = torch.randn(2, 32, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    shift[0] = 0
    and_, or_ = harsanyi(v / 2 + shift), or_interactions(v / 2 - shift)
    and_[0], or_[0] = v[0], 0
    assert torch.allclose(inverse_harsanyi(and_) + inverse_or_interactions(or_), v, atol=1e-9)
    assert torch.allclose(shapley_values(and_, or_), permutation_formula(v), atol=1e-9)


def test_shapley_values_of_shapiq():
    n = 5
    v = torch.randn(2**n, dtype=torch.float64)
    v[0] = 0

    def game(coalitions):
        index = (np.atleast_2d(coalitions) * 2 ** np.arange(n)).sum(1).astype(int)
        return v.numpy()[index]

    exact = shapiq.ExactComputer(game, n_players=n)("SV")
    expected = [float(exact[(player,)]) for player in range(n)]
    found = decompose(v, kappa=0)
    assert shapley_values(found.and_, found.or_).tolist() == pytest.approx(expected, abs=1e-9)


def test_shapley_axioms():
    and_, or_ = torch.zeros(8), torch.zeros(8)
    and_[0b011], or_[0b110], and_[0] = 2.0, -4.0, 100.0
    assert shapley_values(and_, or_).tolist() == [1.0, -1.0, -2.0]
    assert shapley_values(torch.zeros(8), torch.zeros(8)).tolist() == [0.0] * 3
