"""Combinations of a grid, and draws at random."""

import itertools
import math

import pytest

from lk.sweeps.combinations import combinations


def test_a_grid_has_every_combination_once():
    values = {"a": [1, 2, 3], "b": [[4, 4], [2]], "c": [None]}
    found = combinations("grid", {name: {"values": own} for name, own in values.items()})
    assert [tuple(each.values()) for each in found.values()] == list(itertools.product(*values.values()))
    assert list(found)[:2] == ["1-4-4-None", "1-2-None"]
    assert list(combinations("grid", {"a": {"values": [1, 2]}, "b": {"value": 3}}, cap=1)) == ["1"]
    assert list(combinations("grid", {"a": {"values": [1]}, "b": {"value": 3}})) == ["1"]


def test_random_draws_are_the_same_each_time_and_inside_their_bounds():
    parameters = {
        "lr": {"min": 1e-4, "max": 1e-1, "distribution": "log_uniform_values"},
        "decay": {"min": 0.0, "max": 0.5},
        "width": {"min": 3, "max": 5},
        "net": {"values": ["a", "b"]},
        "fixed": {"value": 7},
    }
    found = combinations("random", parameters, 400)
    assert found == combinations("random", parameters, 400)
    assert list(combinations("random", parameters, 2).items()) == list(found.items())[:2]
    rows = list(found.values())
    assert {row["width"] for row in rows} == {3, 4, 5}
    assert {row["net"] for row in rows} == {"a", "b"}
    assert all(1e-4 <= row["lr"] <= 1e-1 and 0 <= row["decay"] <= 0.5 and row["fixed"] == 7 for row in rows)
    # Each factor of ten is as likely as another.
    tenths = [sum(math.floor(math.log10(row["lr"])) == power for row in rows) for power in (-4, -3, -2)]
    assert min(tenths) > 90


@pytest.mark.parametrize(
    ("method", "parameters", "cap", "message"),
    [
        ("grid", {}, None, "expected parameters by name"),
        ("grid", None, None, "expected parameters by name"),
        ("grid", {"a": {"values": []}}, None, "at least one of the values of a"),
        ("grid", {"a": {"values": 3}}, None, "at least one of the values of a"),
        ("grid", {"a": 3}, None, "parameter a as a mapping"),
        ("grid", {"a": {"vals": [1]}}, None, "got 'vals'. Did you mean 'values'"),
        ("grid", {"a": {"min": 0, "max": 1}}, None, "got a range. Use method: random"),
        ("grid", {"a": {"values": [1, 1]}, "b": {"value": 0}}, None, "two runs '1'"),
        ("grid", {"a": {"values": ["x/m.yaml", "y/m.yaml"]}}, None, "two runs 'm'"),
        ("grid", {name: {"values": list(range(101))} for name in "ab"}, None, "at most 10,000 runs, got 10,201"),
        ("random", {"a": {"values": [1]}}, None, "expected run_cap"),
        ("random", {"a": {"values": [1]}}, True, "run_cap=True"),
        ("random", {"a": {"min": 2, "max": 1}}, 3, "min <= max"),
        ("random", {"a": {"min": 0.0, "max": 1.0, "distribution": "log_uniform_values"}}, 3, "above 0"),
        ("random", {"a": {"min": 0.0, "max": 1.0, "distribution": "q_uniform"}}, 3, "Others need `wandb agent`"),
        ("hyperband", {"a": {"values": [1]}}, None, "expected method grid or random, got method='hyperband'"),
    ],
)
def test_what_is_refused(method, parameters, cap, message):
    with pytest.raises(ValueError, match=message):
        combinations(method, parameters, cap)
