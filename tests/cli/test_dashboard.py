"""`analyze.py dashboard`: the user's own door."""

import json

import pytest
import yaml

from lk.cli import analyze
from lk.cli.dashboard import home
from tests.helpers.run_folders import write_run


def logged_to(folder, **logger):
    """A run with a logger in its configuration."""
    run = write_run(folder, tables=False)
    config = yaml.safe_load(run.config_file.read_text())
    config["trainer"]["logger"] = {"class_path": "lk.loggers.Wandb", "init_args": logger}
    run.config_file.write_text(yaml.safe_dump(config))
    return run


def test_the_workspace_of_two_runs_is_a_file_beside_them(tmp_path, capsys):
    runs = [logged_to(tmp_path / name, project="mine", entity="team") for name in "ab"]
    assert home([type(runs[0])(run.path) for run in runs]) == ("team", "mine")
    analyze(["dashboard", *(str(run.path) for run in runs)])
    assert f"Workspace: {tmp_path / 'dashboard.json'}" in capsys.readouterr().err.replace("\n", "")
    text = (tmp_path / "dashboard.json").read_text()
    assert json.loads(text)["section"]["runSets"][0]["filters"]["filters"][0]["value"] == ["a", "b"]
    assert "interactions/2_second/completeness" in text


def test_runs_of_two_projects_are_refused(tmp_path):
    runs = [str(logged_to(tmp_path / name, project=name).path) for name in "ab"]
    with pytest.raises(ValueError, match=r"expected runs of one W&B project, got a, b"):
        analyze(["dashboard", *runs])


def test_publishing_needs_an_account(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    run = logged_to(tmp_path / "a")
    with pytest.raises(ValueError, match="expected a W&B account for --publish, got none"):
        analyze(["dashboard", str(run.path), "--publish"])
    assert not (tmp_path / "dashboard.json").exists()
