"""The runs of a folder as rows of a table; a thousand runs take about a second.

Facts come from small files that the commands keep beside the results (`lk.runs.heartbeat`, `lk.runs.measured`).
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lk.runs.heartbeat import read_heartbeat, state
from lk.runs.measured import read_measured

COLUMNS = (
    *("run", "state", "network", "data", "seed", "epoch", "epochs", "accuracy"),
    *("completeness", "certified", "size", "age"),
)
DEPTH = 3  # runs/paper/mnist-mlp7-0 lies two folders deep
Row = dict[str, Any]


def overview(folder: Path, now: float | None = None) -> list[Row]:
    """A row for each run below a folder, the one that was written last first.

    Columns: run (its path from the folder), state (`lk.runs.heartbeat.state`; without a heartbeat
    `not started`, `damaged`, or `unknown` where the run is of an earlier version), network, data,
    seed, epoch, epochs (planned), accuracy (test split), completeness (of the layer nearest to half of the depth,
    against the output, at the last checkpoint), certified (share of games whose gap is proven; of group networks,
    share that is provable), size (bytes of all files), age (seconds since the last file was written). None where
    something is not known.

    Args:
        folder: Folder of runs.
        now: Seconds since 1970; default the clock's.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder of runs, got {folder}. Name the --runs_dir of the trainings.")
    now = time.time() if now is None else now
    rows = [row(path, path.relative_to(folder).as_posix(), now) for path in run_folders(folder)]
    return sorted(rows, key=lambda each: each["age"])


def run_folders(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Folders with a `config.yaml` at or below a folder; nothing inside of a run is another run."""
    if (folder / "config.yaml").is_file():
        yield folder
    elif depth:
        with os.scandir(folder) as entries:
            inner = sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
        for path in inner:
            yield from run_folders(Path(path), depth - 1)


def row(path: Path, name: str, now: float) -> Row:
    """The row of one run."""
    size, written = measure(path)
    heartbeat = read_heartbeat(path)
    about = from_files(path) if heartbeat is None else {**heartbeat, "state": state(heartbeat)}
    found: Row = dict.fromkeys(COLUMNS)
    found |= {key: about[key] for key in COLUMNS if key in about}
    found |= measured_of(path)
    return {**found, "run": name, "size": size, "age": max(0.0, now - written)}


def measure(folder: str | Path) -> tuple[int, float]:
    """Bytes of all files below a folder, and when the last of them was written; links are not followed."""
    size, written = 0, 0.0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner, last = measure(entry.path)
            else:
                about = entry.stat(follow_symlinks=False)
                inner, last = about.st_size, about.st_mtime
            size += inner
            if last > written:  # faster than max, of which there would be one for each file
                written = last
    return size, written


def measured_of(path: Path) -> Row:
    """Completeness and certified share: of the certificates, else of the default extraction, else of the first one."""
    found = {of: numbers for of, numbers in read_measured(path).items() if (path / of).exists()}
    order = sorted(found, key=lambda of: (of != "certificates", of != "extractions/default", of))
    numbers = found[order[0]] if order else {}
    return {key: numbers[key] for key in ("completeness", "certified") if key in numbers}


def from_files(path: Path) -> Row:
    """Facts about a run without a heartbeat: one that never began to train, or of an earlier version."""
    from lk.runs import Run  # loads torch and pandas, which no other run needs
    from lk.runs.segments import read_segments
    from lk.studies.run_facts import class_name, test_accuracy

    try:
        run = Run(path)
        segments, accuracy = read_segments(path), test_accuracy(run)
        names = {"network": class_name(run.config["model"]["network"]), "data": class_name(run.config["data"])}
        last = segments[-1] if segments else {}
        ended = last.get("ended", "unknown" if (path / "tables").is_dir() else "not started")
    except (ValueError, OSError):
        return {"state": "damaged"}
    return {
        **names,
        "state": ended,
        "seed": run.config.get("seed_everything"),
        "epoch": last.get("to_epoch"),
        "epochs": (run.config.get("trainer") or {}).get("max_epochs"),
        "accuracy": None if accuracy is None else accuracy[0],
    }
