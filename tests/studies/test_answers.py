"""What a page says of one run: nothing that the intervals do not carry, and nothing of marked layers."""

import numpy as np
import pandas as pd
import pytest

from lk.metrics.intervals import jackknife
from lk.studies.answers import on_epochs, on_few, on_layers, on_low_signal, on_salience
from lk.studies.low_signal import low_signal
from lk.studies.profile import Profile

LAYERS = ("layer1", "layer2", "layer3", "output")


def profile(completeness, noise=0.0, redundancy=(0.5, 0.4, 0.3), layers=LAYERS, shared=False, samples=60):
    """Of samples about given means with a standard error of `noise`.

    With `shared` it is that of the sample, the same for all layers.
    """
    generator = np.random.default_rng(0)
    measured = []
    for means in (completeness, redundancy):
        values = generator.normal(size=(samples, 1 if shared else len(means))) + (
            1e-3 * generator.normal(size=(samples, len(means)))
        )
        values = noise * samples**0.5 * (values - values.mean(0))
        rows = np.asarray(means) + jackknife(samples) @ values
        measured.append(np.column_stack([rows, np.ones(len(rows))]))
    return Profile(layers, *measured)


def test_a_half_that_the_interval_carries_is_named():
    text = on_layers(profile((0.2, 0.7, 0.9), 0.01))
    assert text.startswith(
        "Half of the output's salient strength is first present at layer2: completeness 0.70 (0.68 to 0.72)."
    )
    assert on_layers(profile((0.8, 0.85, 0.9), 0.01)).startswith("Already the first layer, layer1, holds half")


def test_a_half_within_the_noise_is_left_open():
    """`first present at layer 2: .52 (.43 to .63)` claimed more than its interval."""
    text = on_layers(profile((0.2, 0.52, 0.75), 0.05))
    assert "first present at layer2" not in text
    assert text.startswith("Half of the output's salient strength is present at layer3: completeness 0.75 (")
    assert "The samples do not decide whether it is there before: layer2 0.52 (0.4" in text
    assert on_layers(profile((0.2, 0.4, 0.52), 0.05)).startswith(
        "The samples do not decide whether a hidden layer holds half"
    )
    assert on_layers(profile((0.1, 0.2, 0.3), 0.01)).startswith(
        "No hidden layer holds half of the output's salient strength: completeness is at most 0.30 ("
    )


def test_a_difference_of_layers_has_a_paired_interval():
    """Both layers move with the sample: their difference is sure where each of them is not."""
    own = profile((0.4, 0.5, 0.9), 0.2, shared=True)
    assert "Completeness rises most from layer2 to layer3: +0.40 (0.40 to 0.40)." in on_layers(own)
    loose = on_layers(profile((0.40, 0.41, 0.42), 0.1))
    assert "rises" not in loose  # the interval holds zero
    assert "Completeness rises from layer1 to layer2: +0.20 (0." in on_layers(
        profile((0.2, 0.4, 0.59), 0.02)
    )  # but not by most for sure


def test_the_highest_redundancy_is_named_only_where_it_is_sure():
    assert "Redundancy is highest at layer1: 0.50 (" in on_layers(profile((0.2, 0.4, 0.6), 0.01))
    text = on_layers(profile((0.2, 0.4, 0.6), 0.05, redundancy=(0.41, 0.40, 0.39)))
    assert "Redundancy of layer1: 0.41 (" in text
    assert text.endswith("the samples do not decide which layer has most.")


def test_too_few_samples_decide_nothing():
    text = on_layers(profile((0.2, 0.7, 0.9), 0.01, samples=5))
    assert text.startswith(
        "The samples do not decide whether a hidden layer holds half of the output's salient strength: completeness is "
        "at most 0.90 (no"
    )
    assert "rises" not in text
    assert text.endswith("the samples do not decide which layer has most.")
    assert on_few(5).startswith(
        "No number has an interval, and no difference is judged: 5 samples are explained, and an interval needs 6."
    )
    assert on_few(6) == ""


def test_marked_layers_are_left_aside():
    text = on_layers(profile((0.9, 0.2, 0.3), 0.01, redundancy=(0.9, 0.4, 0.3)), {"layer1"})
    assert "layer1" not in text
    assert text.startswith("No hidden layer holds half")
    assert on_layers(profile((0.9, 0.2, 0.3)), {"layer1", "layer2", "layer3"}) == ""
    assert on_layers(Profile(("output",), np.ones((3, 1)), np.zeros((3, 1)))).startswith("No hidden layer was read")


def epochs(rows, marked=()):
    """Completeness of the output against the finished one: `(mean, low, high)` by epoch."""
    table = pd.DataFrame(
        [{"step": i, "epoch": float(i), "mean": m, "low": low, "high": high} for i, (m, low, high) in enumerate(rows)]
    )
    return table.assign(
        kind="both",
        order=0,
        layer="output",
        depth=1.0,
        quantity="completeness",
        reference="final output",
        marked=table["step"].isin(marked),
    )


END = (1.0, 1.0, 1.0)


def test_the_first_epoch_with_half_needs_its_interval_and_no_mark():
    sure, open_, low = (0.7, 0.6, 0.8), (0.55, 0.45, 0.65), (0.2, 0.1, 0.3)
    assert (
        "epoch 1 is the first checkpoint at which the output holds half of its final interactions: 0.70 (0.60 to 0.80)"
        in on_epochs(epochs([low, sure, END]))
    )
    text = on_epochs(epochs([low, open_, sure, END]))
    assert "at epoch 2 the output holds half" in text
    assert "do not decide whether it did at epoch 1: 0.55 (0.45 to 0.65)" in text
    # `epoch 0 is the first checkpoint ...` was said of an output at chance.
    assert "epoch 0" not in on_epochs(epochs([sure, low, END], marked=(0,)))
    assert on_epochs(epochs([sure, sure, END], marked=(2,))) == ""
    assert on_epochs(epochs([sure, END], marked=(0,))) == ""
    assert on_epochs(epochs([END])) == ""
    assert "epoch 1, the last checkpoint before the end, the output held 0.20 (0.10 to 0.30)" in on_epochs(
        epochs([open_, low, END])
    )


def test_shares_of_counts_have_intervals_too():
    counts = pd.DataFrame(
        [
            {
                "layer": "output",
                "kind": "both",
                "order": 0,
                "step": 1,
                "depth": 1.0,
                "mean": 16.65,
                "low": 13.0,
                "high": 20.0,
                "n": 20,
            }
        ]
    )
    assert on_salience(counts, 8) == (
        "At the output an explained sample has 16.7 (13.0 to 20.0) salient interactions, 3.3 (2.6 to 4.0) % of the 502 "
        "possible among 8 players (n = 20 samples)."
    )


def test_a_marked_output_is_named_with_its_numbers():
    games = pd.DataFrame({"step": [0, 0, 9, 9], "layer": ["a", "output"] * 2, "reach": [1.0, 2.0, 1.0, 0.01]})
    probes = pd.DataFrame(
        {
            "step": [0, 9],
            "layer": ["output"] * 2,
            "accuracy": [0.9, 0.52],
            "samples": [500] * 2,
            "chance": [0.51] * 2,
            "at_chance": [False, True],
        }
    )
    found = low_signal(games, probes)
    text = on_low_signal(found, {0: 0.0, 9: 2.0}, probes)
    assert text.startswith(
        "Marked †: the finished network is not shown to be better than chance: it is right on 52.0 (47.6 to 56.3) % of "
        "500"
    )
    assert "naming the most frequent class on 51.0 %" in text
    assert "masking hardly moves the output of the finished network (mean |v(N) − v(∅)| 0.01 nats)" in text
    assert text.endswith("may be noise.")


@pytest.mark.parametrize("marked", [False, True])
def test_hidden_marks_and_earlier_ones(marked):
    games = pd.DataFrame(
        {"step": [0, 0, 9, 9], "layer": ["a", "output"] * 2, "reach": [0.001, 2.0, 0.001 if marked else 1.0, 2.0]}
    )
    text = on_low_signal(low_signal(games), {0: 0.0, 9: 2.0})
    assert "Marked at earlier checkpoints: a at epoch 0." in text
    assert ("Marked † in the finished network, to be read with care: a (" in text) == marked
