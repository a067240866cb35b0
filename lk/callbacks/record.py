"""Record training curves and segments in the run, so that a report needs no logger.

Count epochs and steps in every logger alike.
"""

import signal
import time
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from lk.callbacks.checkpoints import epochs_trained, steps_per_epoch
from lk.runs import Run
from lk.runs.heartbeat import EVERY, beat
from lk.runs.segments import begin_segment, end_segment, write_config
from lk.studies.environment import record_environment
from lk.studies.run_facts import class_name

TABLE = "training"
COUNTS = ("epoch", "step")


class RecordTraining(Callback):
    """Writes `tables/training.parquet` at the end of each epoch: step, epoch, quantity, value.

    A quantity is what the task logs, such as `train/loss` or `test/accuracy`. Epochs count from 1: the value belongs to
    the end of the epoch. A resumed run keeps the rows of the epochs that are complete where it resumes. How each
    segment of the training began and ended goes into `segments.yaml` (see `lk.runs.segments`). Every ten seconds
    `heartbeat.json` says how far training is (see `lk.runs.heartbeat`).

    Lightning's own `epoch` and step of a log are positions, counted from 0: a run of 25 epochs of 45 steps would end at
    24 and 1 124, beside a checkpoint of epoch 25 and step 1 125. Here all loggers are given what tables and checkpoints
    say, epochs trained and steps done, by the two names that Lightning leaves to its user: `self.log("step", ...)` and
    `self.log("epoch", ...)`.

    Args:
        changed: What a resume changes against the stored configuration, see `lk.runs.segments.changes`.
        config: The configuration to store once the resume is accepted; none where it stays.
    """

    def __init__(self, changed: Mapping[str, list[Any]] | None = None, config: dict[str, Any] | None = None) -> None:
        self.changed, self.config, self.begun, self.validated = dict(changed or {}), config, False, False
        self.table = pd.DataFrame({"step": [], "epoch": [], "quantity": [], "value": []})
        self.known: dict[str, float] = {}
        self.next_beat = 0.0

    def state_dict(self) -> dict[str, Any]:
        """The task's last values: schedulers, callbacks and the table ask for them at the epoch's end."""
        return {"validated": self.validated, "known": self.known}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep them until training starts."""
        self.validated, self.known = bool(state_dict["validated"]), dict(state_dict["known"])

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Fill in the values; only here is the trainer known."""
        known = {key: float(value) for key, value in trainer.callback_metrics.items()}
        checkpoint.get("callbacks", {}).get(self.state_key, {}).update(known=known)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take up the table of an interrupted run and begin a segment: here a resume has been accepted."""
        trainer._logger_connector._callback_metrics.update(
            {key: torch.tensor(value) for key, value in self.known.items()}
        )
        run = self.run(trainer)
        if run is None:
            return
        if run.table(TABLE).is_file():
            table = run.read_table(TABLE)
            self.table = table[table["epoch"] <= trainer.current_epoch]
        if trainer.is_global_zero:
            if self.config is not None:
                write_config(run.path, self.config)
            record_environment(run, "training", trainer.global_step, str(pl_module.device))
            self.begun = True
            begin_segment(run.path, trainer.global_step, epochs_trained(trainer), self.changed, trainer.world_size)
            self.beat(trainer, run)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The segment ends as planned, or early.

        In steps, as Lightning counts an epoch that is stopped inside as complete.
        """
        whole = (
            trainer.max_epochs is not None and trainer.global_step >= trainer.max_epochs * steps_per_epoch(trainer) >= 0
        )
        steps = 0 < trainer.max_steps <= trainer.global_step
        self.end(trainer, "finished" if whole or steps else "stopped early")

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A run that is resumed after its last step trains no more; the segment that reached it is finished."""
        if trainer.is_global_zero and not self.begun:
            self.begun = True
            self.end(trainer, "finished")

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """The segment ends by a signal or an error."""
        code = exception.code if isinstance(exception, SystemExit) else None
        self.end(
            trainer,
            signal.Signals(code - 128).name if isinstance(code, int) and code > 128 else type(exception).__name__,
        )

    def end(self, trainer: pl.Trainer, how: str) -> None:
        """Record the end of the segment."""
        run = self.run(trainer)
        if run is not None and self.begun:
            end_segment(run.path, trainer.global_step, epochs_trained(trainer), how)
            self.beat(trainer, run, how)

    def beat(self, trainer: pl.Trainer, run: Run, ended: str | None = None) -> None:
        """Write how far training is."""
        ends = (trainer.max_epochs or -1, trainer.max_steps / steps_per_epoch(trainer))  # negative: no bound
        accuracy = trainer.callback_metrics.get("test/accuracy")
        facts = {
            "network": class_name(run.config["model"].get("network")),
            "data": class_name(run.config["data"]),
            "seed": run.config.get("seed_everything"),
            "step": trainer.global_step,
            "epoch": epochs_trained(trainer),
            "epochs": min((end for end in ends if end > 0), default=None),
            "accuracy": None if accuracy is None else float(accuracy),
        }
        beat(run.path, facts, ended)
        self.next_beat = time.monotonic() + EVERY

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The test split's values are new."""
        self.validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """One row per quantity that is known for the whole epoch."""
        run = self.run(trainer)
        known = {
            k: float(value)
            for k, value in sorted(trainer.callback_metrics.items())
            if k not in COUNTS and not k.endswith("_step")
        }
        if not self.validated:  # Lightning keeps the values of an earlier epoch where this one was not validated
            known = {key: value for key, value in known.items() if not key.startswith("test/")}
        self.validated = False
        self.count(trainer, pl_module)
        # `train/loss` and `train/loss_epoch` are two names of one quantity where a task logs both.
        known = {key.removesuffix("_epoch"): value for key, value in known.items()}
        rows = [
            {"step": trainer.global_step, "epoch": float(trainer.current_epoch + 1), "quantity": k, "value": v}
            for k, v in known.items()
        ]
        if run is not None and trainer.is_global_zero and rows:
            earlier = self.table[self.table["step"] < trainer.global_step]
            self.table = (
                pd.concat([earlier, pd.DataFrame(rows)], ignore_index=True) if len(earlier) else pd.DataFrame(rows)
            )
            run.write_table(TABLE, self.table)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Where the task's values of this step are logged, so are the counts; now and then the heart beats."""
        if self.begun and time.monotonic() >= self.next_beat:
            self.beat(trainer, Run(trainer.default_root_dir))
        every = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and (trainer.global_step % every == 0 or trainer.should_stop):
            self.count(trainer, pl_module, on_step=True, on_epoch=False)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The same for the test split."""
        self.count(trainer, pl_module)

    @staticmethod
    def count(
        trainer: pl.Trainer, pl_module: pl.LightningModule, on_step: bool | None = None, on_epoch: bool | None = None
    ) -> None:
        """Log epochs trained (a fraction inside an epoch) and steps done; a sanity check comes before either."""
        if trainer.sanity_checking:
            return
        for name, value in zip(COUNTS, (epochs_trained(trainer), float(trainer.global_step)), strict=True):
            pl_module.log(name, value, on_step=on_step, on_epoch=on_epoch, sync_dist=True)

    @staticmethod
    def run(trainer: pl.Trainer) -> Run | None:
        """The run folder; none where a trainer is used without one."""
        try:
            return Run(trainer.default_root_dir)
        except FileNotFoundError:
            return None
