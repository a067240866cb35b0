"""Fixed kills of trainings with schedulers, workers, accumulation and the like."""

import copy
import signal
from pathlib import Path
from typing import Any

from killing.equal import differences
from killing.jobs import base, training
from killing.processes import forked

from lk.runs.segments import read_segments


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
