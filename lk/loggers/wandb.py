"""The W&B logger: offline unless the environment says otherwise."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning.loggers import WandbLogger


class Wandb(WandbLogger):
    """Lightning's W&B logger with this project's defaults: offline, and `WANDB_MODE` wins.

    Offline runs need no account; `wandb leet runs/<id>/wandb` shows one in the terminal and `wandb sync` sends it
    later. An offline record names the files of its artifacts in the run folder: send it before you move the run.

    Args:
        project: W&B project.
        entity: W&B user or team that owns the project; default the account's own.
        group: Runs of one experiment share a group, so that W&B's own panels compare them.
        job_type: What the run does.
        tags: Tags.
        notes: A longer description of the run.
        mode: `offline`, `online` or `disabled`; the environment variable `WANDB_MODE` overrides it, and so does
            `wandb agent`, whose runs are online.
        artifacts: Send the interactions and the report as artifacts.
        log_model: Send the last checkpoint as an artifact at the end; `all` sends every checkpoint.
        name: Display name; default the run's id.
        id: The run's id; filled in by the command.
        save_dir: The run folder; filled in by the command.

    Raises:
        ModuleNotFoundError: The package wandb is missing.
        ValueError: The mode is unknown.
    """

    staged: str | None = None  # where this process stages, if that is our choice

    def __init__(
        self,
        project: str = "lk",
        entity: str | None = None,
        group: str | None = None,
        job_type: str = "train",
        tags: Sequence[str] = (),
        notes: str | None = None,
        mode: str = "offline",
        artifacts: bool = True,
        log_model: bool | Literal["all"] = True,
        name: str | None = None,
        id: str | None = None,
        save_dir: str = ".",
    ) -> None:
        if mode not in ("offline", "online", "disabled"):
            raise ValueError(f"expected mode offline, online or disabled, got mode={mode!r}. Use offline.")
        if find_spec("wandb") is None:
            raise ModuleNotFoundError(
                "expected the package wandb for trainer.logger, got none installed. Install it, or choose another "
                "logger: --trainer.logger CSVLogger."
            )
        swept = "WANDB_SWEEP_ID" in os.environ  # set by W&B's agent, to which an offline run says nothing
        mode = os.environ.get("WANDB_MODE", "online" if swept else mode)
        settings: dict[str, Any] = {"mode": mode, "entity": entity, "group": group, "job_type": job_type}
        settings |= {"tags": list(tags), "notes": notes}
        # W&B ends with 35 lines of its own about the run, which push the path of the report off the screen.
        settings["settings"] = {"max_end_of_run_history_metrics": 0, "max_end_of_run_summary_metrics": 0}
        super().__init__(
            name=name or id,
            save_dir=save_dir,
            id=id,
            project=project,
            log_model=log_model,
            add_file_policy="immutable",
            **settings,
        )
        if self._wandb_init.get("anonymous") is None:
            # Lightning passes it on unset, and W&B warns that it has no effect.
            self._wandb_init.pop("anonymous", None)
        self.artifacts = artifacts
        # W&B stages copies of tables here, in the user's home otherwise: a run is one folder.
        if os.environ.get("WANDB_DATA_DIR") in (None, Wandb.staged):
            Wandb.staged = os.environ["WANDB_DATA_DIR"] = str(Path(save_dir).resolve() / "wandb")
