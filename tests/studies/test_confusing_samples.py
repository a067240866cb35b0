"""Confusing samples: planted, and the overlap that chance gives."""

import pytest
import torch

from lk.studies.confusing_samples import chance_overlap, confusion


def test_a_planted_sample_is_flagged():
    effects = torch.zeros(2, 16, 20)
    effects[0, 1] = 1.0
    effects[0, 15] = 0.1 + 0.01 * torch.arange(20)
    effects[0, 15, 7], effects[0, 14, 7] = 2.0, -2.0  # orders 4 and 3 that cancel
    found = confusion(effects, effects != 0, torch.arange(20) != 7)
    assert found.flagged.nonzero()[:, 0].tolist() == [7]
    assert found.cancellation[7] == 1
    assert found.high[7] == pytest.approx(4 / 5)
    assert not found.cancellation[:7].any()  # a single effect cancels nothing


def test_effects_that_are_not_salient_do_not_count():
    effects = torch.zeros(2, 16, 3)
    effects[0, 15] = 1.0
    found = confusion(effects, torch.zeros_like(effects, dtype=torch.bool), torch.ones(3, dtype=torch.bool))
    assert not found.high.any()
    assert not found.flagged.any()


def test_all_wrong_is_no_error():
    effects = torch.rand(2, 16, 6, generator=torch.Generator().manual_seed(0))
    assert confusion(effects, effects > 0.1, torch.zeros(6, dtype=torch.bool)).flagged.shape == (6,)


def test_overlap_by_chance():
    a, b = torch.arange(10) < 2, torch.arange(10) < 5
    both, expected, p = chance_overlap(a, b)
    assert (both, expected) == (2, 1.0)
    assert p == pytest.approx(5 * 4 / (10 * 9))
    assert chance_overlap(a, torch.zeros(10, dtype=torch.bool)) == (0, 0.0, 1.0)
