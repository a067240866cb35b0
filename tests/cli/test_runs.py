"""`analyze.py runs`: the user's own door."""

import json
import subprocess
import sys

import pytest

from lk.cli import analyze
from lk.cli.runs import chosen, table
from lk.runs import Run
from lk.runs.heartbeat import beat
from lk.studies.overview import COLUMNS, overview

ROWS = [
    {**dict.fromkeys(COLUMNS), "run": "a", "network": "VGG11", "accuracy": 0.5, "age": 9.0, "size": 5_000, "seed": 1},
    {**dict.fromkeys(COLUMNS), "run": "b", "network": "MLP", "accuracy": 0.9, "age": 1.0, "size": 6_000, "seed": 0},
    {**dict.fromkeys(COLUMNS), "run": "c", "network": "VGG16", "age": 4000.0, "size": 2_000_000, "state": "died"},
]


@pytest.mark.parametrize(
    ("where", "sort", "expected"),
    [
        ("", "age", "bac"),
        ("", "accuracy", "bac"),
        ("", "run", "abc"),
        ("", "size", "cba"),
        ("network=VGG*", "run", "ac"),
        ("network!=VGG*", "run", "b"),
        ("accuracy>0.4, accuracy<0.6", "run", "a"),
        ("seed=1", "run", "a"),
        ("seed!=1", "run", "bc"),
        ("state=died", "run", "c"),
    ],
)
def test_filters_and_order(where, sort, expected):
    assert "".join(row["run"] for row in chosen(ROWS, where, sort)) == expected


@pytest.mark.parametrize(
    ("where", "sort", "message"),
    [
        ("accuracy", "age", "expected conditions such as"),
        ("acuracy>1", "age", "expected a column of the table, got 'acuracy'. Did you mean 'accuracy'"),
        ("accuracy>high", "age", "expected a number beside accuracy>, got 'high'"),
        ("", "siz", "got 'siz'. Did you mean 'size'"),
    ],
)
def test_a_wrong_condition_is_refused(where, sort, message):
    with pytest.raises(ValueError, match=message):
        chosen(ROWS, where, sort)


def test_the_table_lines_up_and_shows_nothing_unprintable():
    rows = [{**ROWS[0], "epoch": 1.5, "epochs": 3, "network": "M\x1b[2J"}, {**ROWS[2], "epoch": 25.0, "epochs": 25}]
    head, first, second = table(rows).splitlines()
    assert "\x1b" not in first
    assert "1.5/3" in first
    assert " 25 " in second
    assert (
        len({line.index(word) + len(word) for line, word in ((head, "age"), (first, "9 s"), (second, "67 min"))}) == 1
    )
    assert table([]).split() == head.split()


def test_the_command_lists_runs_and_loads_nothing_heavy(tmp_path, capsys):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "config.yaml").touch()
    beat(tmp_path / "one", {"network": "MLP", "data": "Digits", "step": 4, "epoch": 1.0, "epochs": 2}, "SIGTERM")
    analyze(["runs", str(tmp_path), "--where", "state=SIG*", "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["run"], row["state"], row["epoch"], row["accuracy"]) == ("one", "SIGTERM", 1.0, None)
    code = (
        "import sys; from lk.cli import analyze; analyze(sys.argv[1:]); "
        "print([name for name in ('torch', 'pandas', 'numpy', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "runs", str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[1].split()[:6] == ["one", "SIGTERM", "MLP", "Digits", "–", "1/2"]
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_training_leaves_its_row(tiny_run):
    (row,) = [row for row in overview(tiny_run.parent) if row["run"] == tiny_run.name]
    training = Run(tiny_run).read_table("training")
    last = training[training["quantity"] == "test/accuracy"].iloc[-1]
    assert (row["state"], row["epoch"], row["epochs"]) == ("finished", last["epoch"], last["epoch"])
    assert row["accuracy"] == last["value"]
    assert (row["network"], row["data"], row["certified"]) == ("MLP", "Digits", 1.0)


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "config.yaml").touch()
        beat(tmp_path / f"{number}", {"network": "M" * 100_000, "data": "D", "step": 0, "epoch": 0.0}, "finished")
    code = "from lk.cli import analyze, main; main(analyze)"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "runs", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.wait() == 0
    assert process.stderr.read() == b""
    process.stderr.close()
