"""What W&B received, read back from its own file with its own reader."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from lk.loggers import Wandb, log_results, takes_figures
from lk.loggers.guard import attempt, guard
from lk.loggers.keys import EXTRACTION_FIGURES, key
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


LAYERS = ("1_layer1", "2_layer2", "3_output")
SCALARS = {f"interactions/{layer}/{name}" for layer in LAYERS for name in ("salient", "total_effect")}
SCALARS |= {f"interactions/{layer}/{name}" for layer in LAYERS[:-1] for name in ("completeness", "redundancy")}
SCALARS |= {f"probe/{layer}/{name}" for layer in LAYERS for name in ("accuracy", "calibration_error")}
SCALARS |= {"interactions/certified"}
FIGURES = [key("figures", name) for name in EXTRACTION_FIGURES]
EPOCHS = [0, 1 / 6, 1, 2]


def test_every_key_of_a_checkpoint_has_the_epoch_as_its_axis_and_is_defined_once(log):
    items = [item for item in history(log) if "interactions/certified" in item]
    assert [item["checkpoint/epoch"] for item in items] == EPOCHS
    for item in items:
        assert item["interactions/certified"] == 1
        assert {name for name in item if "/" in name} - {"checkpoint/epoch", "trainer/global_step"} == SCALARS
    metrics = [record["metric"] for record in log if record["type"] == "metric"]
    axes = {metric["name"]: metric.get("step_metric") for metric in metrics if "name" in metric}
    watched = SCALARS | set(FIGURES) | {"interactions/strongest"}
    assert {name for name, axis in axes.items() if axis == "checkpoint/epoch"} == watched
    assert len(metrics) == len(watched) + 3  # Lightning's two, and the epoch itself


def test_there_are_few_keys_and_one_for_each_thing(log):
    """Five layers have 29 numbers, six figures and a table; what Lightning and the task log comes on top."""
    keys = {name.split("._type")[0] for item in history(log) for name in item}
    logged = {name for name in keys if "." not in name and not name.startswith("_")}
    assert len(logged) + 2 * 6 <= 120  # six numbers for each of two layers more
    assert not any(re.search(r"_\d+$", name) for name in logged), "a key per checkpoint"


def test_training_is_logged_by_step(log):
    losses = [item for item in history(log) if "test/loss" in item]
    assert [item["trainer/global_step"] for item in losses] == [6, 12]


@pytest.mark.parametrize("figure", FIGURES)
def test_each_figure_is_a_picture_of_every_checkpoint(log, tiny_run, figure):
    items = [item for item in history(log) if f"{figure}._type" in item]
    assert [item["checkpoint/epoch"] for item in items] == EPOCHS
    (files,) = (tiny_run / "wandb").glob("offline-run-*/files")
    for item in items:
        with Image.open(files / item[f"{figure}.path"]) as picture:
            assert picture.size[0] == 1140
            assert len(set(np.asarray(picture.convert("L")).ravel().tolist())) > 20  # something is drawn
        assert item[f"{figure}.caption"].startswith(f"epoch {item['checkpoint/epoch']:.3g}"[:7])


def test_the_strongest_interactions_are_one_table_that_grows(log, tiny_run):
    items = [item for item in history(log) if "interactions/strongest._type" in item]
    assert [item["interactions/strongest.increment_num"] for item in items] == [0, 1, 2, 3]
    (files,) = (tiny_run / "wandb").glob("offline-run-*/files")
    parts = [json.loads((files / item["interactions/strongest.path"]).read_text()) for item in items]
    sent = pd.concat([pd.DataFrame(part["data"], columns=part["columns"]) for part in parts], ignore_index=True)
    stored = Run(tiny_run).read_table("default/strongest")
    pd.testing.assert_frame_equal(sent[list(stored)], stored, check_dtype=False)
    assert items[-1]["interactions/strongest.nrows"] == len(stored)


def test_model_interactions_and_report_are_artifacts_with_what_they_were_made_from(log, tiny_run):
    found = {record["artifact"]["type"]: record["artifact"] for record in log if record["type"] == "artifact"}
    made = {name: json.loads(found[name]["metadata"]) for name in ("model", "interactions", "report")}
    assert [found[name]["name"] for name in made] == ["tiny-model", "tiny-interactions", "tiny-report"]
    assert made["model"] == {"step": 12}
    assert made["interactions"]["made_from"] == ["tiny-model"]
    assert made["report"] == {"made_from": ["tiny-interactions"]}
    assert len(found["interactions"]["manifest"]["contents"]) == 5  # four checkpoints and the settings
    for name in made:
        for entry in found[name]["manifest"]["contents"]:
            assert Path(entry["local_path"]).resolve().is_relative_to(tiny_run.resolve())
            assert "/wandb/" not in entry["local_path"]  # named where it lies, not copied
    (page,) = [item for item in history(log) if "report._type" in item]
    (files,) = (tiny_run / "wandb").glob("offline-run-*/files")
    assert (files / page["report.path"]).read_bytes() == (tiny_run / "report.html").read_bytes()


def test_the_run_ended_well(log):
    assert [record["exit"].get("exit_code", 0) for record in log if record["type"] == "exit"] == [0]


def test_the_environment_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert Wandb(save_dir=str(tmp_path))._wandb_init["mode"] == "disabled"
    monkeypatch.delenv("WANDB_MODE")
    assert Wandb(save_dir=str(tmp_path))._wandb_init["mode"] == "offline"


def test_the_agent_of_wandb_gets_an_online_run(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_SWEEP_ID", "swept")
    assert Wandb(id="a", save_dir=str(tmp_path))._wandb_init["mode"] == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert Wandb(id="a", save_dir=str(tmp_path))._wandb_init["mode"] == "offline"


def test_an_unknown_mode():
    with pytest.raises(ValueError, match="expected mode offline, online or disabled, got mode='sometimes'"):
        Wandb(mode="sometimes")


def test_artifacts_can_be_declined_and_a_fault_ends_the_records_only(tmp_path, capsys):
    logger = guard(Wandb(save_dir=str(tmp_path), artifacts=False, log_model=False, mode="disabled"))
    (tmp_path / "config.yaml").write_text("{}")
    log_results([logger], Run(tmp_path), None)  # disabled: nothing is read
    attempt(logger, lambda: 1 / 0)
    attempt(logger, lambda: 1 / 0)
    logger.log_metrics({"a": 1.0})
    assert capsys.readouterr().err.count("logger Wandb failed (ZeroDivisionError") == 1
    assert not (tmp_path / "wandb").exists()
    assert not takes_figures(logger)


def test_lightnings_own_settings_are_taken(tmp_path):
    logger = Wandb(save_dir=str(tmp_path), notes="why", entity="team", log_model="all")
    assert (logger._wandb_init["notes"], logger._wandb_init["entity"], logger._log_model) == ("why", "team", "all")


def test_without_the_package_the_remedy_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ModuleNotFoundError, match=r"expected the package wandb .* --trainer\.logger CSVLogger"):
        Wandb()


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
    assert "logger Wandb failed" in done.stderr
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


@pytest.mark.parametrize("mode", ["offline", pytest.param("disabled", marks=pytest.mark.slow)])
def test_the_path_of_the_report_is_the_last_line(tiny_config, tmp_path, mode):
    lines = command(tiny_config, tmp_path, WANDB_MODE=mode, OMP_NUM_THREADS="1")
    assert lines[-1] == f"Report: {tmp_path / 'said' / 'report.html'}"
    assert not any("anonymous" in line for line in lines)
    assert not any("Run summary" in line or "Run history" in line for line in lines)
    advertised = [line for line in lines if "wandb leet" in line and str(tmp_path) in line]
    assert len(advertised) == (tmp_path / "said" / "wandb").is_dir() == (mode == "offline")
    assert not any(" 0.0 min" in line for line in lines)
