"""Surprises: said where an interval excludes the expectation, and nowhere else."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from lk.metrics.intervals import jackknife
from lk.studies.profile import Profile, profile
from lk.studies.surprises import surprises
from tests.helpers.run_folders import LAYERS, interactions

WEIGHTS = jackknife(12)


def run(seed=0, step=20, **changes):
    return interactions(games=12, seed=seed, step=step, epoch=step / 10, salience_ratio=0.05, **changes)


def before(final, step=0):
    """Much the same network at an earlier step."""
    noise = 1 + 0.02 * torch.randn(final.and_.shape, generator=torch.Generator().manual_seed(0))
    return replace(final, and_=final.and_ * noise, step=step)


def said_of(first, marked=()):
    final = run()
    return surprises(first, final, profile(final, WEIGHTS), WEIGHTS, marked)


def test_a_layer_that_training_left_as_it_was_is_named_with_its_interval():
    (text,) = [text for text in said_of(before(run())) if "before training" in text]
    share, added = r"0\.\d\d", r"[+−]?0\.0\d"
    assert re.match(
        rf"Surprising: before training, \w+ already holds {share} \({share} to {share}\) of the strength of the "
        rf"finished output's interactions, and {share} after it\. Training adds less than a tenth: "
        rf"{added} \({added} to {added}\)\. So it is at 3 of 3 layers\.",
        text,
    )


def test_nothing_is_said_where_training_added_to_every_layer():
    assert not any("before training" in text for text in said_of(run(seed=5, step=0), ("first",)))


def test_training_is_judged_from_an_untrained_network_only():
    assert not any("before training" in text for text in said_of(before(run(), step=10)))


def test_marked_layers_are_left_aside():
    assert said_of(before(run()), ("output",)) == []
    assert said_of(before(run()), LAYERS[:3]) == []


@pytest.mark.parametrize(("noise", "count"), [(0.01, 2), (0.5, 0)])
def test_a_deeper_layer_that_holds_less_is_named_where_the_interval_carries_it(noise, count):
    generator, measured = np.random.default_rng(0), []
    for means in ((0.2, 0.8, 0.5), (0.3, 0.1, 0.4)):
        values = generator.normal(size=(12, 3))
        rows = np.asarray(means) + WEIGHTS @ (noise * 12**0.5 * (values - values.mean(0)))
        measured.append(np.column_stack([rows, np.ones(len(rows))]))
    said = surprises(run(step=10), run(), Profile(LAYERS, *measured), WEIGHTS, ())
    assert len(said) == count
    if count:
        assert said[0].startswith("Surprising: third holds less of the output's strength than second before it, by 0.")
        assert said[1].startswith("Surprising: third holds more that the output lacks than second before it, by 0.")
