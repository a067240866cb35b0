"""Which runs share a line, and that a line is the mean of its runs."""

import numpy as np
import pandas as pd
import pytest

from lk.metrics.intervals import jackknife
from lk.studies.alignment import align
from lk.studies.averages import counts
from lk.studies.grouping import MOST_LINES, line_table, lines_of
from lk.studies.run_tables import layer_table, mean_over, order_table, over_runs
from tests.helpers.run_folders import write_run


def runs_of(tmp_path, seeds, networks=("MLP", "VGG11"), **settings):
    return [
        write_run(
            tmp_path / f"{name}-{s}",
            seed=17 * s + len(name),
            training_seed=s,
            network=f"lk.networks.{name}",
            **settings,
        )
        for name in networks
        for s in range(seeds)
    ]


def test_architectures_share_a_line_from_three_seeds_on(tmp_path):
    aligned = align(runs_of(tmp_path, 3))
    assert lines_of(aligned) == {"MLP": [0, 1, 2], "VGG11": [3, 4, 5]}
    few = align([member.run for member in aligned.members if member.name != "VGG11 seed 2"])
    assert list(lines_of(few)) == [
        f"{name} seed {s}" for name, s in [("MLP", 0), ("MLP", 1), ("MLP", 2), ("VGG11", 0), ("VGG11", 1)]
    ]


def test_more_runs_than_colours_share_lines_whatever_their_seeds(tmp_path):
    aligned = align(runs_of(tmp_path, MOST_LINES + 1, ("MLP",), steps={0: 0.0, 20: 2.0}))
    assert lines_of(aligned) == {"MLP": list(range(MOST_LINES + 1))}


def test_a_line_is_the_mean_of_its_runs_with_their_variance(tmp_path):
    aligned = align(runs_of(tmp_path, 3, samples=8))
    lines = lines_of(aligned)
    measured = {i: counts(found, jackknife(8))[:, 2, 0] for i, found in enumerate(aligned.final)}
    table = line_table(lines, aligned, measured, lambda found: {"layer": found.layers}, what="count")
    assert set(table["what"]) == {"count"}
    own = table[(table["line"] == "MLP") & (table["layer"] == "output")]
    assert own["run"].tolist() == ["", "MLP seed 0", "MLP seed 1", "MLP seed 2"]
    assert own["runs"].tolist() == [3, 1, 1, 1]
    single = own["mean"].to_numpy()[1:]
    assert own["mean"].iloc[0] == pytest.approx(single.mean())
    width = own["high"].iloc[0] - own["low"].iloc[0]
    assert width > 2 * 4.30 * single.std(ddof=1) / 3**0.5  # Student's t of two degrees of freedom, over runs alone
    alone = {name: [place] for place, name in enumerate(aligned.names)}
    apart = line_table(alone, aligned, measured, lambda found: {"layer": found.layers})
    assert len(apart) == 6 * 4
    assert (apart["run"] == apart["line"]).all()


def test_a_line_has_the_epochs_that_all_its_runs_have(tmp_path):
    runs = runs_of(tmp_path, 3)
    longer = write_run(tmp_path / "MLP-3", seed=5, training_seed=3, steps={0: 0.0, 20: 2.0, 30: 3.0})
    aligned = align([*runs, longer])
    table = layer_table(aligned, lines_of(aligned))
    assert sorted(table.loc[table["line"] == "MLP", "epoch"].unique()) == [0.0, 2.0]
    assert sorted(table.loc[table["line"] == "VGG11", "epoch"].unique()) == [0.0, 0.25, 2.0]
    assert set(table.loc[table["last"], "epoch"]) == {2.0}
    end = table[table["last"] & (table["line"] == "VGG11") & (table["layer"] == "output") & (table["run"] == "")]
    assert end.set_index("quantity")["mean"][["completeness", "redundancy", "held"]].tolist() == pytest.approx(
        [1, 0, 1]
    )


def test_shares_of_the_orders_add_up_for_lines_too(tmp_path):
    aligned = align(runs_of(tmp_path, 3))
    table = order_table(aligned, lines_of(aligned))
    rows = table[(table["quantity"] == "share") & (table["kind"] == "both") & (table["order"] > 0)]
    np.testing.assert_allclose(rows.groupby(["line", "run"])["mean"].sum(), 1)


def test_means_over_runs_have_students_interval():
    rows = pd.DataFrame(
        {"line": "a", "run": ["x", "y", "z"], "epoch": 1.0, "mean": [0.7, 0.8, 0.9], "low": 0.0, "high": 1.0}
    )
    (found,) = over_runs(rows, ["epoch"]).to_dict("records")
    assert found["run"] == ""
    assert (found["mean"], found["low"], found["high"]) == pytest.approx((0.8, 0.8 - 0.2484, 0.8 + 0.2484), abs=1e-4)
    assert np.isnan(mean_over(np.array([1.0, 2.0]))["low"])  # two runs do not know their deviation
    assert not len(over_runs(rows[:2].assign(epoch=[1.0, 2.0]), ["epoch"]))  # rows that not all runs have
