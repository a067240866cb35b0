"""Class means of training and test samples: limits, and halves of equal size."""

import pytest
import torch

from lk.studies.class_means import class_mean_jaccard, halves

LABELS = torch.tensor([0, 0, 0, 1, 1, 1])


def drawn(seed=0):
    effects = torch.randn(2, 16, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    effects[:, 0] = 0
    return effects


def test_limits():
    effects = drawn()
    same = class_mean_jaccard(effects, effects[:, :, [1, 2, 0, 5, 3, 4]], LABELS)  # other samples, equal means
    torch.testing.assert_close(same[1:], torch.ones(4, dtype=torch.float64))
    assert class_mean_jaccard(effects, -effects, LABELS)[1:].tolist() == [0.0] * 4
    assert 0 < float(class_mean_jaccard(effects, drawn(1), LABELS)[2]) < 1


def test_a_sample_that_is_left_out_does_not_count():
    effects, other = drawn(), drawn(1)
    weights = torch.tensor([1.0, 1, 0, 1, 1, 1])
    found = class_mean_jaccard(effects, other, LABELS, weights)
    changed = effects.clone()
    changed[..., 2] = 100.0
    torch.testing.assert_close(class_mean_jaccard(changed, other, LABELS, weights), found, equal_nan=True)
    # A class without samples is passed over.
    only = class_mean_jaccard(effects, other, LABELS, torch.tensor([1.0, 1, 1, 0, 0, 0]))
    torch.testing.assert_close(only, class_mean_jaccard(effects[..., :3], other[..., :3], LABELS[:3]), equal_nan=True)


def test_halves_are_of_equal_size_and_apart():
    effects = drawn()
    place = torch.tensor([0, 1, 2, 0, 1, 2])
    first, second = halves(effects, LABELS, place)
    torch.testing.assert_close(first, effects[..., [0, 3]])
    torch.testing.assert_close(second, effects[..., [1, 4]])
    assert float(class_mean_jaccard(first, first, torch.tensor([0, 1]))[1]) == pytest.approx(1)
