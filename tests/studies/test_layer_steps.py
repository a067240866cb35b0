"""Steps between layers: by hand, and no more said than the draws carry."""

import numpy as np
import pytest
from run_folders import write_run

from lk.metrics.bootstrap import resamples
from lk.studies.alignment import align
from lk.studies.layer_steps import DROPPED, LEARNED, Profile, described, layer_steps, profile

FOUR = ("a", "b", "c", "output")


def drawn(rows, draws=50, noise=0.0):
    """The same values in each draw, plus noise."""
    values = np.array([rows] * (draws + 1), dtype=float)
    values[1:] += noise * np.random.default_rng(0).normal(size=values[1:].shape)
    return values


def test_steps_by_hand():
    own = Profile(FOUR, drawn([0.2, 0.3, 0.7, 1.0]), drawn([0.5, 0.6, 0.2, 0.0]))
    np.testing.assert_allclose(own.learned[0], [0.1, 0.4, 0.3])
    np.testing.assert_allclose(own.dropped[0], [-0.1, 0.4, 0.2])
    assert own.half()[0] == pytest.approx(2 / 3)
    text = described(own)
    assert text.startswith("half of the targets are there by relative depth 0.67 (95 % interval 0.67 to 0.67), at c; ")
    assert text.endswith("most redundancy is dropped between b and c: 0.40 (0.40 to 0.40), the largest drop in 100 % of the draws.")


def test_the_step_into_the_output_is_not_the_last_word():
    own = Profile(FOUR, drawn([0.2, 0.3, 0.4, 1.0]), drawn([0.9, 0.7, 0.6, 0.0]))
    text = described(own)
    assert "at output; most redundancy is dropped between c and output: 0.60" in text
    assert "; between hidden layers most redundancy is dropped between a and b: 0.20" in text


def test_a_drop_within_the_noise_is_not_named():
    own = Profile(("a", "b", "output"), drawn([0.1, 0.6, 1.0]), drawn([0.30, 0.29, 0.28], noise=0.2))
    assert "no drop of redundancy is shown (the largest, between a and b: 0.01" in described(own)


def test_undefined_layers_are_passed_over():
    """A layer without salient strength has no redundancy, and one against an empty output no completeness."""
    own = Profile(FOUR, drawn([np.nan, np.nan, 0.8, 1.0]), drawn([np.nan, 0.5, 0.2, 0.0]))
    assert own.half()[0] == pytest.approx(2 / 3)
    assert "between b and c: 0.30" in described(own)


def test_nothing_but_the_output():
    assert described(Profile(("output",), drawn([1.0]), drawn([0.0]))) == "no hidden layer was read."


def test_steps_of_runs_add_up(tmp_path):
    aligned = align([write_run(tmp_path / "left", seed=1), write_run(tmp_path / "right", seed=2, layers=("x", "output"), at_chance=("x",))])
    table, texts = layer_steps(aligned, 40)
    assert len(table) == 2 * (3 + 1)
    own = profile(aligned.final[0], resamples(len(aligned.kept), 40))
    left = table[table["run"] == "left"]
    assert left.loc[left["quantity"] == LEARNED, "mean"].sum() == pytest.approx(1 - own.completeness[0, 0])
    assert left.loc[left["quantity"] == DROPPED, "mean"].sum() == pytest.approx(own.redundancy[0, 0])
    assert left["depth"].unique().tolist() == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    assert not left["marked"].any()
    assert table.loc[table["run"] == "right", "marked"].all()
    assert texts[0].startswith("left: half of the targets")
    assert texts[1] == "right: no hidden layer is left. Marked † and left aside: x."
