"""Agreement of pairs of runs: all at once as one by one, and means with intervals of their own."""

import pytest
import torch

from lk.metrics.agreement import agreement
from lk.studies import pairs
from lk.studies.alignment import align
from lk.studies.grouping import by_architecture, lines_of
from lk.studies.pairs import iou, of_pairs, sorts_of
from tests.helpers.run_folders import write_run


@pytest.mark.parametrize("entries", [1, 4_000_000])
def test_all_at_once_as_one_by_one(monkeypatch, entries):
    monkeypatch.setattr(pairs, "ENTRIES", entries)  # as few pairs at a time as there are, and all
    generator = torch.Generator().manual_seed(0)
    chosen = [torch.rand(16, 5, generator=generator) < 0.3 for _ in range(4)]
    which = [(0, 1), (0, 3), (2, 3)]
    found = of_pairs(chosen, which)
    for place, (a, b) in enumerate(which):
        single = agreement(chosen[a], chosen[b])
        torch.testing.assert_close(found.iou[:, place], single.iou, equal_nan=True)
        torch.testing.assert_close(found.chance[:, place], single.chance, equal_nan=True)


def test_sorts_of_pairs():
    lines = {"a": [0, 2], "b": [1]}
    assert sorts_of(lines) == {"a, two runs": [(0, 2)], "a and b": [(0, 1), (1, 2)]}
    many = {name: [2 * place, 2 * place + 1] for place, name in enumerate("abcd")}
    found = sorts_of(many)
    assert list(found) == ["two runs of one architecture", "two architectures"]
    assert [len(own) for own in found.values()] == [4, 24]


def test_agreement_of_many_pairs_has_intervals_of_its_own(tmp_path):
    """Means of the pairs' ends are no interval of the mean: the pairs share their samples and runs."""
    runs = [
        write_run(tmp_path / f"{name}-{seed}", samples=10, seed=seed, training_seed=seed, network=f"lk.networks.{name}")
        for name in ("MLP", "VGG11")
        for seed in range(2)
    ]
    aligned = align(runs)
    assert not len(iou(aligned, lines_of(aligned))[1])  # each run is a line of its own
    each, sorts = iou(aligned, by_architecture(aligned.members))
    assert set(sorts["pairs"]) == {"MLP, two runs", "MLP and VGG11", "VGG11, two runs"}
    row = sorts[
        (sorts["pairs"] == "MLP and VGG11")
        & (sorts["place"] == "output")
        & (sorts["kind"] == "and")
        & (sorts["order"] == 1)
    ].iloc[0]
    own = each[(each["place"] == "output") & (each["kind"] == "and") & (each["order"] == 1)]
    two = own[own["run_a"].str.startswith("MLP") & own["run_b"].str.startswith("VGG")]
    assert len(two) == 4
    assert row["mean"] == pytest.approx(two["mean"].mean())
    assert row["chance"] == pytest.approx(two["chance"].mean())
    assert row["low"] < row["mean"] < row["high"]
    assert row["high"] - row["low"] < (two["high"] - two["low"]).mean()
