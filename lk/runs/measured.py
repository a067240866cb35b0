"""What was measured on the last checkpoint of a run, in a few numbers for a table of runs."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lk.storage.files import writing
from lk.storage.strict_json import read_json

MEASURED = "measured.json"
FORMAT = 1
REMEDY = "Delete it, and make it again: analyze.py report RUN."


def record_measured(folder: Path, of: str, step: int, numbers: Mapping[str, float]) -> None:
    """Put the numbers of one checkpoint into `measured.json`, in the place of those of an earlier one.

    Args:
        folder: The run folder, whose lock the caller holds.
        of: Folder inside the run that holds what was measured, such as `extractions/default`.
        step: The checkpoint.
        numbers: Number by name; one that is not finite is left out.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> record_measured(folder, "extractions/default", 45, {"completeness": 0.5, "certified": 1.0})
        >>> read_measured(folder)
        {'extractions/default': {'step': 45, 'completeness': 0.5, 'certified': 1.0}}
    """
    known = {key: float(value) for key, value in numbers.items() if math.isfinite(value)}
    found = {**read_measured(folder), of: {"step": step, **known}}
    with writing(folder / MEASURED) as temporary:
        temporary.write_text(json.dumps({"format": FORMAT, "measured": found}), encoding="utf-8")


def read_measured(folder: Path) -> dict[str, dict[str, Any]]:
    """Numbers by what they were measured on; empty where the file is missing, damaged or of another version."""
    with suppress(ValueError, OSError):
        found = read_json(folder / MEASURED, "no numbers of a run", REMEDY)
        parts = found.get("measured")
        if found.get("format") == FORMAT and isinstance(parts, dict) and all(map(is_part, parts.values())):
            return parts
    return {}


def is_part(part: object) -> bool:
    """Whether something read from a file is what `record_measured` writes."""
    return isinstance(part, dict) and all(isinstance(value, (int, float)) for value in part.values())
