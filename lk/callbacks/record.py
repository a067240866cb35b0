"""Record the training curves in a table of the run, so that a report needs no logger."""

import pandas as pd
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from lk.runs import Run

TABLE = "training"


class RecordTraining(Callback):
    """Writes `tables/training.parquet` at the end of each epoch: step, epoch, quantity, value.

    A quantity is what the task logs, such as `train/loss` or `test/accuracy`. Epochs count from 1: the value belongs to the end of
    the epoch. A resumed run keeps the rows up to the step it resumes from.
    """

    def __init__(self) -> None:
        self.table = pd.DataFrame({"step": [], "epoch": [], "quantity": [], "value": []})

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take up the table of an interrupted run."""
        run = self.run(trainer)
        if run is not None and run.table(TABLE).is_file():
            table = run.read_table(TABLE)
            self.table = table[table["step"] <= trainer.global_step]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """One row per quantity that is known for the whole epoch."""
        run = self.run(trainer)
        known = {key: float(value) for key, value in trainer.callback_metrics.items() if not key.endswith("_step")}
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
