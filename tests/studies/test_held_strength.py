"""What other networks hold: by hand, chance by enumeration, and shapes over orders."""

from itertools import combinations

import numpy as np
import pytest
import torch

from lk.interactions import by_order
from lk.studies.held_strength import held_strength, shape_of, thirds
from lk.transforms import orders


def random_signs(*shape, seed=0):
    signs = torch.randint(-1, 2, shape, generator=torch.Generator().manual_seed(seed))
    signs[..., 0, :] = 0
    return signs


def test_half_of_the_networks_is_enough_to_share():
    signs = random_signs(2, 16, 5)
    found = held_strength(signs.double(), signs, torch.stack([signs, -signs]))
    torch.testing.assert_close(found.shared, found.total)


def test_parts_add_up():
    signs, references = random_signs(2, 16, 5), random_signs(3, 2, 16, 5, seed=1)
    effects = torch.rand(2, 16, 5) * signs
    found = held_strength(effects, signs, references)
    torch.testing.assert_close(found.total, by_order(effects.abs().double().sum(0)))
    every = held_strength(effects, signs, signs[None])
    torch.testing.assert_close(every.held, every.total)
    torch.testing.assert_close(every.shared, every.total)
    assert not every.alone.any()
    none = held_strength(effects, signs, -signs[None])
    torch.testing.assert_close(none.alone, none.total)
    assert (found.held <= found.total).all()
    assert (found.alone + found.shared <= found.total + 1e-12).all()


def test_chance_is_the_mean_over_all_sets_of_the_same_size():
    """One kind and order: three candidates, of which the reference network holds two positive ones."""
    effects = torch.zeros(2, 8, 1)
    pairs = [index for index in range(8) if orders(3)[index] == 2]
    effects[0, pairs[0]], effects[0, pairs[1]] = 2.0, 3.0
    held = []
    for chosen in combinations(pairs, 2):
        reference = torch.zeros(1, 2, 8, 1)
        reference[0, 0, list(chosen)] = 1
        found = held_strength(effects, effects.sign(), reference)
        held.append(found.held[2].item())
    assert found.chance[2].item() == pytest.approx(np.mean(held))


def test_chance_tells_signs_apart():
    effects = torch.zeros(2, 8, 1)
    effects[0, 1] = -1.0
    reference = torch.zeros(1, 2, 8, 1)
    reference[0, 0, [1, 2, 4]] = 1
    assert held_strength(effects, effects.sign(), reference).chance.sum() == 0


def test_samples_are_on_their_own():
    signs, references = random_signs(2, 16, 5), random_signs(2, 2, 16, 5, seed=1)
    moved = torch.tensor([3, 1, 4, 0, 2])
    found = held_strength(signs.double(), signs, references)
    other = held_strength(signs.double()[..., moved], signs[..., moved], references[..., moved])
    for a, b in zip(found, other, strict=True):
        torch.testing.assert_close(a[:, moved], b)


@pytest.mark.parametrize("n", [4, 8, 9, 10, 12])
def test_thirds_hold_every_order_once(n):
    parts = [list(range(n + 1))[part] for part in thirds(n)]
    assert [order for part in parts for order in part] == list(range(1, n + 1))
    assert all(parts)


def test_shapes():
    falls, spindle = shape_of(np.array([8.0, 4, 2, 1, 0])), shape_of(np.array([0.0, 1, 4, 1, 0]))
    assert (falls.peak, falls.spearman, falls.decreasing) == (1, pytest.approx(-1), pytest.approx(1))
    assert (spindle.peak, spindle.unimodal) == (3, pytest.approx(1))
    assert spindle.decreasing < 0.6
    assert shape_of(np.array([1.0, 0, 1, 0, 1])).unimodal < 0.5
    assert np.isnan(shape_of(np.zeros(4)).spearman)
