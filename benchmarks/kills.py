"""Kill every command, run it again, and compare with an undisturbed run: bit for bit, with what it repeats counted.

    python benchmarks/kills.py --kills 200 --signals 20

Half of the kills come at a rename (just before or just after one, chosen among all of the job), half at a random time.
A kill is SIGKILL to the process that does the work. Reported per job: kills, completed, equal, steps repeated (most,
and the interval allowed), files left over. Exit code 1 if one differs. `--scenarios` runs the fixed kills of trainings
with schedulers, workers, accumulation and the like instead.
"""

import argparse
import copy
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch
import yaml
from safetensors import safe_open

from lk.cli import analyze, main, probe, train
from lk.runs.segments import read_segments

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


def forked(
    work: Callable[[], Any],
    log: Path,
    limit: float = 300.0,
    kill_after: float | None = None,
    number: int = signal.SIGKILL,
) -> int:
    """Exit code of some work in a process of its own that starts with everything imported.

    Negative where a signal ended it.
    """
    pid = os.fork()
    if pid == 0:
        handle = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        code = 0
        try:
            main(work)
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
        except BaseException:
            traceback.print_exc()
            code = 99
        os._exit(code or 0)
    begun, sent = time.monotonic(), False
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        passed = time.monotonic() - begun
        if kill_after is not None and passed > kill_after and not sent:
            os.kill(pid, number)
            sent = True
        if passed > limit:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return 124
        time.sleep(0.005)


def dying(work: Callable[[], Any], rename: int, after: bool, count: Path | None = None) -> Callable[[], Any]:
    """The work, in a process that is killed just before or after its n-th rename.

    `count` collects how many there are.
    """

    def armed() -> Any:
        real, seen = os.replace, 0

        def replace(*arguments: Any, **settings: Any) -> None:
            nonlocal seen
            if seen == rename and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            real(*arguments, **settings)
            seen += 1
            if count is not None:
                count.write_text(str(seen))
            if seen == rename + 1 and after:
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = replace  # type: ignore[assignment]
        return work()

    return armed


# ---- what must be equal
def content(path: Path) -> Any:
    """What a file says, without times."""
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys() if key != "seconds"}  # noqa: SIM118
        return {
            "about": timeless({key: parsed(value) for key, value in about.items()}),
            **{k: v.tolist() for k, v in tensors.items()},
        }
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path)
        return json.loads(
            frame.drop(columns=[c for c in frame if "seconds" in str(c)]).to_json(orient="split", double_precision=15)
        )
    if path.suffix == ".ckpt":
        stored = torch.load(path, map_location="cpu", weights_only=True)
        return {key: value.tolist() for key, value in stored["state_dict"].items() if key.startswith("network.")}
    if path.suffix in (".yaml", ".json"):
        return timeless(yaml.safe_load(path.read_text()))
    return None  # figures and pages are drawn from the tables


def parsed(text: str) -> Any:
    """A header entry as data, where it is JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def timeless(thing: Any) -> Any:
    """Nested data without measured times and digests of files that hold some."""
    if isinstance(thing, dict):
        if "tiers" in thing:  # name, bound, operations, seconds
            thing = {**thing, "tiers": [tier[:3] for tier in thing["tiers"]]}
        return {
            key: timeless(value)
            for key, value in thing.items()
            if "seconds" not in key and key not in ("digest", "started")
        }
    return [timeless(item) for item in thing] if isinstance(thing, list) else thing


IGNORED = ("wandb", "segments.yaml", ".lock", "config.yaml")  # the configuration names its own folder and id


def files_of(folder: Path) -> dict[str, Path]:
    """Files of a job that must be equal, by name."""
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name: path
        for name, path in found.items()
        if not set(Path(name).parts) & set(IGNORED) and "last.ckpt" not in name
    }


def differences(first: Path, second: Path) -> list[str]:
    """Files that are in one folder only, or say different things."""
    one, two = files_of(first), files_of(second)
    found = [f"only once: {name}" for name in sorted(set(one) ^ set(two))]

    def said(path: Path, folder: Path) -> str:  # a table may name its run
        return json.dumps(content(path), default=str, sort_keys=True).replace(folder.name, "RUN")

    return found + [
        f"differs: {name}" for name in sorted(set(one) & set(two)) if said(one[name], first) != said(two[name], second)
    ]


# ---- jobs
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


def undisturbed(job: Job, root: Path) -> Path:
    """The job's result, how many renames it makes and how long it takes."""
    folder = prepare(job, root / "whole" / re.sub(r"[^a-zA-Z0-9]+", "-", f"undisturbed {job.name}"))
    folder.parent.mkdir(exist_ok=True)
    count, log = root / "renames", folder.with_suffix(".log")
    begun = time.monotonic()
    code = forked(dying(job.command(folder), -1, False, count), log)
    job.seconds = time.monotonic() - begun
    if code:
        raise SystemExit(f"{job.name} undisturbed ended with {code}:\n{log.read_text()[-3000:]}")
    job.renames = int(count.read_text())
    return folder


def attempt(
    job: Job,
    whole: Path,
    root: Path,
    number: int,
    chance: random.Random,
    stop: int = signal.SIGKILL,
    place: int | None = None,
) -> dict[str, Any]:
    """One kill, the same command again, and what came of it.

    `place` is the rename before which to kill, drawn where it is not given.
    """
    folder = prepare(job, root / "killed" / f"{whole.name}-{number}")
    folder.parent.mkdir(exist_ok=True)
    log = folder.with_suffix(".log")
    if stop == signal.SIGKILL and (number % 2 == 0 or place is not None):
        rename, after = (chance.randrange(job.renames), chance.random() < 0.5) if place is None else (place, False)
        how = f"{'after' if after else 'before'} rename {rename}"
        first = forked(dying(job.command(folder), rename, after), log)
    else:
        moment = chance.uniform(0.05, 0.95) * job.seconds
        how = f"after {moment:.2f} s"
        first = forked(job.command(folder), log, kill_after=moment, number=stop)
    again = forked(job.command(folder), log)
    wrong = differences(whole, folder) if again == 0 else [f"ended with {again}: {log.read_text()[-600:]}"]
    left = [str(path.relative_to(folder)) for path in folder.rglob(".*.part")]
    trained = Path(f"{folder}.count")
    repeated = trained.stat().st_size - job.steps if trained.is_file() else 0
    wanted = (0, -signal.SIGKILL) if stop == signal.SIGKILL else (0, 128 + stop)
    if first not in wanted:
        wrong.append(f"the first command ended with {first}, expected one of {wanted}: {log.read_text()[-600:]}")
    if not wrong:
        shutil.rmtree(folder)
    return {"how": how, "first": first, "again": again, "wrong": wrong, "left": left, "repeated": repeated}


# ---- fixed kills
def scenarios(root: Path) -> dict[str, tuple[dict[str, Any], list[tuple[int, str, int, int]]]]:
    """Name to a configuration and its kills: step, hook, signal, and the step from which the resumed run must go on."""

    def with_point(config: dict[str, Any], steps: int | None, minutes: float | None = None) -> dict[str, Any]:
        own = {"every_n_steps": steps, "every_n_minutes": minutes}
        config["trainer"]["callbacks"].append({"class_path": "lk.callbacks.SaveResumePoint", "init_args": own})
        return config

    def stopping(config: dict[str, Any]) -> dict[str, Any]:
        own = {"monitor": "test/loss", "patience": 2, "min_delta": 0.5}
        config["trainer"]["callbacks"].append(
            {"class_path": "pytorch_lightning.callbacks.EarlyStopping", "init_args": own}
        )
        return config

    def scheduled(config: dict[str, Any]) -> dict[str, Any]:
        config["trainer"]["callbacks"][0]["init_args"] = {
            "log_spaced": 24,
            "early": 0,
        }  # at steps 1, ..., 8, 9, 10, 12, ..., 18, 21, 24
        return config

    def averaging(config: dict[str, Any]) -> dict[str, Any]:
        own = {"swa_lrs": 0.01, "swa_epoch_start": 1, "annealing_epochs": 1}
        config["trainer"]["callbacks"].append(
            {"class_path": "pytorch_lightning.callbacks.StochasticWeightAveraging", "init_args": own}
        )
        return config

    batch, kill, term, interrupt = "on_train_batch_end", signal.SIGKILL, signal.SIGTERM, signal.SIGINT
    plateau = {"class_path": "pytorch_lightning.cli.ReduceLROnPlateau"}
    plateau["init_args"] = {"monitor": "test/loss", "patience": 0, "factor": 0.1, "threshold": 0.5}  # type: ignore[assignment]
    cosine = {"class_path": "torch.optim.lr_scheduler.CosineAnnealingLR", "init_args": {"T_max": 4}}
    return {
        "every epoch": (
            base(root),
            [
                (9, batch, kill, 6),
                (12, batch, kill, 6),
                (12, "on_validation_end", kill, 6),
                (12, "on_train_epoch_start", kill, 12),
                (12, "on_train_epoch_end", kill, 6),
                (1, batch, kill, 1),
                (2, batch, kill, 1),
                (24, batch, kill, 18),
            ],
        ),
        "every moment": (with_point(base(root), None, 1e-9), [(9, batch, kill, 8), (10, batch, kill, 9)]),
        "every 4 steps": (
            with_point(base(root), 4),
            [(9, batch, kill, 8), (11, batch, kill, 8), (13, batch, kill, 12)],
        ),
        "signals": (
            base(root),
            [(9, batch, term, 9), (12, batch, term, 12), (12, "on_validation_end", term, 12), (9, batch, interrupt, 9)],
        ),
        "gathered gradients": (
            with_point(base(root, trainer__accumulate_grad_batches=4), 1),
            [(3, batch, kill, 2), (3, batch, term, 3), (5, batch, kill, 4)],
        ),
        "plateau": (
            base(root, lr_scheduler=plateau, trainer__max_epochs=6),
            [(15, batch, kill, 12), (21, batch, kill, 18), (26, batch, term, 26)],
        ),
        "cosine": (base(root, lr_scheduler=cosine), [(15, batch, kill, 12), (8, batch, term, 8)]),
        "workers": (
            with_point(base(root, data__init_args__num_workers=1), 4),
            [(9, batch, kill, 8), (13, batch, kill, 12)],
        ),
        "validation inside": (
            with_point(base(root, trainer__val_check_interval=0.5), 2),
            [
                (9, batch, kill, 8),
                (9, "on_validation_end", kill, 8),
                (13, batch, kill, 12),
                (3, batch, term, 4),
                (9, batch, term, 10),
                (9, "on_validation_end", term, 10),
                (11, batch, kill, 10),
            ],
        ),
        "validation by steps": (
            with_point(base(root, trainer__val_check_interval=4, trainer__check_val_every_n_epoch=None), 2),
            [
                (4, batch, term, 5),
                (9, batch, kill, 6),
                (7, batch, term, 7),
                (11, batch, kill, 10),
                (13, batch, kill, 12),
                (16, batch, term, 17),
            ],
        ),
        "validation after each step": (
            base(root, trainer__val_check_interval=1),
            [(9, batch, kill, 6), (9, batch, term, 12)],
        ),
        "scheduled where validation is due": (
            scheduled(base(root, trainer__val_check_interval=0.5)),
            [(9, batch, kill, 8), (10, batch, kill, 10), (21, batch, kill, 18)],
        ),
        "noisy": (
            with_point(base(root, data__class_path="own_net.NoisyDigits"), 4),
            [(9, batch, kill, 8), (13, batch, kill, 12), (12, "on_train_epoch_start", kill, 12), (10, batch, term, 10)],
        ),
        "noisy with workers": (
            with_point(base(root, data__class_path="own_net.NoisyDigits", data__init_args__num_workers=2), 4),
            [(9, batch, kill, 8), (12, "on_train_epoch_start", kill, 12)],
        ),
        "validation seldom": (
            with_point(base(root, trainer__check_val_every_n_epoch=3), 4),
            [(13, batch, kill, 12), (20, batch, kill, 18)],
        ),
        "early stopping": (stopping(base(root, trainer__max_epochs=8)), [(13, batch, kill, 12), (20, batch, kill, 18)]),
        "averaged weights": (
            with_point(averaging(base(root, trainer__max_epochs=5)), 4),
            [(9, batch, kill, 6), (9, batch, term, 12), (20, batch, kill, 18)],
        ),
        "fewer batches": (
            with_point(base(root, trainer__limit_train_batches=4), 3),
            [(7, batch, kill, 6), (9, batch, kill, 8)],
        ),
        "bounded steps": (
            with_point(base(root, trainer__max_steps=15), 4),
            [(9, batch, kill, 8), (14, batch, kill, 12), (12, "on_validation_end", term, 12)],
        ),
    }


def play_scenarios(root: Path, names: list[str]) -> list[dict[str, Any]]:
    """Every fixed kill: where the resumed run went on, and whether its files equal those of an undisturbed one."""
    found = []
    for name, (config, kills) in scenarios(root).items():
        if names and name not in names:
            continue
        stem = name.replace(" ", "-")
        whole = root / f"{stem}-whole"
        code = forked(training(config, whole, False), whole.with_suffix(".log"))
        if code:
            raise SystemExit(f"{name} undisturbed ended with {code}:\n{whole.with_suffix('.log').read_text()[-2000:]}")
        for step, hook, number, wanted in kills:
            folder = root / f"{stem}-{step}-{hook}-{int(number)}"
            log = folder.with_suffix(".log")
            armed = copy.deepcopy(config)
            own = {"step": step, "number": int(number), "hook": hook}
            armed["trainer"]["callbacks"].append({"class_path": "own_net.Kill", "init_args": own})
            first = forked(training(armed, folder, False), log)
            again = forked(training(config, folder, False), log)
            row = {
                "scenario": name,
                "step": step,
                "hook": hook,
                "signal": int(number),
                "first": first,
                "again": again,
                "wanted": wanted,
            }
            if again == 0:
                segments = read_segments(folder)
                row |= {
                    "from": segments[-1]["from_step"],
                    "ended": segments[-1].get("ended"),
                    "wrong": differences(whole, folder),
                }
                row["left"] = [path.name for path in folder.rglob(".*.part")]
            else:
                row["wrong"] = [log.read_text()[-800:]]
            found.append(row)
    return found


def expected(row: dict[str, Any]) -> bool:
    """Whether a fixed kill came out as promised."""
    code = -signal.SIGKILL if row["signal"] == signal.SIGKILL else 128 + row["signal"]
    return (
        row["first"] == code
        and row["again"] == 0
        and not row["wrong"]
        and not row["left"]
        and row["from"] == row["wanted"]
    )


def rows_of(job: Job) -> Iterator[str]:
    """The job's line of the table, and what went wrong."""
    done = job.done
    equal = sum(not attempt["wrong"] for attempt in done)
    left, repeated = sum(len(attempt["left"]) for attempt in done), [attempt["repeated"] for attempt in done]
    interval = "–" if job.interval is None else str(job.interval)
    completed = sum(attempt["again"] == 0 for attempt in done)
    yield f"| {job.name} | {len(done)} | {completed} | {equal} | {max(repeated, default=0)} | {interval} | {left} |"
    for attempt_ in done:
        if attempt_["wrong"]:
            yield f"    {attempt_['how']}: {attempt_['wrong'][:4]}"


def command(words: list[str] | None = None) -> int:
    """Kill, compare, print the table; 0 if all are equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--signals", type=int, default=20, help="SIGTERMs to trainings at random times.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", nargs="*", default=[], help="Only these.")
    parser.add_argument("--renames", action="store_true", help="Kill just before every rename of each job instead.")
    parser.add_argument("--scenarios", nargs="*", default=None, help="The fixed kills instead, all or these.")
    parser.add_argument("--json", type=Path, default=None, help="Write the results here.")
    given = parser.parse_args(words)
    torch.set_num_threads(1)
    root = Path(tempfile.mkdtemp(prefix="kills-"))
    (root / "own_net.py").write_text(NETWORK)
    sys.path.insert(0, str(root))
    print(
        f"lk kills: seed {given.seed}, torch {torch.__version__}, pytorch-lightning {pl.__version__}, {root}",
        flush=True,
    )
    if given.scenarios is not None:
        rows = play_scenarios(root, given.scenarios)
        for row in rows:
            print("ok   " if expected(row) else "WRONG", row, flush=True)
        if given.json:
            given.json.write_text(json.dumps([{**row, "ok": expected(row)} for row in rows]))
        good = bool(rows) and all(map(expected, rows))
        if good:
            shutil.rmtree(root)
        return 0 if good else 1
    chance = random.Random(given.seed)
    chosen = [job for job in jobs(root) if not given.jobs or job.name in given.jobs]
    print(
        "| job | kills | completed | equal | most steps repeated | allowed | files left "
        "|\n|---|---|---|---|---|---|---|"
    )
    good = True
    for place, job in enumerate(chosen):
        whole = undisturbed(job, root)
        if given.renames:
            job.done = [attempt(job, whole, root, number, chance, place=number) for number in range(job.renames)]
        else:
            count = given.kills // len(chosen) + (place < given.kills % len(chosen))
            job.done = [attempt(job, whole, root, number, chance) for number in range(count)]
        print("\n".join(rows_of(job)), flush=True)
        good &= all(not a["wrong"] and not a["left"] and a["repeated"] <= (job.interval or 0) for a in job.done)
        job.done = []
        if job.interval is not None and given.signals and not given.renames:
            trainings = sum(other.interval is not None for other in chosen)
            for number in range(given.signals // trainings + (place < given.signals % trainings)):
                job.done.append(attempt(job, whole, root, 10_000 + number, chance, signal.SIGTERM))
            job.name = f"{job.name}, SIGTERM"
            print("\n".join(rows_of(job)), flush=True)
            good &= all(not a["wrong"] and not a["left"] and a["repeated"] <= (job.interval or 0) for a in job.done)
    if good:
        shutil.rmtree(root)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(command())
