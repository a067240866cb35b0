import math

import pandas as pd
import pytest
import torch

from lk.extraction.tables import comparisons, depths, games, measure, normalised, strengths, strongest
from lk.interactions import Interactions, interactions_of
from tests.helpers.run_folders import typed

LAYERS = ("first", "second", "output")


def by_hand(effects, **about):
    """`effects[layer][sample]`: {coalition: (and, or)}, two players."""
    and_, or_ = torch.zeros(2, 4, len(effects), len(effects[0]))
    for layer, samples in enumerate(effects):
        for sample, entries in enumerate(samples):
            for coalition, (a, o) in entries.items():
                and_[coalition, layer, sample], or_[coalition, layer, sample] = a, o
    one = torch.ones(and_.shape[1:])
    return Interactions(
        and_, or_, torch.zeros_like(and_), 2 * one, one, one.bool(), LAYERS[-len(effects) :], **typed(**about)
    )


@pytest.fixture
def found():
    """reach: first 4 and 2 (mean 3), second 1 and 1 (mean 1), output 6 and 2 (mean 4)."""
    return by_hand(
        [
            [{0: (9.0, 0), 1: (3.0, 0), 3: (0, 1.0)}, {2: (2.0, 0)}],
            [{1: (1.0, 0), 2: (0.02, 0), 3: (-0.02, 0)}, {2: (-1.0, 0)}],
            [{1: (4.0, 0), 3: (-2.0, 4.0)}, {2: (-2.0, 0)}],
        ],
        step=12,
        epoch=1.5,
        samples=[40, 50],
        labels=[7, 8],
        correct=[True, False],
        salience_ratio=0.05,
        players=["left", "right"],
    )


def row(frame, **where):
    for key, value in where.items():
        frame = frame[frame[key] == value]
    assert len(frame) == 1, frame
    return frame.iloc[0]


def test_depths():
    assert depths(LAYERS) == {"first": 0.0, "second": 0.5, "output": 1.0}
    assert depths(("output",)) == {"output": 0.0}


def test_games(found):
    frame = games(found)
    assert len(frame) == 6
    assert {*frame["step"]} == {12}
    assert {*frame["epoch"]} == {1.5}
    one = row(frame, layer="first", sample=40)
    assert one[["v_empty", "v_grand", "reach", "threshold", "label", "depth"]].tolist() == pytest.approx(
        [9, 13, 4, 0.15, 7, 0]
    )
    assert (one["salient"], one["salient_per_layer"], one["correct"], one["certified"]) == (2, 2, True, True)
    assert (one["objective"], one["lower_bound"]) == (2, 1)
    assert math.isnan(one["matching_error"])
    other = row(frame, layer="second", sample=40)
    assert other["salient"] == 1  # 0.02 is below 0.05
    assert not row(frame, layer="output", sample=50)["correct"]


def test_games_with_values_have_a_matching_error():
    values = torch.randn(4, 2, 3)
    frame = games(interactions_of(values, ["first", "output"]), values)
    assert frame["matching_error"].max() < 1e-5
    assert frame["sample"].tolist() == [0, 1, 2, 0, 1, 2]
    assert (frame["v_grand"] - values[-1].flatten().numpy()).abs().max() < 1e-5
    assert (
        games(interactions_of(values, ["first", "output"]), values + values[0].abs() + 1)["matching_error"].min() > 0.01
    )


def test_strengths(found):
    frame = strengths(found)
    assert len(frame) == 2 * 2 * 3 * 2  # kinds, orders 1 and 2, layers, samples
    assert 0 not in set(frame["order"])
    one = row(frame, layer="output", sample=40, kind="and", order=2)
    assert one[["positive", "negative", "salient_strength", "salient_count", "normaliser"]].tolist() == [0, 2, 2, 1, 4]
    assert row(frame, layer="output", sample=40, kind="or", order=2)["positive"] == 4
    weak = row(frame, layer="second", sample=40, kind="and", order=1)
    assert weak[["positive", "salient_strength"]].tolist() == pytest.approx([1.02, 1.0])
    assert weak["salient_count"] == 1
    assert {*frame[frame["layer"] == "first"]["normaliser"]} == {3}


def test_normalised_by_the_mean_reach_of_the_layer(found):
    effects = normalised(found)
    assert float(effects[0, 1, 0, 0]) == pytest.approx(3 / 3)
    assert float(effects[0, 2, 0, 1]) == pytest.approx(2 / 3)
    assert float(effects[1, 3, 2, 0]) == pytest.approx(4 / 4)
    assert not effects[:, 0].any()
    nothing = by_hand([[{1: (0.0, 0)}], [{1: (2.0, 0)}]])
    assert normalised(nothing)[:, :, 0].isnan().all()
    assert normalised(nothing)[0, 1, 1, 0] == 1


def test_comparisons_with_output_and_layer_before(found):
    frame = comparisons(found)
    assert {*frame["reference"]} == {"output", "layer before"}
    assert 0 not in set(frame["order"])
    one = row(frame, layer="first", sample=40, kind="and", order=1, reference="output")  # 3/3 against 4/4
    assert one[["all", "all_reference", "overlap", "forgotten", "new"]].tolist() == pytest.approx([1, 1, 1, 0, 0])
    one = row(frame, layer="first", sample=50, kind="and", order=1, reference="output")  # 2/3 against -2/4
    assert one[["all", "all_reference", "overlap", "forgotten", "new"]].tolist() == pytest.approx(
        [2 / 3, 0.5, 0, 2 / 3, 0.5]
    )
    one = row(frame, layer="first", sample=40, kind="or", order=2, reference="output")  # 1/3 against 4/4
    assert one[["all", "all_reference", "overlap", "forgotten", "new"]].tolist() == pytest.approx(
        [1 / 3, 1, 1 / 3, 0, 2 / 3]
    )
    one = row(frame, layer="output", sample=40, kind="and", order=1, reference="layer before")  # 4/4 against 1/1
    assert one["overlap"] == pytest.approx(1)
    one = row(frame, layer="second", sample=50, kind="and", order=1, reference="layer before")  # -1/1 against 2/3
    assert one[["overlap", "forgotten", "new"]].tolist() == pytest.approx([0, 1, 2 / 3])
    assert "first" not in set(frame[frame["reference"] == "layer before"]["layer"])
    itself = frame[(frame["reference"] == "output") & (frame["layer"] == "output")]
    assert (itself["overlap"] == itself["all"]).all()


def test_comparisons_add_up(found):
    frame = comparisons(found, found)
    assert (frame["overlap"] + frame["forgotten"] - frame["all"]).abs().max() < 1e-6
    assert (frame["overlap"] + frame["new"] - frame["all_reference"]).abs().max() < 1e-6


def test_comparison_with_the_checkpoint_before(found):
    before = by_hand([[{1: (2.0, 0)}, {2: (2.0, 0)}], [{3: (1.0, 0)}, {3: (1.0, 0)}], [{1: (1.0, 0)}, {1: (1.0, 0)}]])
    frame = comparisons(found, before)
    frame = frame[frame["reference"] == "checkpoint before"]
    assert {*frame["layer"]} == {*LAYERS}
    one = row(frame, layer="second", sample=40, kind="and", order=2)  # nothing salient against 1/1
    assert one[["all", "all_reference", "overlap", "new"]].tolist() == [0, 1, 0, 1]
    assert row(frame, layer="first", sample=40, kind="and", order=1)["overlap"] == pytest.approx(1)


def test_strongest_over_all_samples(found):
    frame = strongest(found, 2)
    assert frame.groupby("layer", sort=False).size().to_dict() == {"first": 2, "second": 2, "output": 2}
    first = frame[frame["layer"] == "first"]
    assert first[["kind", "sample", "players", "effect"]].to_numpy().tolist() == [
        ["AND", 40, "left", 3.0],
        ["AND", 50, "right", 2.0],
    ]
    output = frame[frame["layer"] == "output"]
    assert output["players"].tolist() == ["left", "left right"]
    assert output["order"].tolist() == [1, 2]
    assert output["kind"].tolist() == ["AND", "OR"]


def test_measure_gives_all_tables_with_the_columns_that_identify_a_checkpoint(found):
    tables = measure(found, found, None)
    assert set(tables) == {"games", "strengths", "comparisons", "strongest"}
    for frame in tables.values():
        assert {"step", "epoch", "layer", "sample"} <= set(frame.columns)
        assert (frame["step"] == 12).all()
        assert not frame.empty
        pd.testing.assert_index_equal(frame.index, pd.RangeIndex(len(frame)))


def test_defaults_without_metadata():
    bare = interactions_of(torch.randn(4, 2, 2), ["first", "output"])
    for frame in measure(bare).values():
        assert (frame["step"] == 0).all()
        assert set(frame["sample"]) <= {0, 1}
    assert set(strongest(bare)["players"]) <= {"0", "1", "0 1"}


def test_a_game_without_any_effect():
    flat = interactions_of(torch.ones(4, 2, 1), ["first", "output"])
    tables = measure(flat)
    assert (tables["games"]["salient"] == 0).all()
    assert tables["comparisons"]["all"].isna().all()
