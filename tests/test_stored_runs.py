"""Run folders of an earlier version (tests/fixtures/<commit>): every command reads them, with the same numbers."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from lk.cli import analyze, probe, train
from lk.interactions import Interactions
from lk.runs import Run
from lk.runs.segments import read_segments
from lk.storage.stored import read_tensors

FOLDERS = sorted(path for path in (Path(__file__).parent / "fixtures").iterdir() if (path / "digits").is_dir())


@pytest.fixture(params=FOLDERS, ids=lambda path: path.name)
def stored(request, tmp_path, monkeypatch):
    """A copy of the folders, as the working directory: their paths are relative."""
    shutil.copytree(request.param, tmp_path / "stored")
    monkeypatch.chdir(tmp_path / "stored")
    return tmp_path / "stored"


def contents(folder, pattern):
    found = {path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob(pattern)}
    assert found
    return found


def tables(run):
    return {path.name: pd.read_parquet(path) for path in (run.path / "tables" / "default").glob("*.parquet")}


def test_tables_are_written_again_with_the_same_numbers(stored):
    run = Run(stored / "digits")
    before, made = tables(run), contents(run.path, "*.safetensors")
    analyze(["report", "digits"])
    assert run.report.is_file()
    after = tables(run)
    assert before.keys() <= after.keys()
    for name, table in before.items():
        pd.testing.assert_frame_equal(after[name][list(table)], table, check_exact=True, obj=name)
    assert contents(run.path, "*.safetensors") == made


def test_the_same_extraction_is_not_made_again(stored):
    made = contents(stored / "digits", "*.safetensors")
    analyze(["extract", "digits"])
    assert contents(stored / "digits", "*.safetensors") == made


def test_another_extraction_with_the_same_settings_has_the_same_numbers(stored):
    analyze(["extract", "digits", "--extraction.name", "again", "--report", "false"])
    run = Run(stored / "digits")
    assert list(run.extracted("again")) == list(run.extracted("default")) == [0, 1, 6, 12]
    for step, path in run.extracted("default").items():
        old, new = Interactions.load(path), Interactions.load(run.extracted("again")[step])
        assert new.layers == old.layers
        # Equal on one machine; other processors add in another order.
        torch.testing.assert_close(new.effects, old.effects, rtol=1e-4, atol=1e-4)
        games = [
            read_tensors(p.with_name("values.safetensors"), "holds no games", "")[0]["values"]
            for p in (path, run.extracted("again")[step])
        ]
        torch.testing.assert_close(*games, rtol=1e-5, atol=1e-5)


def test_probes_are_fitted_again(stored):
    before = Run(stored / "digits").read_table("probes")
    probe(["fit", "--run", "digits"])
    after = Run(stored / "digits").read_table("probes")
    assert len(after) == len(before)
    pd.testing.assert_series_equal(after["accuracy"], before["accuracy"], atol=2e-3)


def test_runs_are_compared(stored, capsys):
    shutil.copytree(stored / "digits", stored / "twice")
    analyze(["compare", "digits", "twice"])
    page = Path("".join("".join(capsys.readouterr()).rpartition("Report: ")[2].split()))
    assert "twice" in page.read_text()


def test_training_goes_on(stored):
    train(
        [
            "fit",
            "--config",
            "digits.yaml",
            "--runs_dir",
            ".",
            "--id",
            "digits",
            "--resume",
            "true",
            "--trainer.max_epochs",
            "3",
        ]
    )
    _, second = read_segments(stored / "digits")
    assert (second["from_step"], second["to_step"], second["ended"]) == (12, 18, "finished")
    assert second["changed"] == {"trainer.max_epochs": [2, 3]}
    assert list(Run(stored / "digits").extracted("default")) == [0, 1, 6, 12, 18]


def test_certificates_are_accepted_and_made_again(stored, capsys):
    analyze(["check", "z5"])
    assert "Accepted" in "".join(capsys.readouterr())
    run = Run(stored / "z5")
    before = run.read_table("certificates")
    analyze(["certify", "z5"])
    after = run.read_table("certificates")
    keys = ["step", "seed", "verifier"]
    same = [name for name in before if name not in (*keys, "seconds")]
    pd.testing.assert_frame_equal(after.set_index(keys)[same].sort_index(), before.set_index(keys)[same].sort_index())


def test_the_study_of_the_paper_goes_on(stored):
    made = contents(stored / "digits" / "extractions" / "paper", "*.safetensors")
    before = {path.stem: pd.read_parquet(path) for path in (stored / "paper" / "tables").glob("*.parquet")}
    analyze(["paper", "--config", "paper.yaml"])
    assert contents(stored / "digits" / "extractions" / "paper", "*.safetensors") == made
    for name in ("figure-2", "figure-3-7", "figure-4-8", "figure-5-9", "counts", "findings", "verdicts"):
        if name in before:
            pd.testing.assert_frame_equal(
                pd.read_parquet(stored / "paper" / "tables" / f"{name}.parquet"), before[name], obj=name
            )
