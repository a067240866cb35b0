"""Lines of runs: one colour and shape for a line everywhere, bands over runs, flags in the legend."""

import re

import pandas as pd
import pytest

from lk.charts import run_lines
from lk.charts.run_lines import outline, tick


def frame(lines, runs=0, **more):
    """Two panels with three points of each line; `runs` single runs of each."""
    rows = [
        {
            "panel": panel,
            "xlabel": "epoch of the checkpoint (of all)",
            "ylabel": "share",
            "x": x,
            "line": line,
            "run": run,
            "n": 9,
        }
        | {"mean": 0.1 * x + 0.01 * place, "low": 0.1 * x - 0.05, "high": 0.1 * x + 0.05, **more}
        for panel in ("Left", "Right")
        for place, line in enumerate(lines)
        for run in (["", *(f"{line} seed {s}" for s in range(runs))] if runs else [line])
        for x in (1, 2, 3)
    ]
    return pd.DataFrame(rows)


def drawn(chart, panel=0):
    return chart.panels[panel].svg()


def test_single_runs_have_whiskers_and_no_band():
    chart = run_lines(frame("ab"), "ab")
    assert len(chart.panels) == 2
    text = drawn(chart)
    assert "band" not in text
    assert "faint" not in text
    assert len(re.findall(r'class="r0"', text)) == len(re.findall(r'class="r1"', text)) == 3
    assert chart.legend == [("r0", "a"), ("r1", "b")]


def test_lines_of_several_runs_have_a_band_and_faint_runs():
    text = drawn(run_lines(frame("ab", runs=3), "ab"))
    assert len(re.findall(r'class="band r0"', text)) == 1
    assert len(re.findall(r'class="line r0 faint"', text)) == 3
    assert len(re.findall(r'class="r0"', text)) == 3  # points of the mean alone
    assert "faint" not in drawn(run_lines(frame("a", runs=13), "a"))  # thirteen would be a scribble


def test_thirty_runs_of_three_architectures_have_three_entries():
    assert len(run_lines(frame("abc", runs=10), "abc").legend) == 3


def test_a_line_keeps_its_colour_where_others_are_missing():
    chart = run_lines(frame("b"), ["a", "b"])
    assert chart.legend == [("r1", "b")]
    assert 'class="line r1"' in drawn(chart)


def test_hovering_says_which_line_where_and_how_sure():
    (mark,) = [m for m in run_lines(frame("a"), "a").panels[0].marks if m.values and m.at[2].endswith(" 2")]
    assert mark.at == ("Left", "a", "epoch of the checkpoint 2")
    assert mark.values == ((0.2, pytest.approx(0.15), 0.25),)


def test_flags():
    chart = run_lines(frame("ab", marked=True), "ab", note="n = 9", unequal={"b": "10 epochs"})
    assert chart.legend == [("r0", "a"), ("r1", "b ‡")]
    assert "‡ trained less than others." in chart.note
    assert "Hollow: marked †" in chart.note
    assert "hollow" in drawn(chart)
    assert "‡" not in run_lines(frame("ab"), "ab", unequal={"c": ""}).note


def test_chance_is_dashed_and_negative_numbers_have_a_sign():
    rows = frame("a", chance=0.3).assign(mean=-0.2, low=-0.3, high=-0.1)
    text = drawn(run_lines(rows, "a"))
    assert 'class="line dashed r0"' in text
    assert "−0.2" in text


def test_shapes_tell_lines_apart_without_colour():
    shapes = ("circle", "square", "diamond", "triangle", "wedge", "cross", "bar", "plate")
    assert len({outline(shape, 0, 0) for shape in shapes}) == 8
    assert tick(1 / 3) == "0.33"
