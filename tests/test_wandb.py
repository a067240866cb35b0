"""What W&B received, read back from its own file with its own reader."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lk.callbacks.log import log_artifact
from lk.loggers import Wandb
from lk.runs import Run
from tests.helpers.wandb_records import records

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def log(tiny_run):
    return records(tiny_run / "wandb")


def history(log):
    return [record["history"]["item"] for record in log if record["type"] == "history"]


def test_the_run_has_the_folders_id_and_the_full_config(log):
    runs = [record["run"] for record in log if record["type"] == "run"]
    assert runs[0]["run_id"] == "tiny"
    assert runs[0]["job_type"] == "train"
    config = {}
    for record in log:
        if record["type"] == "config":
            for key, value in record["config"]["update"].items():
                config[key] = value
    assert config["model"]["network"]["class_path"] == "lk.networks.MLP"
    assert config["trainer"]["callbacks"][1]["init_args"]["extraction"]["init_args"]["kappa"] == 0.04


def test_scalars_of_every_checkpoint_have_their_own_axis(log):
    items = [item for item in history(log) if "checkpoint/epoch" in item]
    assert [item["checkpoint/epoch"] for item in items] == [0, 1 / 6, 1, 2]
    for item in items:
        assert item["default/certified"] == 1
        assert {f"probe/accuracy_{layer}" for layer in ("layer1", "layer2", "output")} <= set(item)
        assert {f"default/salient_{layer}" for layer in ("layer1", "layer2", "output")} <= set(item)
    axes = {
        m["name"]: m.get("step_metric")
        for m in (record["metric"] for record in log if record["type"] == "metric")
        if "name" in m
    }
    assert axes["probe/accuracy_layer1"] == "checkpoint/epoch"


def test_training_is_logged_by_step(log):
    losses = [item for item in history(log) if "test/loss" in item]
    assert [item["trainer/global_step"] for item in losses] == [6, 12]


def test_one_heat_map_one_chart_and_one_table_per_checkpoint(log):
    items = [item for item in history(log) if "checkpoint/epoch" in item]
    for step, item in zip((0, 1, 6, 12), items, strict=True):
        assert item["default/strength._type"] == "image-file"
        assert item[f"default/strongest_{step}._type"] == "table-file"
        assert 0 < item[f"default/strongest_{step}.nrows"] <= 2000
        assert item["default/strength_by_order_table._type"] == "table-file"


def test_the_interactions_are_one_artifact(log):
    artifacts = [record["artifact"] for record in log if record["type"] == "artifact"]
    (interactions,) = [artifact for artifact in artifacts if artifact["type"] == "interactions"]
    assert interactions["name"] == "tiny-default"
    assert len(interactions["manifest"]["contents"]) == 5  # four checkpoints and the settings


def test_the_run_ended_well(log):
    assert [record["exit"].get("exit_code", 0) for record in log if record["type"] == "exit"] == [0]


def test_the_environment_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert Wandb(save_dir=str(tmp_path))._wandb_init["mode"] == "disabled"
    monkeypatch.delenv("WANDB_MODE")
    assert Wandb(save_dir=str(tmp_path))._wandb_init["mode"] == "offline"


def test_an_unknown_mode():
    with pytest.raises(ValueError, match="expected mode offline, online or disabled, got mode='sometimes'"):
        Wandb(mode="sometimes")


def test_artifacts_can_be_declined_and_a_fault_ends_the_records_only(tmp_path, capsys):
    logger = Wandb(save_dir=str(tmp_path), artifacts=False)
    log_artifact([logger], tmp_path / "nowhere", "default")  # begins no run, reads no file
    logger.attempt(lambda: 1 / 0)
    logger.attempt(lambda: 1 / 0)
    logger.log_metrics({"a": 1.0})
    assert capsys.readouterr().err.count("W&B failed (ZeroDivisionError") == 1
    assert not (tmp_path / "wandb").exists()


KILL_SERVICE = """
import os, signal

from pytorch_lightning.callbacks import Callback


class KillService(Callback):
    def on_train_epoch_end(self, trainer, *_):
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/cmdline") as file:
                    words = file.read()
            except OSError:
                continue
            if "wandb-core" in words and f"--pid\\0{os.getpid()}" in words:
                os.kill(int(process), signal.SIGKILL)
                print("killed", process)
"""


def test_a_service_that_dies_does_not_kill_the_training(tiny_config, tmp_path):
    """W&B's own process is killed after the first epoch.

    The run is complete, and the home folder holds no part of it.
    """
    (tmp_path / "service.py").write_text(KILL_SERVICE)
    config = yaml.safe_load(tiny_config.read_text())
    config["trainer"]["callbacks"].append({"class_path": "service.KillService"})
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "home").mkdir()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("WANDB")},
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        "OMP_NUM_THREADS": "1",
        "HOME": str(tmp_path / "home"),
    }
    command = [
        sys.executable,
        "train.py",
        "fit",
        "--config",
        str(tmp_path / "own.yaml"),
        "--runs_dir",
        str(tmp_path),
        "--id",
        "a",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "killed" in done.stdout
    assert "W&B failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(Run(tmp_path / "a").extracted("default")) == [0, 1, 6, 12]
    assert (tmp_path / "a" / "report.html").is_file()
    assert not (tmp_path / "home" / ".local" / "share" / "wandb").exists()


def command(config, runs, **environment):
    """The real command, as a person starts it: exit code, and everything that is printed."""
    arguments = ["fit", "--config", str(config), "--runs_dir", str(runs), "--id", "said", "--trainer.max_epochs", "1"]
    start = "import sys; from lk.cli import train; train(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", start, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "400", **environment},
        check=True,
    )
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_the_path_of_the_report_is_the_last_line(tiny_config, tmp_path, mode):
    lines = command(tiny_config, tmp_path, WANDB_MODE=mode, OMP_NUM_THREADS="1")
    assert lines[-1] == f"Report: {tmp_path / 'said' / 'report.html'}"
    assert not any("anonymous" in line for line in lines)
    assert not any("Run summary" in line or "Run history" in line for line in lines)
    advertised = [line for line in lines if "wandb leet" in line and str(tmp_path) in line]
    assert len(advertised) == (tmp_path / "said" / "wandb").is_dir() == (mode == "offline")
    assert not any(" 0.0 min" in line for line in lines)
