"""Bars stand where the tables say, at every checkpoint."""

import json

import numpy as np
import pytest

from lk.charts import order_bars, overlap_bars
from lk.charts.axes import tall
from tests.helpers.moving_frames import tables

TABLES = tables()


def marks(chart):
    return [mark for mark in json.loads(chart.data())["marks"] if mark["values"]]


@pytest.mark.parametrize("reference", ["output", "layer before", "checkpoint before"])
def test_overlap_bars_hold_the_values_of_the_table(reference):
    shares = TABLES["shares"]
    stored = {tuple(mark["at"]): mark["values"] for mark in marks(overlap_bars(shares, reference))}
    rows = shares[(shares["reference"] == reference) & (shares["layer"] == "third") & (shares["kind"] == "and")]
    rows = rows[(rows["order"] == 2) & (rows["quantity"] == "overlap")].sort_values("step")
    (found,) = [values for at, values in stored.items() if at[:3] == ("third", "AND", "order 2") and "overlap" in at[3]]
    np.testing.assert_allclose([value[0] for value in found][-len(rows) :], rows["mean"], rtol=1e-3)


def test_heights_are_proportional_to_values_within_the_axis():
    chart = order_bars(TABLES["strengths"])
    ratios = []
    for panel in chart.panels:
        for mark in panel.marks:
            if mark.values and mark.tag == "rect":
                ratios += [
                    height / value[0]
                    for height, value in zip(mark.attributes["height"], mark.values, strict=True)
                    if value[0] > 0.05
                ]
    middle = np.median(ratios)
    assert np.mean(np.isclose(ratios, middle, rtol=1e-6)) > 0.9  # the others are cut at the edge
    assert max(ratios) <= middle * (1 + 1e-6)


def test_marked_layers_have_less_ink():
    chart = order_bars(TABLES["strengths"])
    assert all("pale" in cls for mark in chart.panels[1].marks if mark.values for cls in mark.attributes["class"])
    assert not any("pale" in cls for mark in chart.panels[0].marks if mark.values for cls in mark.attributes["class"])


def test_longer_bars_are_mentioned():
    strengths = TABLES["strengths"]
    assert "end at the edge" not in order_bars(strengths).note
    early = strengths.assign(mean=strengths["mean"].where(strengths["step"] > 0, 9.0))
    assert "end at the edge" in order_bars(early).note
    assert tall(np.array([np.nan, 0.0])) > 0
