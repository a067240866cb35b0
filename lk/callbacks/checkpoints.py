"""Save checkpoints on a schedule: the initial network, dense early, every k epochs, the last."""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from lk.runs import Run


class SaveCheckpoints(Callback):
    """Writes `checkpoints/step=0001234.ckpt` at the scheduled steps.

    Due are: step 0; a quarter, a sixteenth, ... of the first epoch (`early` of them); the ends of every k-th epoch and of the last.

    Args:
        every_n_epochs: The k.
        early: Number of checkpoints inside the first epoch.
    """

    def __init__(self, every_n_epochs: int = 1, early: int = 2) -> None:
        if every_n_epochs < 1 or early < 0:
            raise ValueError(f"Given every_n_epochs={every_n_epochs}, early={early}; expected at least 1 and 0.")
        self.every_n_epochs, self.early = every_n_epochs, early

    def steps(self, trainer: pl.Trainer) -> list[int]:
        """All steps that are due in this run.

        Raises:
            ValueError: The run has no end (`max_epochs` is -1).
        """
        per_epoch = -(-int(trainer.num_training_batches) // trainer.accumulate_grad_batches)
        if trainer.max_epochs is None or trainer.max_epochs < 0:
            raise ValueError("trainer.max_epochs is not set; the schedule of checkpoints needs the last epoch.")
        ends = [
            per_epoch * epoch
            for epoch in range(1, trainer.max_epochs + 1)
            if epoch % self.every_n_epochs == 0 or epoch == trainer.max_epochs
        ]
        inside = [per_epoch // 4**i for i in range(1, self.early + 1)]
        last = trainer.max_steps if trainer.max_steps > 0 else per_epoch * trainer.max_epochs
        return sorted(
            {0, *(step for step in inside if step > 0), *(step for step in ends if step < last), min(last, per_epoch * trainer.max_epochs)}
        )

    def due(self, trainer: pl.Trainer) -> bool:
        """Whether the current step is on the schedule."""
        return trainer.global_step in self.steps(trainer)

    def epoch(self, trainer: pl.Trainer) -> float:
        """Epochs trained so far, as a fraction."""
        return trainer.global_step / max(1, -(-int(trainer.num_training_batches) // trainer.accumulate_grad_batches))

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        """The fractional epoch travels inside the checkpoint."""
        checkpoint["lk"] = {"epoch": self.epoch(trainer)}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The initial network, before step 1."""
        if trainer.global_step == 0:
            self.save(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Scheduled steps."""
        if self.due(trainer):
            self.save(trainer)

    def save(self, trainer: pl.Trainer) -> None:
        """Write one checkpoint; a finished one is not written again, and Lightning's writer renames when it is complete."""
        path = Run(trainer.default_root_dir).checkpoint(trainer.global_step)
        if path.is_file():
            try:  # a file cut off by a crash is replaced
                torch.load(path, map_location="cpu", weights_only=True)
            except Exception:
                path.unlink()
        if not path.is_file():
            trainer.save_checkpoint(path)
