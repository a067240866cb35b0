"""The canonical point of games whose optimal face is hard to see."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lk.decomposition import decompose, decompose_path
from lk.decomposition.crossover import Crossover
from lk.decomposition.face import Equations, Face
from lk.decomposition.interior import Interior, solve_interior
from lk.decomposition.operator import block_of, normal_matrix, possible_effects, sums_where_firing, values_of
from lk.decomposition.path import Path
from lk.decomposition.problem import problems_of, weights
from lk.decomposition.solvers import BY_NAME, solve
from tests.decomposition.test_decompose import network_game


def test_operator_is_the_dense_block():
    n = 4
    effects, coalitions = np.nonzero(possible_effects(n))[0], np.arange(1, 2**n)
    block = block_of(coalitions, effects, 2**n)
    z, y = np.random.default_rng(0).normal(size=len(effects)), np.random.default_rng(1).normal(size=len(coalitions))
    full_z, full_y = np.zeros(2 * 2**n), np.zeros(2**n)
    full_z[effects], full_y[1:] = z, y
    np.testing.assert_allclose(values_of(full_z)[1:], block @ z)
    np.testing.assert_allclose(sums_where_firing(full_y)[effects], block.T @ y)
    scales = np.zeros(2 * 2**n)
    scales[effects] = np.abs(z)
    np.testing.assert_allclose(np.tril(normal_matrix(scales, coalitions)), np.tril(block * np.abs(z) @ block.T))


@pytest.mark.parametrize("effects", [20, 8])
def test_equations_dependent_or_not(effects):
    """Few effects leave equations dependent; both ways give the same least-norm answer as the pseudo-inverse."""
    n, generator = 4, np.random.default_rng(effects)
    chosen = np.sort(generator.choice(np.nonzero(possible_effects(n))[0], effects, replace=False))
    coalitions = np.arange(1, 13)
    face = Face(chosen, np.ones(effects), coalitions, np.ones(len(coalitions)))
    equations = Equations(face, 2**n)
    block = block_of(coalitions, chosen, 2**n)
    reachable = block @ generator.normal(size=effects)
    np.testing.assert_allclose(equations.pulled(reachable)[0], np.linalg.pinv(block) @ reachable, atol=1e-10)
    directions = equations.directions()
    assert np.abs(block @ directions).max(initial=0.0) < 1e-10
    assert directions.shape[1] == effects - np.linalg.matrix_rank(block)
    anything = generator.normal(size=len(coalitions))
    lost = anything - block @ np.linalg.pinv(block) @ anything
    assert equations.rank == np.linalg.matrix_rank(block)
    np.testing.assert_allclose(equations.left_null_space @ (equations.left_null_space.T @ anything), lost, atol=1e-10)


def test_no_effect_of_a_large_face_touches_its_left_null_space():
    """Errors of 1e-12 here once ended a dual ascent before the canonical point of a game with ties."""
    n, generator = 9, np.random.default_rng(0)
    chosen = np.sort(generator.choice(np.nonzero(possible_effects(n))[0], 498, replace=False))
    coalitions = np.sort(generator.choice(np.arange(1, 2**n), 500, replace=False))
    equations = Equations(Face(chosen, np.ones(498), coalitions, np.ones(500)), 2**n)
    block = block_of(coalitions, chosen, 2**n)
    assert equations.rank == np.linalg.matrix_rank(block)
    assert equations.left_null_space.shape == (500, 500 - equations.rank)
    assert np.abs(block.T @ equations.left_null_space).max() < 1e-13


@pytest.mark.parametrize("seed", range(4))
def test_sparse_game_with_noise_of_float32_at_kappa_zero(seed):
    """Effects of the size of the noise are needed, and no partition by size shows them: only dual ascent finds them."""
    v = network_game(7, seed=seed)
    v = (v / v.abs().max()).float().double()
    found = decompose(v, 0.0)
    assert found.canonical.all()
    renamed = v.view(*[2] * 7).permute(*reversed(range(7))).reshape(-1)
    other = decompose(renamed, 0.0)
    back = other.and_.view(*[2] * 7).permute(*reversed(range(7))).reshape(-1)
    torch.testing.assert_close(back, found.and_, rtol=0, atol=1e-6)


def saturated(n, width, gain, seed):
    """Values of four saturated networks: many coalitions tie, up to float32."""
    generator = torch.Generator().manual_seed(seed)
    players = ((torch.arange(2**n)[:, None] >> torch.arange(n)) & 1).float()
    hidden = torch.tanh(players @ torch.randn(n, width, generator=generator))
    return torch.tanh(gain * hidden @ torch.randn(width, 4, generator=generator)).double()


@pytest.mark.parametrize(
    ("n", "width", "gain", "seed", "bound"),
    [
        (9, 2, 10, 2, 0.1),  # a face of 404 dimensions
        (9, 2, 10, 1, 0.1),  # the path ends at a vertex whose face is another one; multipliers of 1e-7
        (8, 2, 10, 1, 0.05),
        (9, 6, 2, 1, 0.004),
    ],
)
def test_saturated_networks_have_their_canonical_point_under_any_names(n, width, gain, seed, bound):
    v = saturated(n, width, gain, seed)
    limit = bound * (v - v[0]).abs().amax(0)
    found = decompose(v, bound=limit)
    assert found.canonical.all()
    turned = v.view(*[2] * n, 4).permute(*reversed(range(n)), n).reshape(-1, 4)
    other = decompose(turned, bound=limit)
    back = other.and_.view(*[2] * n, 4).permute(*reversed(range(n)), n).reshape(-1, 4)
    torch.testing.assert_close(back, found.and_, rtol=0, atol=1e-6)
    for path in decompose_path(v, [0.05, 0.02]):
        assert path.canonical.all()


def test_interior_point_ends_with_a_proof_when_it_may_not_finish():
    v = network_game(6, seed=2)
    u = (v - v[0]).numpy() / float((v - v[0]).abs().max())
    weight = weights(6, 5e-4)
    rough = solve_interior(u, 0.0, weight, gap=1e-3, finish=False)
    possible = np.isfinite(weight)
    assert rough.point is None
    assert np.abs(u - values_of(rough.effects)).max() < 1e-9
    assert (np.abs(sums_where_firing(rough.multipliers))[possible] <= weight[possible] * (1 + 1e-9)).all()
    strength = float(weight[possible] @ np.abs(rough.effects[possible]))
    assert 0 <= strength - float(u @ rough.multipliers) <= 1e-3 * strength


def scaled_problem(n, seed):
    return problems_of(network_game(n, seed=seed), 0.04, 1e-3, None, weights(n, 5e-4))[0]


def test_interior_point_takes_over_where_the_path_missed_the_canonical_point():
    problem = scaled_problem(5, 1)
    expected = solve([problem], BY_NAME["interior"])[0]
    missed = replace(expected, effects=np.zeros_like(expected.effects), method="path", canonical=False)

    def settled(problem, answer):
        return solve([problem], [Interior()], [Path().accepted(problem, answer)])[0]

    assert settled(problem, missed).method == "interior"
    np.testing.assert_allclose(settled(problem, missed).effects, expected.effects)
    assert settled(replace(problem, canonical=False), missed) is missed
    assert settled(problem, expected) is expected


@pytest.mark.parametrize("seed", range(3))
def test_effects_beyond_their_price_join_a_guess_with_the_sign_of_their_sum(seed):
    """A guess without effects of the optimal face ends at a feasible dual where each guessed effect has its price."""
    problem = scaled_problem(5, seed)
    weight = problem.weight
    best = solve([problem], BY_NAME["interior"])[0]
    face = Face.of(best.multipliers, problem.inner_bound, weight)
    joined = 0
    for lost in range(len(face.effects)):
        kept = np.arange(len(face.effects)) != lost
        guess = replace(face, effects=face.effects[kept], effect_sign=face.effect_sign[kept])
        found = Crossover(problem.u, problem.inner_bound, weight)._dual(guess, np.zeros(len(problem.u)), 100)
        if found is None:
            continue
        y, corrected, _ = found
        sums = sums_where_firing(y)
        assert (np.abs(sums) <= weight * (1 + 1e-9)).all()
        np.testing.assert_allclose(
            sums[corrected.effects], corrected.effect_sign * weight[corrected.effects], rtol=1e-8
        )
        joined += len(corrected.effects) > len(guess.effects)
    assert joined
