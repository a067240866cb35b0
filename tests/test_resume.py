"""Watching does not change training; a killed and resumed run equals an uninterrupted one, bit for bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from lk.cli import train
from lk.runs import Run

ROOT = Path(__file__).parents[1]


@pytest.fixture
def config(tiny_config, tmp_path, own_module):
    """The tiny run with a network that has dropout and batch normalisation, and two epochs more."""
    config = yaml.safe_load(tiny_config.read_text())
    module = {"class_path": f"{own_module}.Own"}
    config["model"]["network"] = {"class_path": "lk.networks.Wrapped", "init_args": {"module": module, "layers": ["body", "head"]}}
    config["trainer"]["max_epochs"] = 4
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def weights(folder):
    run = Run(folder)
    return torch.load(run.checkpoint(list(run.checkpoints)[-1]), weights_only=True)["state_dict"]


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for key in first:
        assert torch.equal(first[key], second[key]), key


def test_watched_equals_unwatched(config, tmp_path):
    train(["fit", "--config", str(config), "--runs_dir", str(tmp_path), "--id", "watched", "--report", "false"])
    plain = yaml.safe_load(config.read_text())
    plain["trainer"]["callbacks"] = [{"class_path": "lk.callbacks.SaveCheckpoints", "init_args": {"every_n_epochs": 4, "early": 0}}]
    plain["trainer"]["logger"] = False
    config.write_text(yaml.safe_dump(plain))
    train(["fit", "--config", str(config), "--runs_dir", str(tmp_path), "--id", "plain", "--report", "false"])
    watched, unwatched = weights(tmp_path / "watched"), weights(tmp_path / "plain")
    assert any("running_mean" in key for key in watched)
    assert_equal(watched, unwatched)


def test_killed_and_resumed_equals_uninterrupted(config, tmp_path, own_module):
    train(["fit", "--config", str(config), "--runs_dir", str(tmp_path), "--id", "whole", "--report", "false"])
    # A callback that kills the process in the middle of the third epoch, without any chance to tidy up.
    killed = yaml.safe_load(config.read_text())
    killed["trainer"]["callbacks"].append({"class_path": f"{own_module}.Kill", "init_args": {"step": 15}})
    path = tmp_path / "killed.yaml"
    path.write_text(yaml.safe_dump(killed))
    command = [sys.executable, "train.py", "fit", "--config", str(path), "--runs_dir", str(tmp_path), "--id", "killed", "--report", "false"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "OMP_NUM_THREADS": "1"}
    assert subprocess.run(command, cwd=ROOT, env=environment, capture_output=True).returncode == -signal.SIGKILL
    assert max(Run(tmp_path / "killed").checkpoints) < 24
    train(["fit", "--config", str(config), "--runs_dir", str(tmp_path), "--id", "killed", "--ckpt_path", "last", "--report", "false"])
    assert_equal(weights(tmp_path / "whole"), weights(tmp_path / "killed"))
    assert list(Run(tmp_path / "killed").extracted("default")) == list(Run(tmp_path / "whole").extracted("default"))
    whole, resumed = (Run(tmp_path / name).read_table("training") for name in ("whole", "killed"))
    assert (whole["step"] == resumed["step"]).all()


def test_resume_needs_a_run(config, tmp_path):
    with pytest.raises(ValueError, match="--ckpt_path last needs the --id"):
        train(["fit", "--config", str(config), "--runs_dir", str(tmp_path), "--ckpt_path", "last"])


def test_another_seed_gives_other_weights(config, tmp_path):
    for seed in ("1", "2"):
        train(
            [
                "fit",
                "--config",
                str(config),
                "--seed_everything",
                seed,
                "--runs_dir",
                str(tmp_path),
                "--id",
                f"seed{seed}",
                "--report",
                "false",
            ]
        )
    first, second = weights(tmp_path / "seed1"), weights(tmp_path / "seed2")
    assert not torch.equal(first["network.module.head.weight"], second["network.module.head.weight"])
