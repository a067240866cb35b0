"""The W&B logger: offline unless the environment says otherwise."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from lk.console import say


class Wandb(WandbLogger):
    """Lightning's W&B logger with this project's defaults: offline, and `WANDB_MODE` wins.

    A fault of W&B (its service dies, the disk of its records is full) ends its records, not the training.
    Offline runs need no account; `wandb leet runs/<id>/wandb` shows one in the terminal and `wandb sync` sends it
    later.

    Args:
        project: W&B project.
        group: Runs of one experiment share a group, so that W&B's own panels compare them.
        job_type: What the run does.
        tags: Tags.
        mode: `offline`, `online` or `disabled`; the environment variable `WANDB_MODE` overrides it.
        artifacts: Send the interactions as an artifact. An offline record names their files in the run folder: send it
            (`wandb sync`) before you move the run.
        name: Display name; default the run's id.
        id: The run's id; filled in by the command.
        save_dir: The run folder; filled in by the command.
    """

    staged: str | None = None  # where this process stages, if that is our choice

    def __init__(
        self,
        project: str = "lk",
        group: str | None = None,
        job_type: str = "train",
        tags: Sequence[str] = (),
        mode: str = "offline",
        artifacts: bool = True,
        name: str | None = None,
        id: str | None = None,
        save_dir: str = ".",
    ) -> None:
        if mode not in ("offline", "online", "disabled"):
            raise ValueError(f"expected mode offline, online or disabled, got mode={mode!r}. Use offline.")
        mode = os.environ.get("WANDB_MODE", mode)
        settings: dict[str, Any] = {"mode": mode, "group": group, "job_type": job_type, "tags": list(tags)}
        # W&B ends with 35 lines of its own about the run, which push the path of the report off the screen.
        settings["settings"] = {"max_end_of_run_history_metrics": 0, "max_end_of_run_summary_metrics": 0}
        super().__init__(name=name or id, save_dir=save_dir, id=id, project=project, **settings)
        if self._wandb_init.get("anonymous") is None:
            # Lightning passes it on unset, and W&B warns that it has no effect.
            self._wandb_init.pop("anonymous", None)
        self.artifacts, self.lost = artifacts, False
        # W&B stages copies of tables here, in the user's home otherwise: a run is one folder.
        if os.environ.get("WANDB_DATA_DIR") in (None, Wandb.staged):
            Wandb.staged = os.environ["WANDB_DATA_DIR"] = str(Path(save_dir).resolve() / "wandb")

    def attempt(self, work: Callable[[], Any]) -> None:
        """Do something with W&B; its first fault is told, and nothing is sent after it."""
        if self.lost:
            return
        import wandb

        try:
            work()
        except Exception as error:
            self.lost = True
            with suppress(Exception):
                wandb.teardown(exit_code=1)  # or its own hook prints a traceback when the process ends
            say(
                f"W&B failed ({type(error).__name__}: {error}). "
                "The command goes on without it; tables and figures are complete."
            )

    def finish(self) -> None:
        """End the record."""
        import wandb

        self.attempt(wandb.finish)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Send numbers, pictures and tables."""
        self.attempt(lambda: super(Wandb, self).log_metrics(metrics, step))

    @rank_zero_only
    def log_hyperparams(self, params: Any) -> None:
        """Send the configuration."""
        self.attempt(lambda: super(Wandb, self).log_hyperparams(params))

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Lightning calls this at the end, whatever the end is."""
        self.attempt(lambda: super(Wandb, self).finalize(status))
