"""The run folder and the run's id, filled into every logger that wants them and was given none."""

import inspect
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from pytorch_lightning.loggers import Logger, WandbLogger

from lk.cli.parser import found_class

FOLDER = "save_dir"
LEFT_OUT = ""  # a required folder that the user left out, until the command fills it in


def is_logger(kind: object) -> bool:
    """Whether something is a class of loggers."""
    return isinstance(kind, type) and issubclass(kind, Logger)


def fill(entry: Any, folder: Path, run_id: str) -> None:
    """Fill folder and id into the settings of a logger; what the user wrote stays.

    A folder that is a default of the logger's own, such as `./mlruns`, then lies inside the run folder. A W&B logger
    always gets both: its records belong to the run.

    Args:
        entry: Settings of one logger as the parser has them; anything else is left alone.
        folder: The run folder.
        run_id: The run's id.
    """
    kind = found_class(entry.class_path) if isinstance(entry, Namespace) and "class_path" in entry else None
    if not isinstance(kind, type) or not issubclass(kind, Logger):
        return
    settings = entry.init_args
    default = inspect.signature(kind).parameters.get(FOLDER)
    own = default.default if default is not None and isinstance(default.default, str) else LEFT_OUT
    if issubclass(kind, WandbLogger):
        settings[FOLDER], settings["id"] = str(folder), run_id
    elif FOLDER in settings and settings[FOLDER] in (None, LEFT_OUT, own):
        settings[FOLDER] = str(folder / own)
    if "run_name" in settings and settings["run_name"] is None:
        settings["run_name"] = run_id
