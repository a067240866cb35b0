"""The W&B logger: offline unless the environment says otherwise."""

import os
from collections.abc import Sequence
from typing import Any

from pytorch_lightning.loggers import WandbLogger


class Wandb(WandbLogger):
    """Lightning's W&B logger with this project's defaults: offline, and `WANDB_MODE` wins.

    Offline runs need no account; `wandb leet runs/<id>/wandb` shows one in the terminal and `wandb sync` sends it later.

    Args:
        project: W&B project.
        group: Runs of one experiment share a group, so that W&B's own panels compare them.
        job_type: What the run does.
        tags: Tags.
        mode: `offline`, `online` or `disabled`; the environment variable `WANDB_MODE` overrides it.
        name: Display name; default the run's id.
        id: The run's id; filled in by the command.
        save_dir: The run folder; filled in by the command.
    """

    def __init__(
        self,
        project: str = "lk",
        group: str | None = None,
        job_type: str = "train",
        tags: Sequence[str] = (),
        mode: str = "offline",
        name: str | None = None,
        id: str | None = None,
        save_dir: str = ".",
    ) -> None:
        if mode not in ("offline", "online", "disabled"):
            raise ValueError(f"Given mode={mode!r}; expected offline, online or disabled.")
        mode = os.environ.get("WANDB_MODE", mode)
        settings: dict[str, Any] = {"mode": mode, "group": group, "job_type": job_type, "tags": list(tags)}
        # W&B ends with 35 lines of its own about the run, which push the path of the report off the screen.
        settings["settings"] = {"max_end_of_run_history_metrics": 0, "max_end_of_run_summary_metrics": 0}
        super().__init__(name=name or id, save_dir=save_dir, id=id, project=project, **settings)
        if self._wandb_init.get("anonymous") is None:
            self._wandb_init.pop("anonymous", None)  # Lightning passes it on unset, and W&B warns that it has no effect
