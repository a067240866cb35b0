"""Whether a training starts or resumes.

Its id, its folder, the checkpoint it goes on from, and the configuration that holds.
"""

import os
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytorch_lightning.utilities import rank_zero_only

from lk.console import say
from lk.runs import Run
from lk.runs.run import numbered
from lk.runs.segments import ResumePoint, accepted, changes, read_resume_point, resume_points

RUN_ID = "LK_RUN_ID"  # one id for all processes of a training; the first sets it for those that it starts


@dataclass(frozen=True)
class Start:
    """How a training begins.

    Attributes:
        config: The configuration that holds.
        checkpoint: What to resume from; none for a new run.
        changed: What a resume changes, see `lk.runs.segments.changes`.
    """

    config: dict[str, Any]
    checkpoint: str | None = None
    changed: dict[str, list[Any]] = field(default_factory=dict)


def run_id(given: str | None, stem: str, resume: bool, checkpoint: str | None) -> str:
    """The run's id: the given one, or a new one that all processes of this training share.

    Args:
        given: The argument `--id`.
        stem: Data and network, the beginning of a new id.
        resume: The argument `--resume`.
        checkpoint: The argument `--ckpt_path`.

    Raises:
        ValueError: The id names no folder, or is missing where several processes need one.
    """
    job = os.environ.get("SLURM_JOB_ID")
    several = int(os.environ.get("SLURM_NTASKS" if job else "WORLD_SIZE", "1")) > 1
    if given is None and resume and not job:
        raise ValueError(
            "expected the --id of the run to resume or to start with --resume true, got none. Set --id (under SLURM "
            "the job's number is the default)."
        )
    if given is None and checkpoint == "last":
        raise ValueError("expected the --id of the run to resume with --ckpt_path last, got none. Set --id.")
    if given is None:
        swept = os.environ.get("WANDB_RUN_ID") if "WANDB_SWEEP_ID" in os.environ else None  # W&B's agent names the run
        given = os.environ.get(RUN_ID, swept)
    if given is None and job:
        given = f"{stem}-{job}"
    if given is None and several:
        raise ValueError(
            "expected --id, as several processes make one run, got none. Set --id to a name of your choice."
        )
    if given is None:
        given = f"{stem}-{datetime.now(UTC):%m%d-%H%M%S}-{secrets.token_hex(2)}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", given):
        raise ValueError(
            f"expected an id of up to 128 letters, digits, '-', '_' and '.', got id={given!r}. It names a folder and a "
            "W&B run; choose another."
        )
    os.environ[RUN_ID] = given
    return given


def start_of(folder: Path, given: dict[str, Any], resume: bool, checkpoint: str | None) -> Start:
    """Decide between start and resume, from the files of the run folder; nothing is written.

    Args:
        folder: The run folder.
        given: The configuration of the command.
        resume: Resume the run if it exists, start it otherwise.
        checkpoint: `last` resumes; another path resumes from that file; nothing starts.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: A run of this id exists and is not to be resumed, or was trained with other settings.
    """
    scheduled = numbered(folder / "checkpoints", ".ckpt")
    exists = (folder / "config.yaml").is_file()
    if not resume and checkpoint is None:
        # A start that was refused or killed before its first checkpoint leaves nothing worth keeping.
        if exists and scheduled:
            raise ValueError(
                f"expected the --id of a new run, got {folder.name!r}, which exists already in {folder}. Choose "
                "another --id, resume it with --resume true, or delete the folder."
            )
        return Start(given)
    if checkpoint not in (None, "last"):
        if not Path(str(checkpoint)).is_file():
            raise FileNotFoundError(
                f"expected a checkpoint, or last for the newest of the run --id, got --ckpt_path {checkpoint}, which "
                "is no file. Check the path."
            )
        point: ResumePoint | None = ResumePoint(Path(str(checkpoint)), -1)
    else:
        point = newest(folder, scheduled)
    if not exists or point is None:
        if exists and is_first():
            say(f"Run {folder.name!r} was stopped before its first resume point; it starts again.")
        return Start(given, None if point is None else str(point.path))
    stored = Run(folder).config
    changed = changes(stored, given, folder.name)
    return Start(accepted(stored, changed), str(point.path), changed)


def newest(folder: Path, scheduled: dict[int, Path]) -> ResumePoint | None:
    """The newest checkpoint that can be resumed from; says so where a damaged one had to be passed over."""
    point = next(resume_points(folder, scheduled), None)
    last = folder / "checkpoints" / "last.ckpt"
    if last.is_file() and read_resume_point(last) is None and is_first():
        say(f"{last} is damaged; the run goes on from {point.path if point else 'its start'}.")
    return point


def is_first() -> bool:
    """Whether this is the first process of the training, which alone speaks and writes."""
    return int(getattr(rank_zero_only, "rank", 0) or 0) == 0
