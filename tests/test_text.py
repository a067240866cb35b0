"""One way to write a number: the same quantity gives the same text wherever it stands."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lk
from lk.text import duration, epochs, nearest, number, of, percent, signed, significant, size, spanned

ROOT = Path(lk.__file__).parent
# Everything that a reader of a page or figure sees.
ROOMS = {
    "certification": ("milestones", "page"),
    "charts": ("axes", "bars", "cells", "effects", "lines"),
    "extraction": ("forecast",),
    "pages": ("page", "glossary"),
    "paper": ("page", "verdicts"),
    "studies": ("answers", "differences", "layer_steps", "surprises"),
}
SHOWN = [path for room in ("plots", "report") for path in sorted((ROOT / room).glob("*.py"))]
SHOWN += [ROOT / room / f"{name}.py" for room, names in ROOMS.items() for name in names]


@pytest.mark.parametrize(
    "value", [16.65, np.float32(16.65), 333 / 20, sum([0.1] * 3) + 16.35, 16.650000000000002, 16.649999618530273]
)
def test_a_tie_is_rounded_alike_whatever_it_was_computed_with(value):
    """The page once showed 16.7 and 16.6 for 16.65."""
    assert number(float(value), 1) == "16.7"
    assert number(-float(value), 1) == "−16.7"
    assert spanned({"mean": value, "low": 1.0, "high": 20.0}, 1).startswith("16.7 (")


def test_what_is_no_tie_is_rounded_as_ever():
    for value in np.random.default_rng(0).uniform(-1000, 1000, 500):
        assert abs(float(number(value, 2).replace("−", "-").replace(",", "")) - value) <= 0.0051
    assert number(16.649, 1) == "16.6"
    assert number(1234567.891, 2) == "1,234,567.89"


def test_signs_and_gaps():
    assert number(-0.004) == "0.00"
    assert signed(-0.004) == "+0.00"
    assert number(float("nan")) == significant(float("inf")) == "–"
    assert spanned(pd.Series({"mean": 1.0, "low": np.nan, "high": np.nan})) == "1.00 (no interval)"
    assert spanned({"mean": 0.5, "low": 0.4, "high": 0.6}, 1, 100) == "50.0 (40.0 to 60.0)"


def test_shares_of_a_count_are_not_rounded_up_to_all():
    assert of(29_999, 30_000) == "29,999 of 30,000"
    assert percent(0.123456, 2) == "12.35 %"


def test_sizes_times_and_epochs():
    assert [duration(seconds) for seconds in (0.01, 0.6, 59.6, 600, 7200, 1e6)] == [
        "less than a second",
        "1 s",
        "60 s",
        "10 min",
        "2.0 h",
        "11.6 days",
    ]
    assert [size(count) for count in (512, 2.5e6, 69e9)] == ["1 kB", "2.5 MB", "69 GB"]
    assert [epochs(epoch) for epoch in (25.0, 0.24444, 1.05, 1e4)] == ["25", "0.2", "1.1", "10,000"]
    assert [significant(x) for x in (2.3e-7, 0.05, 1.0, 0.0)] == ["2.3e−07", "0.05", "1", "0"]


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_nothing_that_is_shown_rounds_by_itself(path):
    """Rounding stands in lk.text alone; elsewhere an f-string has no decimals.

    Ticks of logarithmic axes are powers, not measures.
    """
    found = [
        line.strip()
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\{[^{}]*:[+,]*(\.\d+|\.\{\w+\})[efg%]\}|\{[^{}]*:g\}", line) and "value" not in line
    ]
    assert found == []


def test_nearest_lists_all_names_even_if_none_is_near():
    assert nearest("zzz", ["left", "right"]) == "Known: left, right."
