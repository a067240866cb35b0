"""YAML of a run: hostile sizes are refused before unfolding, damaged files by name, repeated keys by name."""

import time

import pytest
import yaml

from lk.storage.strict_yaml import DEPTH, dump_yaml, read_yaml

REMEDY = "Delete the folder."


def read(tmp_path, text):
    path = tmp_path / "settings.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path, REMEDY)


LAUGHS = "x0: &x0 [1]\n" + "\n".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 12))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "[" * 3000 + "]" * 3000, "nest(ed|ing)"),  # the parser in C has a limit of its own
        ("[" * 3000, "nest(ed|ing)"),
        ("a: " + "[" * 100 + "]" * 100, f"expected at most {DEPTH} levels, got one that is nested deeper"),
        ("a: " * 60, "is no valid YAML"),
        ("a: &a [*a]", r"expected aliases outside of what they stand for, got \*a inside"),
        ("a: &a {b: {c: *a}}", r"got \*a inside"),
        (LAUGHS, "expected at most 500,000 entries, got more"),
        ("a: [" + "1, " * 500_001 + "]", "expected at most 500,000 entries, got more"),
        ("a: '" + "x" * 8_000_000 + "'", "expected at most 8,000,000 bytes, got 8,000,005"),
        ("kappa: 1\nname: x\nkappa: 2", "expected each key once, got 'kappa' twice, again in line 3"),
        ("a: {b: 1, b: 2}", "got 'b' twice"),
        ("a: [", "is no valid YAML"),
        ("a: !!python/object/apply:os.system ['true']", "is no valid YAML.*could not determine a constructor"),
        ("a: 2001-99-99", "is no valid YAML"),
        ("a: !!int ''", "is no valid YAML"),
        ("? [a]\n: b", "is no valid YAML"),
        (b"a: \xff", "is no valid YAML"),
        ("a: \x00", "is no valid YAML"),
        ("- a", "expected a mapping with text as keys in .*settings.yaml, got list"),
        ("text", "got str"),
        ("3", "got int"),
        ("1: 2", "expected a mapping with text as keys"),
    ],
)
def test_refused_with_the_file_and_the_remedy(tmp_path, text, message):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=rf"(?s){message}") as error:
        read(tmp_path, text)
    assert "settings.yaml" in str(error.value)
    assert str(error.value).endswith(REMEDY)
    assert time.perf_counter() - start < 20


def test_what_is_read(tmp_path):
    assert read(tmp_path, "") == {}
    assert read(tmp_path, "a: &a [1, 2]\nb: *a\nc: {<<: {d: 1}, e: 2}") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": {"d": 1, "e": 2},
    }
    assert read(tmp_path, "a: 1e-3\nb: 1.5E+2\nc: '1e-3'\nd: e3\n") == {"a": 0.001, "b": 150.0, "c": "1e-3", "d": "e3"}
    with pytest.raises(FileNotFoundError, match=r"No file .*missing.yaml. Delete the folder"):
        read_yaml(tmp_path / "missing.yaml", REMEDY)


def test_dumping_is_the_inverse_and_uses_no_aliases(tmp_path):
    shared = [1, {"b": None}]
    data = {"z": shared, "a": shared, "text": "é", "float": 1e-5}
    assert "*" not in dump_yaml(data)
    assert list(read(tmp_path, dump_yaml(data))) == list(data)
    assert read(tmp_path, dump_yaml(data)) == data == yaml.safe_load(dump_yaml(data))
