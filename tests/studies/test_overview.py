"""Rows of a table of runs, from run folders in every state."""

import os
import subprocess
import sys
import time

import pytest

from lk.runs.heartbeat import beat
from lk.runs.measured import record_measured
from lk.studies.overview import overview
from tests.helpers.run_folders import write_run

FACTS = {"network": "VGG11", "data": "MNIST", "seed": 3, "step": 45, "epoch": 1.5, "epochs": 3, "accuracy": 0.9}


@pytest.fixture
def folder(tmp_path):
    """Runs that train, died, ended, never began, are of an earlier version, and are damaged."""
    for name in ("training", "died", "group/ended", "waiting", "damaged"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text(
            "data: {class_path: lk.data.Digits}\nmodel: {network: {class_path: lk.networks.MLP}}\n"
        )
    (tmp_path / "damaged" / "config.yaml").write_text("{")
    beat(tmp_path / "training", FACTS)
    folder = f"Path({str(tmp_path / 'died')!r})"
    code = f"from pathlib import Path; from lk.runs.heartbeat import beat; beat({folder}, {FACTS!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    beat(tmp_path / "group" / "ended", FACTS, ended="finished")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "text.txt").write_text("no run")
    return tmp_path


def test_a_row_for_each_run_in_its_state(folder):
    write_run(folder / "earlier", training_seed=7)
    rows = {row["run"]: row for row in overview(folder)}
    assert {name: row["state"] for name, row in rows.items()} == {
        "training": "training",
        "died": "died",
        "group/ended": "finished",
        "waiting": "not started",
        "damaged": "damaged",
        "earlier": "unknown",
    }
    assert {key: rows["died"][key] for key in FACTS if key != "step"} == {k: v for k, v in FACTS.items() if k != "step"}
    assert (rows["earlier"]["network"], rows["earlier"]["data"], rows["earlier"]["seed"]) == ("MLP", "Digits", 7)
    assert rows["earlier"]["accuracy"] is not None
    assert rows["waiting"]["epoch"] is None


def test_size_and_age_are_those_of_the_files(folder):
    record_measured(folder / "died", "certificates", 1, {"certified": 1.0})
    files = [path for path in (folder / "died").rglob("*") if path.is_file()]
    now = time.time()
    for path in files:
        os.utime(path, (now - 500, now - 500))
    os.utime(files[0], (now - 100, now - 100))
    os.symlink("/", folder / "died" / "everything")
    os.utime(folder / "died" / "everything", (now - 500, now - 500), follow_symlinks=False)
    row = next(row for row in overview(folder, now) if row["run"] == "died")
    assert row["size"] - sum(path.stat().st_size for path in files) in range(2)  # the link's own byte
    assert row["age"] == pytest.approx(100, abs=1)


def test_measured_numbers_go_with_what_they_were_measured_on(folder):
    run = folder / "died"
    record_measured(run, "extractions/fine", 1, {"completeness": 0.1, "certified": 0.2})
    record_measured(run, "extractions/default", 1, {"completeness": 0.3, "certified": 0.4})
    found = []
    for made in (None, "extractions/fine", "extractions/default", "certificates"):
        if made == "certificates":
            record_measured(run, made, 1, {"certified": 0.6})
        if made:
            (run / made).mkdir(parents=True)
        row = next(row for row in overview(folder) if row["run"] == "died")
        found.append((row["completeness"], row["certified"]))
    assert found == [(None, None), (0.1, 0.2), (0.3, 0.4), (None, 0.6)]


def test_the_tables_of_an_extraction_leave_its_numbers(tmp_path):
    run = write_run(tmp_path / "run")
    (row,) = overview(tmp_path)
    shares = run.read_table("default/comparisons")
    rows = shares[(shares["step"] == 20) & (shares["layer"] == "second") & (shares["reference"] == "output")]
    assert row["completeness"] == pytest.approx(rows["overlap"].sum() / rows["all_reference"].sum(), rel=1e-4)
    assert row["certified"] == 1.0


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a folder of runs, got .*none"):
        overview(tmp_path / "none")
