"""One training with every other logger, in a process in which wandb cannot be imported."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image
from pytorch_lightning.loggers import CSVLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lk.loggers import log_figure
from lk.loggers.keys import EXTRACTION_FIGURES, key
from lk.runs import Run

ROOT = Path(__file__).parents[2]
FIGURES = [key("figures", name) for name in EXTRACTION_FIGURES]
OWN = """
from pytorch_lightning.loggers import Logger


class Numbers(Logger):
    def __init__(self, save_dir: str, fails_at: int = -1):
        self.save_dir_, self.fails_at, self.lines = save_dir, fails_at, 0
    name = property(lambda self: "numbers")
    version = property(lambda self: 0)
    def log_hyperparams(self, params): pass
    def log_metrics(self, metrics, step=None):
        self.lines += 1
        with open(f"{self.save_dir_}/{type(self).__name__}.txt", "a") as file:
            file.write(" ".join(metrics) + chr(10))
        if self.lines == self.fails_at:
            raise OSError(28, "No space left on device")


class Full(Numbers):
    pass
"""
START = """
import sys
sys.modules["wandb"] = None
from lk.cli import train
train(sys.argv[1:])
assert sys.modules["wandb"] is None
"""


@pytest.fixture(scope="module")
def run(tiny_config, tmp_path_factory):
    """The tiny run with TensorBoard, CSV, MLflow, a logger without pictures and one whose disk is full.

    None names a folder.
    """
    runs = tmp_path_factory.mktemp("others")
    (runs / "own_loggers.py").write_text(OWN)
    config = yaml.safe_load(tiny_config.read_text())
    config["trainer"]["logger"] = [
        {"class_path": "TensorBoardLogger", "init_args": {}},
        {"class_path": "CSVLogger"},
        {"class_path": "MLFlowLogger"},
        {"class_path": "own_loggers.Numbers"},
        {"class_path": "own_loggers.Full", "init_args": {"fails_at": 2}},
    ]
    (runs / "others.yaml").write_text(yaml.safe_dump(config))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(runs), str(ROOT)]),
        "OMP_NUM_THREADS": "1",
        "MLFLOW_ALLOW_FILE_STORE": "true",  # MLflow's folders, which need no database
    }
    words = ["fit", "--config", str(runs / "others.yaml"), "--runs_dir", str(runs), "--id", "tiny"]
    done = subprocess.run(
        [sys.executable, "-c", START, *words], cwd=runs, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Run(runs / "tiny"), done


def test_whatever_logs_the_weights_are_the_same(run, tiny_run):
    first, second = (
        torch.load(Run(path).checkpoint(12), weights_only=True)["state_dict"] for path in (run[0].path, tiny_run)
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_everything_lies_in_the_run_folder(run):
    assert {path.name for path in run[0].path.parent.iterdir()} <= {
        "others.yaml",
        "own_loggers.py",
        "tiny",
        "__pycache__",
    }
    stored = run[0].config["trainer"]["logger"]
    assert str(run[0].path) not in str(stored)  # another run may take the configuration up


def test_tensorboard_has_numbers_and_pictures_of_every_checkpoint(run):
    (events,) = run[0].path.rglob("events.out.tfevents.*")
    found = EventAccumulator(str(events), size_guidance={"images": 0, "scalars": 0}).Reload()
    for figure in FIGURES:
        assert [event.step for event in found.Images(figure)] == [0, 1, 6, 12]
        assert {event.width for event in found.Images(figure)} == {1140}
    epochs = [event.value for event in found.Scalars("checkpoint/epoch")]
    assert epochs == pytest.approx([0, 1 / 6, 1, 2])
    games = run[0].read_table("default/games")
    salient = games[games["layer"] == "layer1"].groupby("step")["salient"].mean()
    logged = found.Scalars("interactions/1_layer1/salient")
    assert [event.value for event in logged] == pytest.approx(salient.tolist(), rel=1e-6)


def test_csv_has_pictures_beside_its_numbers(run):
    (metrics,) = run[0].path.rglob("metrics.csv")
    rows = pd.read_csv(metrics)
    assert rows["checkpoint/epoch"].dropna().tolist() == pytest.approx([0, 1 / 6, 1, 2])
    for figure in FIGURES:
        files = sorted((metrics.parent / figure).iterdir())
        assert [path.name for path in files] == [
            f"epoch={epoch}.png" for epoch in ("0000.000", "0000.167", "0001.000", "0002.000")
        ]
        with Image.open(files[0]) as picture:
            assert len(np.unique(np.asarray(picture.convert("L")))) > 20  # something is drawn


def test_mlflow_has_numbers_pictures_and_the_report(run):
    (folder,) = (path.parent for path in (run[0].path / "mlruns").rglob("artifacts") if path.is_dir())
    assert (folder / "artifacts" / "report.html").read_bytes() == run[0].report.read_bytes()
    for figure in FIGURES:
        assert len(list((folder / "artifacts" / figure).iterdir())) == 4
    lines = (folder / "metrics" / "interactions" / "1_layer1" / "salient").read_text().splitlines()
    assert [int(line.split()[2]) for line in lines] == [0, 1, 6, 12]
    assert (folder / "tags" / "mlflow.runName").read_text() == "tiny"


def test_a_logger_without_pictures_is_told_once_and_gets_the_numbers(run):
    assert run[1].stderr.count("The logger Numbers takes no pictures") == 1
    lines = (run[0].path / "Numbers.txt").read_text().splitlines()
    assert sum("interactions/certified" in line for line in lines) == 4


def test_a_fault_of_any_logger_ends_its_records_alone(run):
    assert run[1].stderr.count("The logger Full failed (OSError: [Errno 28] No space left on device)") == 1
    assert len((run[0].path / "Full.txt").read_text().splitlines()) == 2
    assert list(run[0].extracted("default")) == [0, 1, 6, 12]
    assert "Traceback" not in run[1].stderr


def test_a_picture_is_drawn_where_a_logger_takes_it_alone(tmp_path):
    class Drawn:
        def __getattr__(self, name):
            raise AssertionError("drawn")

    log_figure([], "figures/a", Drawn(), "", 0.0, 0)
    with pytest.raises(AssertionError, match="drawn"):
        log_figure([CSVLogger(tmp_path)], "figures/a", Drawn(), "", 0.0, 0)
