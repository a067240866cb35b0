"""One sample in several networks: chosen by a rule, one network of each line, its strongest interactions first."""

import pytest
import torch

from lk.interactions import Interactions
from lk.studies.alignment import align
from lk.studies.grouping import lines_of
from lk.studies.same_sample import COUNT, shown_runs, shown_samples, side_by_side
from tests.helpers.run_folders import write_run


def test_one_network_of_each_line_the_lowest_seed(tmp_path):
    runs = [
        write_run(tmp_path / f"{name}-{s}", seed=s, training_seed=s, network=f"lk.networks.{name}")
        for name in ("MLP", "VGG11")
        for s in (7, 2, 4)
    ]
    aligned = align(runs)
    assert shown_runs(lines_of(aligned), aligned) == {"MLP": 1, "VGG11": 4}


def test_the_sample_on_which_they_differ_most_and_least(tmp_path):
    runs = [write_run(tmp_path / name, seed=3, training_seed=seed) for seed, name in enumerate(("one", "other"))]
    (path,) = list(runs[1].extracted("default").values())[-1:]
    found = Interactions.load(path)
    found.and_[1:, -1, 2], found.or_[:, -1, 2] = 0.0, 0.0
    found.and_[15, -1, 2] = 9.0  # of sample 2 one interaction is left
    found.save(path)
    aligned = align(runs)
    first, second = shown_samples(aligned, {"one": 0, "other": 1})
    assert (first.what, first.sample) == ("most different", 2)
    assert first.iou < 0.5
    assert (second.what, second.iou) == ("most alike", 1.0)
    table = side_by_side(aligned, {"one": 0, "other": 1}, 2)
    assert table["group"].unique().tolist() == ["MLP\nseed 0", "MLP\nseed 1"]
    other = table[table["group"] == "MLP\nseed 1"]
    assert other["players"].tolist() == [[0, 1, 2, 3]]
    assert other["effect"].tolist() == [9.0]
    one = table[table["group"] == "MLP\nseed 0"]
    assert len(one) == COUNT
    assert one["effect"].abs().is_monotonic_decreasing
    assert one["effect"].iloc[0] == pytest.approx(aligned.final[0].top(1, None, 2)[0].effect)


def test_networks_that_agree_everywhere_show_one_sample(tmp_path):
    aligned = align([write_run(tmp_path / str(seed), seed=3, training_seed=seed) for seed in range(2)])
    assert len(shown_samples(aligned, {"a": 0, "b": 1})) == 1


def test_marked_outputs_are_flagged(tmp_path):
    aligned = align(
        [
            write_run(tmp_path / f"r{seed}", seed=seed, training_seed=seed, at_chance=("output",) if seed else ())
            for seed in range(2)
        ]
    )
    table = side_by_side(aligned, {"a": 0, "b": 1}, 0)
    assert table.groupby("group")["marked"].first().tolist() == [False, True]
    assert torch.equal(aligned.samples.index, torch.tensor(aligned.kept))
