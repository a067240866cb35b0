"""Numbers of a run for a table."""

import pytest

from lk.runs.measured import MEASURED, read_measured, record_measured


def test_parts_are_replaced_one_by_one(tmp_path):
    record_measured(tmp_path, "extractions/default", 10, {"completeness": 0.2, "certified": 1.0})
    record_measured(tmp_path, "certificates", 10, {"certified": 0.5})
    record_measured(tmp_path, "extractions/default", 20, {"completeness": float("nan"), "certified": 0.9})
    assert read_measured(tmp_path) == {
        "extractions/default": {"step": 20, "certified": 0.9},
        "certificates": {"step": 10, "certified": 0.5},
    }


@pytest.mark.parametrize(
    "text", ["", "{", '{"format": 2, "measured": {}}', '{"format": 1, "measured": {"a": {"completeness": "high"}}}']
)
def test_a_damaged_file_holds_nothing_and_is_replaced(tmp_path, text):
    (tmp_path / MEASURED).write_text(text)
    assert read_measured(tmp_path) == {}
    record_measured(tmp_path, "certificates", 1, {"certified": 1.0})
    assert read_measured(tmp_path) == {"certificates": {"step": 1, "certified": 1.0}}
