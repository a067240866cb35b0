"""The heartbeat of a training: who trains a run, how far it is, and whether that process still lives."""

import json
import math
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lk.storage.files import writing
from lk.storage.strict_json import read_json

HEARTBEAT = "heartbeat.json"
FORMAT = 1
EVERY = 10.0  # seconds between two beats
SILENT = 600.0  # seconds without one, after which a training on another machine no longer counts as alive
REQUIRED = {"host": str, "process": int, "time": float, "network": str, "data": str, "step": int, "epoch": float}
OPTIONAL = {"born": int, "ended": str, "seed": int, "epochs": float, "accuracy": float}


def beat(folder: Path, facts: Mapping[str, Any], ended: str | None = None) -> None:
    """Write `heartbeat.json`: the process that trains, the time, and facts about the training.

    A full disk costs the heartbeat, not the training.

    Args:
        folder: The run folder.
        facts: `network`, `data`, `seed`, `step`, `epoch`, `epochs` (planned) and `accuracy` (test split), where known.
        ended: How training ended; none while it goes on.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> beat(folder, {"network": "MLP", "data": "Digits", "step": 45, "epoch": 1.0})
        >>> found = read_heartbeat(folder)
        >>> found["step"], state(found)
        (45, 'training')
    """
    own = {
        "format": FORMAT,
        "host": socket.gethostname(),
        "process": os.getpid(),
        "born": born(os.getpid()),
        "time": time.time(),
        "ended": ended,
    }
    with suppress(OSError), writing(folder / HEARTBEAT) as temporary:
        temporary.write_text(json.dumps({**own, **facts}), encoding="utf-8")


def read_heartbeat(folder: Path) -> dict[str, Any] | None:
    """The heartbeat of a run; none where there is none or it is damaged."""
    path = folder / HEARTBEAT
    with suppress(ValueError, OSError):
        found = read_json(path, "no heartbeat", f"Delete it: {path}.")
        known = {key: found.get(key) for key, kind in {**REQUIRED, **OPTIONAL}.items() if is_kind(found.get(key), kind)}
        if found.get("format") == FORMAT and REQUIRED.keys() <= known.keys():
            return known
    return None


def is_kind(value: object, kind: type) -> bool:
    """Whether a value is of a kind; a whole number is a number too, and a number is finite."""
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind) and not isinstance(value, bool)


def state(heartbeat: Mapping[str, Any]) -> str:
    """State of a training by its heartbeat.

    Returns:
        How it ended (`finished`, `stopped early`, `SIGTERM`, the name of an error), `training`, or `died`: the process
        is gone without a word. Of a process on another machine, `silent` after ten minutes without a beat: it is dead,
        or works on a large checkpoint.
    """
    if "ended" in heartbeat:
        return str(heartbeat["ended"])
    if heartbeat["host"] == socket.gethostname():
        return "training" if lives(heartbeat["process"], heartbeat.get("born")) else "died"
    return "training" if time.time() - heartbeat["time"] < SILENT else "silent"


def lives(process: int, start: object) -> bool:
    """Whether a process of this machine lives, and is the one that was born then: numbers are given again."""
    try:
        os.kill(process, 0)
    except PermissionError:  # it is another user's
        pass
    except (OSError, OverflowError):
        return False
    return start is None or born(process) in (None, start)


def born(process: int) -> int | None:
    """Start time of a process in ticks since the machine started; none where the system does not say (not Linux)."""
    with suppress(OSError, ValueError, IndexError):
        # The second field is the program's name in brackets, which may hold anything.
        return int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[19])
    return None
