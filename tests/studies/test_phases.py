"""Phases: the border by hand, no bias of a chosen minimum, and the opening of the loss gap."""

import numpy as np
import pandas as pd
import pytest
import torch

from lk.metrics.intervals import interval, jackknife
from lk.studies.averages import weighted_mean
from lk.studies.phases import gap_opens, loss_gap, lowest, order_centre, phase_end, since_lowest


def curve(means, error=0.01, samples=20, seed=0):
    """Order centres of samples that spread about the means."""
    generator = torch.Generator().manual_seed(seed)
    return torch.tensor(means)[:, None] + error * torch.randn(len(means), samples, generator=generator)


def test_order_centre_counts_both_kinds_and_salient_effects_alone():
    effects = torch.zeros(2, 8, 1, 2)
    effects[0, 1, 0, 0], effects[1, 7, 0, 0], effects[0, 3, 0, 0] = 1.0, -3.0, 100.0
    chosen = effects.abs().clamp(max=1).bool()
    chosen[0, 3] = False
    found = order_centre(effects, chosen)
    assert found[0, 0].item() == pytest.approx((1 * 1 + 3 * 3) / 4)
    assert torch.isnan(found[0, 1])  # nothing is salient


def test_order_centre_ignores_the_names_of_players():
    generator = torch.Generator().manual_seed(0)
    effects = torch.randn(2, 16, 1, 3, generator=generator)
    effects[:, 0] = 0
    renamed = [sum(((index >> old) & 1) << new for new, old in enumerate([2, 0, 3, 1])) for index in range(16)]
    torch.testing.assert_close(
        order_centre(effects[:, renamed], effects[:, renamed] != 0), order_centre(effects, effects != 0)
    )


def test_phase_end_by_hand():
    assert phase_end(curve([3.0, 2.0, 1.5, 1.8, 2.2, 2.2])) == 2
    assert phase_end(curve([3.0, 2.0, 1.5, 1.8, 1.8, 1.8])) is None  # a single rise
    assert phase_end(curve([3.0, 2.5, 2.0, 1.5, 1.0])) is None
    assert phase_end(curve([1.0, 1.5, 2.0, 2.5])) is None  # nothing fell before
    assert phase_end(curve([3.0, 2.0, 2.3, 2.6, 2.5], error=3.0)) is None  # within the noise


def test_phase_end_passes_over_checkpoints_that_say_nothing():
    found = curve([3.0, 1.0, 1.2, 1.5, 1.8, 2.1])
    assert phase_end(found) == 1
    assert phase_end(found, torch.tensor([False, False, False, True, True, True])) == 3
    assert phase_end(found, torch.zeros(6, dtype=torch.bool)) is None
    assert phase_end(torch.full((5, 4), torch.nan)) is None


def test_a_chosen_minimum_has_no_bias():
    """Of a flat curve the last checkpoint lies above the least mean, and not above one that other samples chose."""
    naive, ours = [], []
    for seed in range(200):
        flat = curve([2.0] * 8, error=1.0, seed=seed)
        naive.append(float((flat[-1] - flat[lowest(flat)]).mean()))
        ours.append(float(since_lowest(flat, -1).mean()))
    error = np.std(ours) / 200**0.5
    assert np.mean(naive) > 10 * error
    assert abs(np.mean(ours)) < 3 * error


def test_the_interval_of_a_rise_covers_the_truth():
    """False alarms of a flat curve, of 5 % at both ends together."""
    alarms = []
    for seed in range(300):
        found = interval(weighted_mean(jackknife(30), since_lowest(curve([2.0] * 6, 1.0, 30, seed), -1)))
        alarms.append(float(found.p) < 0.05)
    assert np.mean(alarms) < 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


def test_since_lowest_by_hand():
    found = since_lowest(curve([3.0, 1.0, 2.5], error=0.001), -1)
    np.testing.assert_allclose(found.numpy(), 1.5, atol=0.02)
    np.testing.assert_allclose(since_lowest(curve([3.0, 1.0, 2.5], error=0.001), 0).numpy(), 2.0, atol=0.02)


def test_loss_gap():
    rows = [
        (e, f"{split}/loss", v)
        for e, (a, b) in enumerate([(2.0, 2.5), (1.0, 2.0)], 1)
        for split, v in (("train", a), ("test", b))
    ]
    table = pd.DataFrame([*rows, (1, "test/accuracy", 0.5)], columns=["epoch", "quantity", "value"])
    assert loss_gap(table)["gap"].tolist() == [0.5, 1.0]
    assert not len(loss_gap(table[table["quantity"] == "train/loss"]))
    assert not len(loss_gap(table.iloc[:0]))


def test_gap_opens():
    epochs, rng = np.arange(1.0, 21.0), np.random.default_rng(0)
    noise = 0.02 * rng.normal(size=(20, 3))
    ramp = np.maximum(0, epochs - 10)[:, None] * 0.1
    assert 6 <= gap_opens(epochs, ramp + noise).epoch <= 10
    assert np.isnan(gap_opens(epochs, -ramp + 0.001 * noise).epoch)
    assert np.isnan(gap_opens(epochs[:1], ramp[:1]).epoch)
