"""Finished runs, for the commands that read them."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lk.extraction import Extraction
from lk.extraction.extraction import PARTS
from lk.games import Players
from lk.games.maskers import Masker
from lk.probes import Probes, Recipe
from lk.runs import Run
from lk.scores import Score
from lk.storage.describe import describe
from lk.storage.trust import build, check_trusted
from lk.text import nearest

if TYPE_CHECKING:
    from lk.data import Data


def open_run(path: str, trust: bool, data_dir: str | None) -> tuple[Run, "Data", nn.Module]:
    """A run with its data and network, on the GPU where there is one.

    Raises:
        FileNotFoundError: The run has no checkpoints.
    """
    run = Run(path)
    if not run.checkpoints:
        raise FileNotFoundError(
            f"expected checkpoints in {run.path / 'checkpoints'}, got none. Train run {run.id} first."
        )
    data = run.data(trust, data_dir)
    return run, data, run.network(data, trust).to("cuda" if torch.cuda.is_available() else "cpu")


def chosen_steps(run: Run, steps: Sequence[int] | None) -> list[int]:
    """The given checkpoints of a run, or all.

    Raises:
        ValueError: The run has no checkpoint of a given step.
    """
    unknown = [step for step in steps or [] if step not in run.checkpoints]
    if unknown:
        raise ValueError(
            f"expected steps of checkpoints of run {run.id}, got step {unknown[0]}. Known: "
            f"{', '.join(map(str, run.checkpoints))}."
        )
    return list(steps or run.checkpoints)


# ---- the defaults of extract
def stored_defaults(path: str | None, trusted: bool, name: str | None = None) -> dict[str, Any]:
    """The extraction settings of a run, with the recipe of the probes that are stored."""
    if path is None or not (Path(path) / "config.yaml").is_file():
        return {}
    run = Run(path)
    settings = run.extraction_config(name)
    stored = [run.probes(step) for step in run.checkpoints if run.probes(step).is_file()]
    if stored:
        settings = {**settings, "probes": Probes.load(stored[-1]).recipe}
    settings = {key: value for key, value in settings.items() if value is not None}
    return settings if trusted else rebuilt(settings)


def rebuilt(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings from a run folder with each part built and described again.

    jsonargparse imports whatever a default names, in whatever form. It is therefore given descriptions of objects of
    ours alone.

    Raises:
        ForeignClassError: A part is of a class that is foreign.
        ValueError: A setting is unknown, or a part cannot be built.
    """
    check_trusted(settings)
    known = list(inspect.signature(Extraction).parameters)
    unknown = [key for key in settings if key not in known]
    if unknown:
        raise ValueError(
            f"expected settings of an extraction, got {unknown[0]!r} in the stored ones. {nearest(unknown[0], known)}"
        )
    bases = dict(zip(PARTS, (Players, Masker, Score, Recipe), strict=True))
    return {
        key: describe(build(value, False, bases[key])) if key in bases else value for key, value in settings.items()
    }


def option(args: Sequence[str], name: str) -> str | None:
    """The value of `--name value` or `--name=value`, before the parser is built."""
    for place, word in enumerate(args):
        if word == f"--{name}" and place + 1 < len(args):
            return args[place + 1]
        if word.startswith(f"--{name}="):
            return word.split("=", 1)[1]
    return None
