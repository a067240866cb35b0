"""JSON files that are damaged or hostile: a ValueError that names the file."""

import pytest

from lk.storage.strict_json import parse_json, read_json

REMEDY = "Make it again."


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": 1, "a": 2}', "{", "", "\x00"])
def test_json_that_is_refused(text, tmp_path):
    with pytest.raises(ValueError):  # noqa: PT011  (the messages are those of the library)
        parse_json(text)
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=r"x.json is truncated or no notes .*Make it again\."):
        read_json(tmp_path / "x.json", "no notes", REMEDY)


def test_json_that_is_no_object(tmp_path):
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(ValueError, match="expected an object, got list"):
        read_json(tmp_path / "x.json", "no notes", REMEDY)
