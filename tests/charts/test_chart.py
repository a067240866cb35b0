"""Charts: what moves is stored once, the file on disk is the last checkpoint, and every chart keeps its promises."""

import json
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from lk import charts
from lk.charts.chart import ON_WHITE, Chart
from tests.helpers.moving_frames import EPOCHS, probes, sorted_strengths, strongest, tables, training

OWNERS = np.arange(16).reshape(1, 4, 4).repeat(2, 0) // 4
IMAGES = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 1, 4, 4)


@pytest.fixture(scope="module")
def drawn():
    """Every chart of lk, by its name."""
    found = tables()
    reach = found["reach"].assign(quantity="reach")
    return {
        "effect_bars": charts.effect_bars(strongest(), ["a & b", "<b>", "c", "d"]),
        "epoch_lines": charts.epoch_lines(found["strengths"]),
        "image_tiles": charts.image_tiles(strongest(), IMAGES, OWNERS, "own"),
        "layer_epoch_cells": charts.layer_epoch_cells(reach, (("reach", "Reach", "nats"),)),
        "layer_order_cells": charts.layer_order_cells(found["salient_strength"], "nats"),
        "order_bars": charts.order_bars(found["strengths"]),
        "overlap_bars": charts.overlap_bars(found["shares"]),
        "probe_lines": charts.probe_lines(probes()),
        "ratio_lines": charts.ratio_lines(found["shares"]),
        "sorted_lines": charts.sorted_lines(sorted_strengths(), 0.05),
        "training_lines": charts.training_lines(training(), EPOCHS),
    }


NAMES = sorted(set(charts.__all__) - {"Chart", "run_lines"})  # run_lines does not move: test_run_lines.py


def test_every_chart_is_drawn(drawn):
    assert sorted(drawn) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_svg_and_states_its_title(drawn, name):
    text = drawn[name].file("A <title>")
    found = [element.text for element in ET.fromstring(text).iter() if element.tag.endswith("text")]
    assert found[0] == "A <title>"
    assert "light-dark" not in text
    assert "NaN" not in text
    assert "nan" not in text.replace("sans", "")


@pytest.mark.parametrize("name", NAMES)
def test_stored_marks_are_those_of_the_drawing(drawn, name):
    chart = drawn[name]
    stored = json.loads(chart.data())
    assert "".join(panel.svg() for panel in chart.panels).count(" data-m>") == len(stored["marks"])
    assert "<" not in chart.data()
    for mark in stored["marks"]:
        assert all(len(values) == len(EPOCHS) for values in mark["move"].values())
        assert len(mark["at"]) in (0, len(stored["names"]))
        assert len(mark["values"]) in (0, 1, len(EPOCHS))
        assert bool(mark["values"]) == bool(mark["at"])


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"sorted_lines"}))
def test_it_moves_and_says_values(drawn, name):
    stored = json.loads(drawn[name].data())
    assert any(mark["move"] for mark in stored["marks"])
    assert sum(bool(mark["values"]) for mark in stored["marks"]) > 3


@pytest.mark.parametrize("name", NAMES)
def test_axes_are_named_and_marked_layers_flagged(drawn, name):
    words = " ".join(mark.text for panel in drawn[name].panels for mark in panel.marks if isinstance(mark.text, str))
    if name not in ("training_lines", "sorted_lines"):
        assert "†" in words
    if name not in ("image_tiles", "effect_bars", "layer_epoch_cells", "layer_order_cells"):
        assert any(axis in words for axis in ("order", "layer", "epoch", "rank"))
    assert drawn[name].note or name == "training_lines"


def test_only_what_differs_is_stored():
    chart = Chart(("what",), (0.0, 1.0))
    panel = chart.panel(10, 10)
    panel.add("rect", x=1, width=[2.0, 2.0], height=[3.0, 4.0])
    panel.add("rect", at=["a"], values=[(1.0, math.nan, math.nan), (math.nan, math.nan, math.nan)], x=0)
    first, second = json.loads(chart.data())["marks"]
    assert first["move"] == {"height": ["3", "4"]}
    assert second == {
        "move": {"visibility": ["visible", "hidden"]},
        "at": ["a"],
        "values": [[1.0, None, None], [None] * 3],
    }
    assert '<rect x="1" width="2" height="4" data-m></rect>' in panel.svg()


def test_both_themes_have_every_colour():
    assert "light-dark" not in ON_WHITE
    assert ON_WHITE.count("--") == charts.chart.STYLE.count("--")
