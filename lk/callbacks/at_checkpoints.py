"""Work at every checkpoint of a training."""

from collections.abc import Sequence
from contextlib import suppress

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.seed import isolate_rng

from lk.callbacks.checkpoints import SaveCheckpoints, epochs_trained
from lk.callbacks.resume import Interrupted, interruptible
from lk.extraction import Checkpoint
from lk.runs import Run


class AtCheckpoints(Callback):
    """Base of callbacks that work on every scheduled checkpoint, and on the step at which training ends.

    Subclasses define `work`.

    Training is not changed: all random generators are restored. Under several devices the first does the work and the
    others wait. A signal that stops training breaks the work off; the resumed run takes that checkpoint up again, also
    where no step is left to train.
    """

    def __init__(self) -> None:
        self.schedule: SaveCheckpoints | None = None
        self.worked = -1  # the last step that was worked on

    def work(self, checkpoint: Checkpoint, loggers: Sequence[Logger]) -> None:
        """Work on one checkpoint, on the first device alone.

        Args:
            checkpoint: The network as it stands, not to be changed.
            loggers: The loggers of the training.
        """
        raise NotImplementedError(f"{type(self).__name__} must define work().")

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Find the schedule.

        Raises:
            ValueError: There is none.
        """
        self.schedule = next((c for c in trainer.callbacks if isinstance(c, SaveCheckpoints)), None)  # type: ignore[attr-defined]
        if self.schedule is None:
            name = type(self).__name__
            raise ValueError(
                f"expected lk.callbacks.SaveCheckpoints for {name}, which works at saved checkpoints, got none. Add it "
                f"before {name} in trainer.callbacks."
            )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The initial network; of a resumed run, a checkpoint whose work was broken off."""
        assert self.schedule is not None
        if self.schedule.scheduled(trainer):
            self.take(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Where a checkpoint is due."""
        assert self.schedule is not None
        if self.schedule.due(trainer, batch_idx):
            self.take(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Where training ended, if that was not on the schedule."""
        if self.worked != trainer.global_step:
            self.take(trainer, pl_module, last=True)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A run that is resumed after its last step trains no more; what was broken off at that step is done here."""
        assert self.schedule is not None
        if self.worked != trainer.global_step and self.schedule.scheduled(trainer):
            self.take(trainer, pl_module)

    def checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, last: bool = False) -> Checkpoint:
        """The network as it stands, at the current step."""
        assert self.schedule is not None
        step, run = trainer.global_step, Run(trainer.default_root_dir)
        network, data = pl_module.network, trainer.datamodule  # type: ignore[attr-defined]
        last = last or step == self.schedule.steps(trainer)[-1]
        return Checkpoint(run, step, epochs_trained(trainer), network, data, last=last)  # type: ignore[arg-type]

    def take(self, trainer: pl.Trainer, pl_module: pl.LightningModule, last: bool = False) -> None:
        """Work on the current step."""
        if trainer.is_global_zero:
            checkpoint = self.checkpoint(trainer, pl_module, last)
            assert self.schedule is not None
            watching = self.schedule.budget.watching(trainer.global_step)
            with watching, isolate_rng(), torch.inference_mode(False), suppress(Interrupted), interruptible():
                self.work(checkpoint, trainer.loggers)
        self.worked = trainer.global_step
        trainer.strategy.barrier(f"lk-{type(self).__name__}")
