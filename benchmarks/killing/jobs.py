"""The commands that are killed, and what each starts from."""

import copy
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from killing.processes import forked

from lk.cli import analyze, probe, train

# The module `own_net` of the trainings: a user's own network, data and callbacks.
NETWORK = '''
import os, random, signal

import numpy as np
import torch
from pytorch_lightning.callbacks import Callback
from torch import nn

from lk.data import Digits


class Own(nn.Module):
    def __init__(self, outputs: int = 10):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.MaxPool2d(2), nn.Flatten()
        )
        self.head = nn.Linear(64, outputs)

    def forward(self, x):
        return self.head(self.body(x))


class Noisy:
    """Digits with noise from all three global generators, drawn as the samples are loaded."""

    def __init__(self, data, targets):
        self.data, self.targets = data, targets

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        x, y = self.data[index]
        return x + 0.1 * torch.randn_like(x) + 0.1 * np.random.rand() + 0.1 * random.random(), y


class NoisyDigits(Digits):
    def load(self):
        return tuple(Noisy(part, Digits.labels(part)) for part in super().load())

    def on_after_batch_transfer(self, batch, dataloader_idx):
        x, y = batch
        return (x + 0.1 * torch.randn_like(x) if self.trainer.training else x), y


class Count(Callback):
    """Writes a byte per batch into a file, so that repeated steps can be counted."""

    def __init__(self, path: str):
        self.path = path

    def on_train_batch_end(self, *_):
        with open(self.path, "ab") as file:
            file.write(b".")


class Kill(Callback):
    """Sends a signal to its own process at a step, in one of the hooks."""

    def __init__(self, step: int, number: int = 9, hook: str = "on_train_batch_end"):
        self.step, self.number, self.sent = step, number, False
        setattr(self, hook, self.hit)

    def hit(self, trainer, *_):
        if trainer.global_step == self.step and not self.sent:
            self.sent = True
            os.kill(os.getpid(), self.number)
'''
SPED = 6  # steps of an epoch of the trainings below: 1 437 samples in batches of 240


@dataclass
class Job:
    """A command that is killed: what it starts from, and how it is run."""

    name: str
    start: Path | None
    command: Callable[[Path], Callable[[], Any]]
    interval: int | None = None
    steps: int = 0
    renames: int = 0
    seconds: float = 0.0
    done: list[dict[str, Any]] = field(default_factory=list)


def base(runs: Path, **changes: Any) -> dict[str, Any]:
    """A training with dropout and batch normalisation that takes a second; four epochs of six steps."""
    config: dict[str, Any] = {
        "seed_everything": 3,
        "report": False,
        "runs_dir": str(runs),
        "data": {"class_path": "lk.data.Digits", "init_args": {"batch_size": 240, "samples_per_class": 1}},
        "model": {
            "network": {
                "class_path": "lk.networks.Wrapped",
                "init_args": {"module": {"class_path": "own_net.Own"}, "layers": ["body"]},
            }
        },
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}},
        "trainer": {
            "accelerator": "cpu",
            "max_epochs": 4,
            "logger": False,
            "enable_model_summary": False,
            "enable_progress_bar": False,
            "num_sanity_val_steps": 0,
            "callbacks": [
                {"class_path": "lk.callbacks.SaveCheckpoints", "init_args": {"early": 1, "every_n_epochs": 2}}
            ],
        },
    }
    for key, value in changes.items():
        place = config
        *parents, last = key.split("__")
        for parent in parents:
            place = place[parent]
        place[last] = value
    return config


EXTRACT = {
    "class_path": "lk.callbacks.ExtractInteractions",
    "init_args": {
        "extraction": {
            "class_path": "lk.extraction.Extraction",
            "init_args": {
                "players": {"class_path": "lk.games.Foreground", "init_args": {"n": 4, "patch": 2}},
                "probes": {"class_path": "lk.probes.Optimum", "init_args": {"max_samples": 300}},
            },
        }
    },
}
GROUP = {
    "seed_everything": 3,
    "report": False,
    "data": {
        "class_path": "lk.data.GroupTable",
        "init_args": {
            "group": {"class_path": "lk.groups.Symmetric", "init_args": {"n": 3}},
            "steps_per_epoch": 20,
            "train_fraction": 0.9,
        },
    },
    "model": {
        "network": {
            "class_path": "lk.networks.GroupNetwork",
            "init_args": {"width": 16, "embedding": 8, "seeds": 2, "first_seed": 5},
        }
    },
    "optimizer": {
        "class_path": "lk.tasks.Adam",
        "init_args": {"lr": 0.02, "betas": [0.9, 0.98], "weight_decay": 0.0002},
    },
    "trainer": {
        "accelerator": "cpu",
        "max_epochs": 5,
        "logger": False,
        "enable_model_summary": False,
        "enable_progress_bar": False,
        "num_sanity_val_steps": 0,
        "callbacks": [
            {
                "class_path": "lk.callbacks.SaveCheckpoints",
                "init_args": {"every_n_epochs": 0, "early": 0, "log_spaced": 4},
            },
            {"class_path": "lk.callbacks.Certify", "init_args": {"seeds": 1}},
        ],
    },
}


def training(config: dict[str, Any], folder: Path, counted: bool = True, *more: str) -> Callable[[], Any]:
    """The command that starts or resumes the run `folder`."""
    config = copy.deepcopy({**config, "runs_dir": str(folder.parent)})
    if counted:
        config["trainer"]["callbacks"].append({"class_path": "own_net.Count", "init_args": {"path": f"{folder}.count"}})
    path = folder.with_suffix(".train.yaml")
    path.write_text(yaml.safe_dump(config))
    return lambda: train(["fit", "--config", str(path), "--id", folder.name, "--resume", "true", *more])


def jobs(root: Path) -> list[Job]:
    """All commands, each with what it starts from."""
    log = root / "prepare.log"

    def made(name: str, work: Callable[[], Any]) -> Path:
        code = forked(work, log)
        if code:
            raise SystemExit(f"preparing {name} ended with {code}:\n{log.read_text()[-2000:]}")
        return root / name

    plain = base(root)
    watched = base(root)
    watched["trainer"]["callbacks"].append(EXTRACT)
    logged = copy.deepcopy(watched)
    logged["trainer"]["logger"] = True
    often = copy.deepcopy(plain)
    often["trainer"]["callbacks"].append(
        {"class_path": "lk.callbacks.SaveResumePoint", "init_args": {"every_n_steps": 4}}
    )
    finished = made("finished", training(plain, root / "finished", False))
    read = made("read", training(watched, root / "read", False))
    ungrouped = copy.deepcopy(GROUP)
    ungrouped["trainer"]["callbacks"].pop()  # type: ignore[index]
    group = made("group", training(ungrouped, root / "group", False))
    players = [
        "--extraction.players",
        "lk.games.Foreground",
        "--extraction.players.n",
        "4",
        "--extraction.players.patch",
        "2",
    ]
    paper = {
        "players": {"class_path": "lk.games.Grid", "init_args": {"patch": 4}},
        "stability": {"samples": 1, "draws": 2},
        "ablation": {"kappas": [0.04], "samples": 1},
        "controls": {"names": []},
    }

    def papered(folder: Path) -> Callable[[], Any]:
        own = {**paper, "folder": str(folder / "paper"), "networks": [{"name": "one", "runs": [str(folder)]}]}
        folder.with_suffix(".paper.yaml").write_text(yaml.safe_dump(own))
        return lambda: analyze(
            ["paper", "--config", str(folder.with_suffix(".paper.yaml")), "--trust", "true", "--figures", "[2, 3a, 5]"]
        )

    return [
        Job("train", None, lambda f: training(watched, f), SPED, 24),
        Job("train, every 4 steps", None, lambda f: training(often, f), 4, 24),
        Job("train, W&B", None, lambda f: training(logged, f), SPED, 24),
        Job("train and certify", None, lambda f: training(GROUP, f), 20, 100),
        Job(
            "extract",
            finished,
            lambda f: lambda: analyze(["extract", str(f), *players, "--trust", "true", "--report", "false"]),
        ),
        Job("probe", read, lambda f: lambda: probe(["fit", "--run", str(f), "--trust", "true"])),
        Job("certify", group, lambda f: lambda: analyze(["certify", str(f), "--report", "false"])),
        Job("report", read, lambda f: lambda: analyze(["report", str(f)])),
        Job("paper", finished, papered),
    ]


def prepare(job: Job, folder: Path) -> Path:
    """A folder as the job finds it."""
    shutil.rmtree(folder, ignore_errors=True)
    Path(f"{folder}.count").unlink(missing_ok=True)
    if job.start is not None:
        shutil.copytree(job.start, folder, symlinks=True)
        config = yaml.safe_load((folder / "config.yaml").read_text())
        (folder / "config.yaml").write_text(yaml.safe_dump({**config, "id": folder.name}, sort_keys=False))
    return folder
