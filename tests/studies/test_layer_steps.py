"""Steps between layers: by hand, and no more said than the samples carry."""

import numpy as np
import pytest

from lk.metrics.intervals import jackknife
from lk.studies.alignment import align
from lk.studies.grouping import by_architecture, lines_of
from lk.studies.layer_steps import DROPPED, LEARNED, described, half, layer_steps
from lk.studies.profile import Profile, profile
from tests.helpers.run_folders import write_run

FOUR = ("a", "b", "c", "output")


def measured(means, error=0.001, samples=50):
    """Numbers for each row of the jackknife: of samples that spread about the means.

    Which have so large a standard error.
    """
    values = np.random.default_rng(0).normal(size=(samples, len(means)))
    values[:, -1] = 0  # the output is 1 or 0 by definition
    return np.asarray(means) + jackknife(samples) @ (error * samples**0.5 * (values - values.mean(0)))


def test_steps_by_hand():
    own = Profile(FOUR, measured([0.2, 0.3, 0.7, 1.0]), measured([0.5, 0.6, 0.2, 0.0]))
    np.testing.assert_allclose(own.learned[0], [0.1, 0.4, 0.3])
    np.testing.assert_allclose(own.dropped[0], [-0.1, 0.4, 0.2])
    text = described(own)
    assert text.startswith(
        "half of the targets are there by relative depth 0.67 (between 0.67 and 0.67 by the 95 % intervals of "
        "completeness), at c; "
    )
    assert text.endswith("most redundancy is dropped between b and c: 0.40 (0.40 to 0.40), the largest drop.")


def test_the_step_into_the_output_is_not_the_last_word():
    own = Profile(FOUR, measured([0.2, 0.3, 0.4, 1.0]), measured([0.9, 0.7, 0.6, 0.0]))
    text = described(own)
    assert "at output; most redundancy is dropped between c and output: 0.60" in text
    assert "; between hidden layers most redundancy is dropped between a and b: 0.20" in text


def test_a_drop_within_the_noise_is_not_named():
    own = Profile(("a", "b", "output"), measured([0.1, 0.6, 1.0]), measured([0.30, 0.29, 0.28], error=0.2))
    assert "no drop of redundancy is shown (the largest, between a and b: 0.01" in described(own)


def test_undefined_layers_are_passed_over():
    """A layer without salient strength has no redundancy, and one against an empty output no completeness."""
    own = Profile(FOUR, measured([np.nan, np.nan, 0.8, 1.0]), measured([np.nan, 0.5, 0.2, 0.0]))
    assert half(own) == (2, 2, 2)
    assert "between b and c: 0.30" in described(own)


def test_where_half_is_there_is_as_sure_as_the_intervals():
    own = Profile(FOUR, measured([0.3, 0.48, 0.7, 1.0], error=0.05), measured([0.5, 0.4, 0.2, 0.0]))
    assert half(own) == (2, 1, 2)
    assert "relative depth 0.67 (between 0.33 and 0.67 by the 95 % intervals of completeness); " in described(own)
    close = Profile(FOUR, measured([0.2, 0.3, 0.7, 1.0]), measured([0.5, 0.3, 0.1, 0.0], error=0.03))
    assert "not surely the largest drop" in described(close)


def test_too_few_samples_leave_every_place_open():
    own = Profile(FOUR, measured([0.2, 0.3, 0.7, 1.0], samples=5), measured([0.5, 0.6, 0.2, 0.0], samples=5))
    assert half(own) == (2, 0, 3)
    assert "no drop of redundancy is shown (the largest, between b and c: 0.40 (no interval))" in described(own)


def test_nothing_but_the_output():
    assert described(Profile(("output",), measured([1.0]), measured([0.0]))) == "no hidden layer was read."


def test_steps_of_runs_add_up(tmp_path):
    aligned = align(
        [
            write_run(tmp_path / "left", seed=1),
            write_run(tmp_path / "right", seed=2, layers=("x", "output"), at_chance=("x",)),
        ]
    )
    table, texts = layer_steps(aligned, lines_of(aligned))
    assert len(table) == 2 * (3 + 1)
    own = profile(aligned.final[0], jackknife(len(aligned.kept)))
    left = table[table["run"] == "MLP seed 0 (left)"]
    assert left.loc[left["quantity"] == LEARNED, "mean"].sum() == pytest.approx(1 - own.completeness[0, 0])
    assert left.loc[left["quantity"] == DROPPED, "mean"].sum() == pytest.approx(own.redundancy[0, 0])
    assert left["depth"].unique().tolist() == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    assert not left["marked"].any()
    assert table.loc[table["run"] == "MLP seed 0 (right)", "marked"].all()
    assert texts[0].startswith("MLP seed 0 (left): half of the targets")
    assert texts[1] == "MLP seed 0 (right): no hidden layer is left. Marked † and left aside: x."


def test_a_line_of_several_runs_has_their_median(tmp_path):
    aligned = align([write_run(tmp_path / f"r{seed}", seed=seed, training_seed=seed) for seed in range(3)])
    table, (text,) = layer_steps(aligned, by_architecture(aligned.members))
    means = table[(table["quantity"] == LEARNED) & (table["after"] == "output")]
    assert means["run"].tolist() == ["", "MLP seed 0", "MLP seed 1", "MLP seed 2"]
    assert means["mean"].iloc[0] == pytest.approx(means["mean"].iloc[1:].mean())
    depths = [profile(f, jackknife(6)).depth[half(profile(f, jackknife(6)))[0]] for f in aligned.final]
    assert text.startswith(
        f"MLP: half of the targets are there by relative depth {np.median(depths):.2f} in the median of 3"
    )
