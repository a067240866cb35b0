"""Record the training curves in a table of the run, so that a report needs no logger; count epochs and steps in every logger alike."""

from typing import Any

import pandas as pd
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from lk.runs import Run
from lk.studies.environment import record_environment

TABLE = "training"
COUNTS = ("epoch", "step")


class RecordTraining(Callback):
    """Writes `tables/training.parquet` at the end of each epoch: step, epoch, quantity, value.

    A quantity is what the task logs, such as `train/loss` or `test/accuracy`. Epochs count from 1: the value belongs to the end of
    the epoch. A resumed run keeps the rows up to the step it resumes from.

    Lightning's own `epoch` and step of a log are positions, counted from 0: a run of 25 epochs of 45 steps would end at 24 and 1 124, beside a
    checkpoint of epoch 25 and step 1 125. Here all loggers are given what tables and checkpoints say, epochs trained and steps done, by the
    two names that Lightning leaves to its user: `self.log("step", ...)` and `self.log("epoch", ...)`.
    """

    def __init__(self) -> None:
        self.table = pd.DataFrame({"step": [], "epoch": [], "quantity": [], "value": []})

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take up the table of an interrupted run, and write down what computes this one."""
        run = self.run(trainer)
        if run is not None and trainer.is_global_zero:
            record_environment(run, "training", trainer.global_step, str(pl_module.device))
        if run is not None and run.table(TABLE).is_file():
            table = run.read_table(TABLE)
            self.table = table[table["step"] <= trainer.global_step]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """One row per quantity that is known for the whole epoch."""
        run = self.run(trainer)
        self.count(trainer, pl_module)
        known = {k: float(value) for k, value in trainer.callback_metrics.items() if k not in COUNTS and not k.endswith("_step")}
        # `train/loss` and `train/loss_epoch` are two names of one quantity where a task logs both.
        known = {key.removesuffix("_epoch"): value for key, value in known.items()}
        rows = [
            {"step": trainer.global_step, "epoch": float(trainer.current_epoch + 1), "quantity": k, "value": v} for k, v in known.items()
        ]
        if run is not None and trainer.is_global_zero and rows:
            earlier = self.table[self.table["step"] < trainer.global_step]
            self.table = pd.concat([earlier, pd.DataFrame(rows)], ignore_index=True) if len(earlier) else pd.DataFrame(rows)
            run.write_table(TABLE, self.table)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Where the task's values of this step are logged, so are the counts."""
        every = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and (trainer.global_step % every == 0 or trainer.should_stop):
            self.count(trainer, pl_module, on_step=True, on_epoch=False)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The same for the test split."""
        self.count(trainer, pl_module)

    @staticmethod
    def count(trainer: pl.Trainer, pl_module: pl.LightningModule, on_step: bool | None = None, on_epoch: bool | None = None) -> None:
        """Log epochs trained (a fraction inside an epoch) and steps done."""
        per_epoch = -(-int(trainer.num_training_batches) // trainer.accumulate_grad_batches)
        for name, value in zip(COUNTS, (trainer.global_step / max(1, per_epoch), float(trainer.global_step)), strict=True):
            pl_module.log(name, value, on_step=on_step, on_epoch=on_epoch, sync_dist=True)

    @staticmethod
    def run(trainer: pl.Trainer) -> Run | None:
        """The run folder; none where a trainer is used without one."""
        try:
            return Run(trainer.default_root_dir)
        except FileNotFoundError:
            return None
