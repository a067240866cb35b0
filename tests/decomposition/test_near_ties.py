"""The canonical flag on games whose values nearly tie: never two answers to one game, and most games flagged."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lk.decomposition import canonical as proof
from lk.decomposition import decompose
from lk.decomposition.canonical import distances, is_canonical
from lk.decomposition.operator import possible_effects, values_of
from lk.decomposition.problem import problems_of, weights
from lk.decomposition.solvers import SOLVERS, solve
from lk.interactions import interactions_of
from lk.interactions.interactions import Interactions

SEEDS = range(6)


def tied(n, seed):
    """Whole numbers, so that many decompositions are equally sparse."""
    generator = np.random.default_rng(seed)
    present = np.arange(2**n)[:, None] >> np.arange(n) & 1
    v = [
        (np.arange(2**n) == 3).astype(float),
        np.abs(present @ generator.integers(-2, 3, n) - 1).astype(float),
        generator.integers(-1, 2, 2**n).astype(float),
    ][seed % 3]
    return v - v[0]


def near_tie(n, noise, seed):
    v = tied(n, seed)
    return v + noise * np.abs(v).max() * np.random.default_rng(100 + seed).standard_normal(2**n)


def met_again(v, kappa):
    """The same game in other words, each with the way back of its effects."""
    n, index = len(v).bit_length() - 1, np.arange(len(v))
    renamed = sum((index >> player & 1) << (player + 2) % n for player in range(n))
    moved = np.empty_like(v)
    moved[renamed] = v
    found = [
        (v, lambda a, o: (a, o)),
        (moved, lambda a, o: (a[renamed], o[renamed])),
        (-v, lambda a, o: (-a, -o)),
        (v + 1.7, lambda a, o: (a, o)),
        (3.7 * v, lambda a, o: (a / 3.7, o / 3.7)),
        (2.0**-40 * v, lambda a, o: (2.0**40 * a, 2.0**40 * o)),
    ]
    if kappa == 0:
        size = np.array([coalition.bit_count() for coalition in range(2**n)])
        found.append((-v[::-1].copy(), lambda a, o: (np.where(size == 1, a + o, o), np.where(size > 1, a, 0.0))))
    return found


def answers(v, kappa):
    """Effects, brought back, and flags of all variants."""
    met = met_again(v, kappa)
    found = decompose(torch.from_numpy(np.stack([values for values, _ in met], 1)), kappa)
    and_, or_ = found.and_.numpy().copy(), found.or_.numpy()
    and_[0] = 0.0
    effects = [np.stack(back(and_[:, place], or_[:, place])) for place, (_, back) in enumerate(met)]
    return np.stack(effects), found.canonical.numpy()


def contradictions(noise, kappa, seeds=SEEDS):
    """Pairs of flagged answers to one game that differ by more than 1e-6 of the largest effect; flags."""
    wrong, flags = 0, []
    for seed in seeds:
        effects, canonical = answers(near_tie(4 + seed % 3, noise, seed), kappa)
        known = effects[canonical]
        wrong += sum(np.abs(each - known[0]).max() > 1e-6 * np.abs(known[0]).max() for each in known[1:])
        flags += canonical.tolist()
    return wrong, flags


@pytest.mark.parametrize("kappa", [0.0, 0.04])
@pytest.mark.parametrize("noise", [1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14])
def test_one_game_has_one_answer_however_it_is_met(noise, kappa):
    wrong, flags = contradictions(noise, kappa)
    assert wrong == 0
    assert np.mean(flags) > (0.5 if noise < 1e-11 else 0.8)


def test_noise_does_not_choose_between_and_and_or():
    """One on two of four players: half AND, half OR, and so it stays with noise of 1e-8, whatever the sign."""
    v = (np.arange(16) == 3) + 1e-8 * np.random.default_rng(0).standard_normal(16)
    clean = decompose(torch.from_numpy((np.arange(16) == 3).astype(float)), 0.0)
    noisy = decompose(torch.from_numpy(np.stack([v, -v], 1)), 0.0)
    assert noisy.canonical.all()
    assert clean.canonical.item()
    torch.testing.assert_close(noisy.and_[1:, 0], -noisy.and_[1:, 1], rtol=0, atol=1e-9)
    torch.testing.assert_close(noisy.or_[:, 0], -noisy.or_[:, 1], rtol=0, atol=1e-9)
    torch.testing.assert_close(noisy.or_[:, 0], clean.or_, rtol=0, atol=1e-5)


def test_a_flag_without_a_proof_is_found_out(monkeypatch):
    monkeypatch.setattr(proof, "is_canonical", lambda *_: True)
    assert sum(contradictions(noise, kappa)[0] for noise in (1e-8, 1e-10, 1e-12) for kappa in (0.0, 0.04)) > 0


@pytest.mark.parametrize("kappa", [0.0, 0.04])
@pytest.mark.parametrize("seed", range(3))
def test_the_proven_distance_of_two_answers_is_never_below_the_true_one(kappa, seed, monkeypatch):
    """Effects and multipliers moved by any amount.

    Each answer's own radius bounds the distance to every other, once it pays for the floor.
    """
    n, generator = 4, np.random.default_rng(seed)
    weight, possible = weights(n, 5e-4), possible_effects(n)
    problem = problems_of(torch.from_numpy(generator.standard_normal(2**n)), kappa, 1e-3, None, weight)[0]
    best = solve([problem], SOLVERS)[0]
    assert best.canonical
    for size in (1e-7, 1e-4, 1e-2, 1.0):
        met = [(best.effects, best.multipliers), (np.zeros(2 * 2**n), np.zeros(2**n))]
        for still in (0, 1):
            effects = best.effects + np.where(possible, size * generator.standard_normal(2 * 2**n), 0.0)
            met.append((effects, best.multipliers + still * size * generator.standard_normal(2**n)))
        beyond = max(float(np.abs(problem.u - values_of(effects)).max()) for effects, _ in met) - problem.inner_bound
        monkeypatch.setattr(proof, "_BEYOND", max(beyond, 0.0) / np.ptp(problem.u))
        radii = [
            distances(problem, replace(best, effects=effects, multipliers=multipliers), np.zeros(2**n))[1]
            for effects, multipliers in met
        ]
        for (first, _), one in zip(met, radii, strict=True):
            for (second, _), other in zip(met, radii, strict=True):
                assert np.hypot(one, other) * np.sqrt(2) >= np.linalg.norm(first - second)


def test_effects_that_miss_the_game_are_not_flagged_whatever_their_multipliers():
    """No effects and no multipliers have no gap and nothing to pay: only a floor for the mismatch refuses them."""
    v = torch.from_numpy(np.random.default_rng(0).standard_normal(16))
    problem = problems_of(v, 0.04, 1e-3, None, weights(4, 5e-4))[0]
    assert not is_canonical(problem, problem.without_effects("none", optimal=False), np.zeros(16))


def test_values_far_from_zero_are_not_flagged():
    """A shift of 1e12 leaves four digits of the values: no answer is proven to be that of the game that was meant."""
    v = torch.from_numpy(near_tie(4, 1e-4, 1))
    assert decompose(v, 0.0).canonical.item()
    assert not decompose(v + 1e12, 0.0).canonical.item()


def test_the_flag_is_stored_and_files_without_it_load(tmp_path):
    stored = interactions_of(
        torch.from_numpy(np.stack([tied(4, 0), near_tie(4, 1e-4, 1)], 1))[:, None], ["output"], kappa=0
    )
    stored.save(tmp_path / "new.safetensors")
    assert torch.equal(Interactions.load(tmp_path / "new.safetensors").canonical, stored.canonical)
    assert stored.select([1]).canonical.shape == (1, 1)
    replace(stored, canonical=None).save(tmp_path / "old.safetensors")
    assert Interactions.load(tmp_path / "old.safetensors").canonical is None
