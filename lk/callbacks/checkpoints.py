"""Save checkpoints on a schedule: the initial network, dense early, every k epochs, the last."""

from bisect import bisect_left
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from lk.callbacks.budget import Budget
from lk.console import say
from lk.runs import Run
from lk.storage.stored import load_checkpoint

MOST = 100_000  # checkpoints of one run


class SaveCheckpoints(Callback):
    """Writes `checkpoints/step=0001234.ckpt` at the scheduled steps.

    Due are: step 0; a quarter, a sixteenth, ... of the first epoch (`early` of them); `log_spaced` steps from 1 to the
    last, each the same multiple of the one before; the ends of every k-th epoch and of the last. The step at which
    training ends is saved too, where something other than the schedule ends it (EarlyStopping, `max_time`).

    With `max_overhead`, checkpoints are left out so that the work at them (saving, and the callbacks that extract,
    certify and log) takes about that share of the time of training; see `lk.callbacks.budget`. The first and the last
    are always kept.

    Args:
        every_n_epochs: The k; 0 for the last epoch only.
        early: Number of checkpoints inside the first epoch.
        log_spaced: Number of log-spaced steps over the whole run, before rounding makes early ones coincide; 0 for
            none, otherwise at least 2.
        weights_only: Leave out the optimiser's state, two thirds of a file under Adam. `last.ckpt`, which a run resumes
            from, is written by the command in any case.
        max_overhead: Time of watching over time of training, such as 0.2; None keeps the whole schedule.

    Raises:
        ValueError: A number is out of range.
    """

    def __init__(
        self,
        every_n_epochs: int = 1,
        early: int = 2,
        log_spaced: int = 0,
        weights_only: bool = False,
        max_overhead: float | None = None,
    ) -> None:
        if every_n_epochs < 0 or early < 0 or log_spaced < 0 or log_spaced == 1:
            raise ValueError(
                f"expected at least 0 each and not log_spaced=1, got every_n_epochs={every_n_epochs}, early={early}, "
                f"log_spaced={log_spaced}. Set log_spaced to 2 or more, the first and the last step, or to 0."
            )
        if max_overhead is not None and not 0 < max_overhead < float("inf"):
            raise ValueError(
                f"expected max_overhead above 0, got max_overhead={max_overhead}. Write 0.2 for a fifth of the time of "
                "training, or leave it out for no bound."
            )
        self.every_n_epochs, self.early, self.log_spaced, self.weights_only = (
            every_n_epochs,
            early,
            log_spaced,
            weights_only,
        )
        self.writing = False
        self.known: tuple[tuple[int, ...], list[int], frozenset[int]] = ((), [], frozenset())
        self.budget = Budget(max_overhead)

    def steps(self, trainer: pl.Trainer) -> list[int]:
        """All steps that are due in this run.

        Raises:
            ValueError: The run has no end (`max_epochs` is -1), or the schedule has more than 100 000 checkpoints.
        """
        per_epoch = steps_per_epoch(trainer)
        if trainer.max_epochs is None or trainer.max_epochs < 0:
            raise ValueError(
                f"expected the last epoch for a schedule of checkpoints, got trainer.max_epochs={trainer.max_epochs}. "
                "Set trainer.max_epochs."
            )
        last = per_epoch * trainer.max_epochs
        if trainer.max_steps > 0:
            last = min(last, trainer.max_steps)
        apart = per_epoch * self.every_n_epochs
        if apart and last // apart > MOST:
            raise ValueError(
                f"expected a schedule of at most {MOST:,} checkpoints, got {last // apart:,} "
                f"(max_epochs={trainer.max_epochs}, every_n_epochs={self.every_n_epochs}). Lower max_epochs, or raise "
                "every_n_epochs."
            )
        ends = range(apart, last, apart) if apart else ()
        inside = [per_epoch // 4**i for i in range(1, self.early + 1)]
        spaced = [round(last ** (i / (self.log_spaced - 1))) for i in range(self.log_spaced)]
        return sorted({0, *(step for step in inside if 0 < step < last), *spaced, *ends, last})

    def due(self, trainer: pl.Trainer, batch_idx: int) -> bool:
        """Whether the batch that ends now made a step that is on the schedule.

        Of batches whose gradients are gathered, the last makes it.
        """
        if (batch_idx + 1) % trainer.accumulate_grad_batches and not trainer.is_last_batch:
            return False
        return self.scheduled(trainer)

    def scheduled(self, trainer: pl.Trainer) -> bool:
        """Whether the current step is on the schedule and within the budget.

        The schedule is worked out once: a step may take a millisecond.
        """
        run = (
            int(trainer.num_training_batches),
            trainer.accumulate_grad_batches,
            trainer.max_epochs or -1,
            trainer.max_steps,
        )
        if self.known[0] != run:
            steps = self.steps(trainer)
            self.known = (run, steps, frozenset(steps))
        step, (_, steps, members) = trainer.global_step, self.known
        if step not in members or self.budget.share is None:
            return step in members
        # One clock decides for all devices.
        ahead = len(steps) - 1 - bisect_left(steps, step)
        kept = self.budget.keeps(step, ahead, steps[-1]) if trainer.is_global_zero else False
        return bool(trainer.strategy.broadcast(kept))

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """The fractional epoch travels inside the checkpoint.

        A file for reading leaves out what only resuming needs.
        """
        checkpoint["lk"] = {**checkpoint.get("lk", {}), "epoch": epochs_trained(trainer)}
        if self.writing and self.weights_only:
            # Not Lightning's own `weights_only`: that one would also skip this method, and with it the epoch.
            for key in ("optimizer_states", "lr_schedulers"):
                checkpoint.pop(key, None)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The initial network, before step 1; of a resumed run, a scheduled one that was cut off."""
        self.budget.start(Path(trainer.default_root_dir))
        if self.budget.share is not None and trainer.is_global_zero:
            say(self.budget.begun(len(self.steps(trainer))))
        if self.scheduled(trainer):
            self.save(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Scheduled steps."""
        self.budget.stepped(trainer.global_step)
        if self.due(trainer, batch_idx):
            self.save(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The step at which training ends, whatever ended it."""
        self.save(trainer)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say what watching took."""
        self.budget.count()
        if self.budget.share is not None and trainer.is_global_zero:
            say(self.budget.reached())

    def save(self, trainer: pl.Trainer) -> None:
        """Write one checkpoint, by all devices or by none; one that holds these very weights already is kept."""
        path = Run(trainer.default_root_dir).checkpoint(trainer.global_step)
        if not trainer.strategy.broadcast(trainer.is_global_zero and holds(path, trainer.lightning_module)):
            self.writing = True
            try:
                with self.budget.watching(trainer.global_step):
                    trainer.save_checkpoint(path)
            finally:
                self.writing = False


def steps_per_epoch(trainer: pl.Trainer) -> int:
    """Optimiser steps of one epoch."""
    return max(1, -(-int(trainer.num_training_batches) // trainer.accumulate_grad_batches))


def epochs_trained(trainer: pl.Trainer) -> float:
    """Epochs trained so far, as a fraction."""
    return trainer.global_step / steps_per_epoch(trainer)


def holds(path: Path, module: pl.LightningModule) -> bool:
    """Whether a checkpoint is whole and holds the module's weights.

    One of another training, or cut off by a crash, does not.

    Args:
        path: The file.
        module: The module.
    """
    if not path.is_file():
        return False
    try:
        stored, own = load_checkpoint(path)["state_dict"], module.state_dict()
    except ValueError:
        return False
    return stored.keys() == own.keys() and all(torch.equal(stored[key], value.cpu()) for key, value in own.items())
