"""Stability of compared runs: paired over samples, and asked only where every run has its table."""

import numpy as np
import pandas as pd
import pytest

from lk.metrics.intervals import jackknife
from lk.studies.alignment import align
from lk.studies.differences import QUESTIONS, STABILITY, difference_table, questions
from lk.studies.grouping import lines_of
from lk.studies.pairs import PLACES
from lk.studies.stability_by_order import by_sample, has_stability, mean_log_stability, stability_by_order
from tests.helpers.run_folders import write_run


def write_stability(run, value, missing=(), step=20, orders=4, spread=0.01):
    """Stability `value(order)` for all samples, with some spread; samples in `missing` are left out."""
    rows = [
        (
            step,
            "third" if place == PLACES[0] else "output",
            place,
            kind,
            order,
            sample,
            value(order) * (1 + spread * (sample % 3)),
        )
        for place in PLACES
        for kind in ("and", "or")
        for order in range(1, orders + 1)
        for sample in range(100, 108)
        if sample not in missing
    ]
    columns = ["step", "layer", "place", "kind", "order", "sample", "stability"]
    run.write_table("default/stability", pd.DataFrame(rows, columns=columns))


@pytest.fixture
def runs(tmp_path):
    return [write_run(tmp_path / name, seed=seed, samples=8) for seed, name in enumerate(("one", "two"))]


def test_only_where_every_run_has_it(runs):
    assert questions(align(runs))[:-1] == QUESTIONS  # and when
    write_stability(runs[0], float)
    assert not has_stability(align(runs))
    write_stability(runs[1], float, step=2)  # of an earlier checkpoint
    assert not has_stability(align(runs))
    write_stability(runs[1], float)
    assert questions(align(runs))[-2:] == STABILITY


def test_a_sample_that_one_run_lacks_is_left_out_in_all(runs):
    write_stability(runs[0], float, missing=(101,))
    write_stability(runs[1], float, missing=(105,))
    found = by_sample(align(runs))
    assert found.shape == (2, 2, 2, 4, 8)
    assert np.isnan(found[..., [1, 5]]).all()
    assert np.isfinite(np.delete(found, [1, 5], axis=-1)).all()
    aligned = align(runs)
    table = stability_by_order(aligned, lines_of(aligned))
    assert set(table["n"]) == {6}
    row = table[
        (table["run"] == "MLP seed 0 (one)")
        & (table["place"] == "output")
        & (table["kind"] == "or")
        & (table["order"] == 3)
    ].iloc[0]
    assert row["mean"] == pytest.approx(
        3 * (1 + 0.01 * np.mean([100 % 3, 102 % 3, 103 % 3, 104 % 3, 106 % 3, 107 % 3]))
    )
    assert row["low"] < row["mean"] < row["high"]


def test_level_is_the_mean_logarithm(runs):
    """Stabilities of 1000 / 10**m at orders 1 to 4 and twice that.

    log10 is 2, 1, 0, -1, on average 0.5, and log10(2) more.
    """
    write_stability(runs[0], lambda order: 1000 / 10**order)
    write_stability(runs[1], lambda order: 2000 / 10**order)
    aligned = align(runs)
    drawn = mean_log_stability(aligned, jackknife(len(aligned.kept)), "output")
    assert drawn.shape == (9, 2)
    np.testing.assert_allclose(drawn[:, 1] - drawn[:, 0], np.log10(2))
    assert drawn[0, 0] == pytest.approx(0.5 + np.log10(1 + 0.01 * np.mean([s % 3 for s in range(100, 108)])))


def test_orders_that_one_run_lacks_are_not_compared(runs):
    write_stability(runs[0], lambda order: 1000 / 10**order)
    write_stability(runs[1], lambda order: 1000 / 10**order, orders=2)
    aligned = align(runs)
    drawn = mean_log_stability(aligned, jackknife(len(aligned.kept)), "output")
    np.testing.assert_allclose(drawn[:, 0], drawn[:, 1])


def test_a_planted_difference_is_told_with_its_direction(runs):
    write_stability(runs[0], float)
    write_stability(runs[1], lambda order: 3.0 * order, spread=0.02)
    found = difference_table(align(runs))
    assert len(found) == len(QUESTIONS) + 1 + len(STABILITY)
    row = found[found["question"] == STABILITY[0].name].iloc[0]
    assert row["text"].startswith(
        "Of these two runs, MLP seed 0 (two) has more stable interactions at the output than MLP seed 0 (one): "
        "difference 0.48"
    )
