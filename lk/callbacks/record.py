"""Record the training curves and the segments of a training in the run, so that a report needs no logger."""

import signal
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from lk.runs import Run
from lk.segments import begin_segment, end_segment
from lk.start import write_config

TABLE = "training"


class RecordTraining(Callback):
    """Writes `tables/training.parquet` at the end of each epoch: step, epoch, quantity, value.

    A quantity is what the task logs, such as `train/loss` or `test/accuracy`. Epochs count from 1: the value belongs to the end of
    the epoch. A resumed run keeps the rows of the epochs that are complete where it resumes. How each segment of the training began and
    ended goes into `segments.yaml` (see `lk.segments`).

    Args:
        changed: What a resume changes against the stored configuration, see `lk.segments.changes`.
        config: The configuration to store once the resume is accepted; none where it stays.
    """

    def __init__(self, changed: Mapping[str, list[Any]] | None = None, config: dict[str, Any] | None = None) -> None:
        self.changed, self.config, self.begun, self.validated = dict(changed or {}), config, False, False
        self.table = pd.DataFrame({"step": [], "epoch": [], "quantity": [], "value": []})

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take up the table of an interrupted run and begin a segment: here a resume has been accepted."""
        run = self.run(trainer)
        if run is None:
            return
        if run.table(TABLE).is_file():
            table = run.read_table(TABLE)
            self.table = table[table["epoch"] <= trainer.current_epoch]
        if trainer.is_global_zero:
            if self.config is not None:
                write_config(run.path, self.config)
            self.begun = True
            begin_segment(run.path, trainer.global_step, self.epochs(trainer), self.changed, trainer.world_size)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The segment ends as planned, or early."""
        whole = trainer.max_epochs is not None and trainer.current_epoch >= trainer.max_epochs
        steps = 0 < trainer.max_steps <= trainer.global_step
        self.end(trainer, "finished" if whole or steps else "stopped early")

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A run that is resumed after its last step trains no more; the segment that reached it is finished."""
        run = self.run(trainer)
        if run is not None and trainer.is_global_zero and not self.begun:
            end_segment(run.path, trainer.global_step, self.epochs(trainer), "finished")

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """The segment ends by a signal or an error."""
        code = exception.code if isinstance(exception, SystemExit) else None
        self.end(trainer, signal.Signals(code - 128).name if isinstance(code, int) and code > 128 else type(exception).__name__)

    def end(self, trainer: pl.Trainer, how: str) -> None:
        """Record the end of the segment."""
        run = self.run(trainer)
        if run is not None and self.begun:
            end_segment(run.path, trainer.global_step, self.epochs(trainer), how)

    @staticmethod
    def epochs(trainer: pl.Trainer) -> float:
        """Epochs trained so far, as a fraction."""
        return trainer.global_step / max(1, -(-int(trainer.num_training_batches) // trainer.accumulate_grad_batches))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The test split's values are new."""
        self.validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """One row per quantity that is known for the whole epoch."""
        run = self.run(trainer)
        known = {key: float(value) for key, value in sorted(trainer.callback_metrics.items()) if not key.endswith("_step")}
        if not self.validated:  # Lightning keeps the values of an earlier epoch where this one was not validated
            known = {key: value for key, value in known.items() if not key.startswith("test/")}
        self.validated = False
        # `train/loss` and `train/loss_epoch` are two names of one quantity where a task logs both.
        known = {key.removesuffix("_epoch"): value for key, value in known.items()}
        rows = [
            {"step": trainer.global_step, "epoch": float(trainer.current_epoch + 1), "quantity": k, "value": v} for k, v in known.items()
        ]
        if run is not None and trainer.is_global_zero and rows:
            earlier = self.table[self.table["step"] < trainer.global_step]
            self.table = pd.concat([earlier, pd.DataFrame(rows)], ignore_index=True) if len(earlier) else pd.DataFrame(rows)
            run.write_table(TABLE, self.table)

    @staticmethod
    def run(trainer: pl.Trainer) -> Run | None:
        """The run folder; none where a trainer is used without one."""
        try:
            return Run(trainer.default_root_dir)
        except FileNotFoundError:
            return None
