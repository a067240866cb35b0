"""Write the W&B workspace of some runs: `analyze.py dashboard runs/A runs/B`."""

import json
from typing import Any

from lk.console import say

FILE = "dashboard.json"
LOGGERS = ("Wandb", "WandbLogger")


def dashboard(runs: list[str], extraction: str = "default", publish: bool = False) -> None:
    """Write the W&B workspace of some runs as dashboard.json beside them; with an account, publish it.

    It holds the figures of a checkpoint, a line per run by layer, and certified bounds of group networks.

    Args:
        runs: Run folders of one W&B project.
        extraction: Name of the extraction to show.
        publish: Send the workspace to W&B; needs `wandb login`, and runs that are synchronised.

    Raises:
        ValueError: The runs log to several projects, or have nothing to show.
    """
    from lk.loggers.workspace import shown, spec, workspace
    from lk.runs import Run
    from lk.storage.files import writing

    opened = [Run(path) for path in runs]
    entity, project = home(opened)
    found = shown(opened, extraction)
    if publish:
        entity = entity or account()
    made = workspace(found, [run.id for run in opened], entity or "", project, extraction)
    path = opened[0].path.parent / FILE
    with writing(path) as temporary:
        temporary.write_text(json.dumps(spec(made), indent=1), encoding="utf-8")
    say(f"Workspace: {path}")
    if publish:
        made.save()
        say(f"Published: {made.url}")


def home(runs: list[Any]) -> tuple[str | None, str]:
    """Entity and project that the runs log to, from their configurations.

    Raises:
        ValueError: They have several.
    """
    found = set()
    for run in runs:
        loggers = (run.config.get("trainer") or {}).get("logger")
        for logger in loggers if isinstance(loggers, list) else [loggers]:
            if isinstance(logger, dict) and str(logger.get("class_path")).rsplit(".", 1)[-1] in LOGGERS:
                given = logger.get("init_args") or {}
                found.add((given.get("entity"), str(given.get("project") or "lk")))
    if len(found) > 1:
        raise ValueError(
            f"expected runs of one W&B project, got {', '.join(sorted(project for _, project in found))}. "
            "Make a workspace for each."
        )
    return next(iter(found), (None, "lk"))


def account() -> str:
    """The entity of the account that is logged in.

    Raises:
        ValueError: None is.
    """
    import wandb

    try:
        return str(wandb.Api().default_entity)
    except wandb.errors.Error as error:
        raise ValueError(
            f"expected a W&B account for --publish, got none ({error}). Run `wandb login`, or leave --publish away."
        ) from error
