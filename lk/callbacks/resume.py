"""Save the point that an interrupted training resumes from, and stop at it when a signal says so."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint, EarlyStopping, StochasticWeightAveraging

from lk.console import say

STOPPING = (signal.SIGTERM, signal.SIGINT)


class Interrupted(BaseException):
    """A signal arrived inside `interruptible`."""


class Signals:
    """The signals that arrived, and whether what runs now may be left at once."""

    stop: int | None = None
    requeue: int | None = None
    leave = False

    def forget(self) -> None:
        """Begin anew: a process may train several times."""
        self.stop, self.requeue, self.leave = None, None, False

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Handler of the signals that stop a training; the second Ctrl-C stops at once."""
        if number == signal.SIGINT and self.stop == signal.SIGINT:
            raise KeyboardInterrupt
        self.stop = number
        if self.leave:
            raise Interrupted

    def receive_requeue(self, number: int, frame: FrameType | None) -> None:
        """Handler of the signal by which a SLURM job asks to be saved and put back into the queue."""
        self.requeue = number


SIGNALS = Signals()  # handlers belong to the process, and so does this


@contextmanager
def interruptible() -> Iterator[None]:
    """Work between two steps that a signal may break off.

    Reading a checkpoint takes minutes, and a cluster waits for seconds.

    Raises:
        Interrupted: A signal arrived, before or inside.
    """
    if SIGNALS.stop is not None:
        raise Interrupted
    SIGNALS.leave = True
    try:
        yield
    finally:
        SIGNALS.leave = False


class SaveResumePoint(Checkpoint):
    """Writes `checkpoints/last.ckpt`, which a run resumes from.

    At the end of every epoch, and inside epochs where that is asked for.

    Training that is resumed from it equals uninterrupted training bit for bit, inside an epoch too. SIGTERM (a cluster
    that pre-empts) and SIGINT (Ctrl-C) let the step end, save, and leave with exit code 143 or 130; a second Ctrl-C
    leaves at once. Under SLURM with auto-requeue, the requeue signal is handed to Lightning's own handler once the step
    has ended. Lightning runs this callback after all others, because it is a `Checkpoint`: what they count is part of
    the point. Where validation follows a step, the point waits for the next step, or for the end of the epoch: a
    resumed run would leave that validation out. With StochasticWeightAveraging, whose place inside an epoch is not
    stored, it waits for the end of the epoch.

    Args:
        every_n_steps: Optimiser steps between two points inside an epoch; default none.
        every_n_minutes: Minutes between two points inside an epoch; default none.

    Raises:
        ValueError: A number is not positive.
    """

    def __init__(self, every_n_steps: int | None = None, every_n_minutes: float | None = None) -> None:
        if (every_n_steps is not None and every_n_steps < 1) or (every_n_minutes is not None and every_n_minutes <= 0):
            raise ValueError(
                f"expected positive numbers, got every_n_steps={every_n_steps}, every_n_minutes={every_n_minutes}. "
                "Leave them away for a point at the end of every epoch only."
            )
        self.every_n_steps, self.every_n_minutes = every_n_steps, every_n_minutes
        self.time = time.monotonic()
        self.waiting = False
        self.plateaus: dict[int, float] = {}
        self.slurm: Any = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Heed signals from here on."""
        SIGNALS.forget()
        self.take_over(trainer)

    def take_over(self, trainer: pl.Trainer) -> None:
        """Take over the signals; the trainer gives them back when it is done."""
        try:
            for number in STOPPING:
                signal.signal(number, SIGNALS.receive)
            requeue = getattr(signal, "SIGUSR1", None)
            slurm = signal.getsignal(requeue) if requeue and "SLURM_JOB_ID" in os.environ else None
            if callable(slurm) and slurm != SIGNALS.receive_requeue:
                self.slurm = slurm
                signal.signal(requeue, SIGNALS.receive_requeue)  # type: ignore[arg-type]
            if trainer.received_sigterm:  # before the trainer's own handler was replaced
                SIGNALS.stop = signal.SIGTERM
        except ValueError:  # a thread other than the main one handles no signals
            self.slurm = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The clock of the interval in minutes starts; a signal that came meanwhile is heeded."""
        # Again: after `on_fit_start` the trainer registered handlers that stop where a step is not saved yet.
        self.take_over(trainer)
        self.time, self.waiting = time.monotonic(), False
        epoch: Any = trainer.fit_loop.epoch_progress.current
        if epoch.ready == epoch.processed:
            go_on(trainer)
        for number, value in self.plateaus.items():
            trainer.lr_scheduler_configs[number].scheduler.step(value)  # type: ignore[arg-type]  # ReduceLROnPlateau's own argument
        self.plateaus = {}
        if self.signalled(trainer) and SIGNALS.stop is not None:
            self.leave(trainer)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Mark the epoch as continued: as a restart, Lightning would omit a step of ReduceLROnPlateau at its end."""
        if trainer.fit_loop.restarting:
            go_on(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Inside an epoch: where a point is due, or a signal asks for one."""
        if trainer.is_last_batch or (batch_idx + 1) % trainer.accumulate_grad_batches:
            return  # the end of the epoch follows, or gradients are still being gathered
        signalled = self.signalled(trainer)
        steps = self.every_n_steps is not None and trainer.global_step % self.every_n_steps == 0
        ends = bool(trainer.should_stop) or 0 < trainer.max_steps <= trainer.global_step
        self.waiting = signalled or steps or ends or self.waiting or self.minutes_passed(trainer)
        if not self.waiting or put_off(trainer):
            return
        self.save(trainer)
        if signalled:
            self.leave(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the end of the epoch, unless training ended inside it: Lightning counts that as complete."""
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self.plateaus = plateaus(trainer)
            self.save(trainer)
            self.plateaus = {}
        if self.signalled(trainer):
            self.leave(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A signal that broke off the reading of the last checkpoint ends the command."""
        if self.signalled(trainer):
            self.leave(trainer)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Whether a validation follows the step, which a run that is resumed from here would leave out."""
        inside = trainer.fit_loop.epoch_loop.batch_progress.current.ready > 0
        checkpoint["lk"] = {**checkpoint.get("lk", {}), "validation_due": inside and put_off(trainer)}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Correct what Lightning restores otherwise.

        An epoch whose batches are all trained on is complete: where steps bound a run, Lightning would count it twice.
        The patience of EarlyStopping is that of the command, and not the stored one: a resume may change it.
        """
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            state = checkpoint.get("callbacks", {}).get(callback.state_key)
            if isinstance(callback, EarlyStopping) and state:
                state["patience"] = callback.patience
        for counts in checkpoint["loops"]["fit_loop"]["epoch_progress"].values():
            if counts["ready"] == counts["processed"]:
                counts["completed"] = counts["processed"]

    def state_dict(self) -> dict[str, Any]:
        """What schedulers that watch a quantity have yet to see of this epoch.

        Lightning steps them after the point is saved.
        """
        return {"plateaus": self.plateaus} if self.plateaus else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep it until training starts."""
        self.plateaus = state_dict["plateaus"]

    def signalled(self, trainer: pl.Trainer) -> bool:
        """Whether any device received a signal that stops or requeues."""
        own = SIGNALS.stop is not None or SIGNALS.requeue is not None
        return bool(trainer.strategy.reduce_boolean_decision(own, all=False)) if trainer.world_size > 1 else own

    def minutes_passed(self, trainer: pl.Trainer) -> bool:
        """Whether the interval in minutes is over; the first device's clock decides."""
        if self.every_n_minutes is None:
            return False
        return bool(trainer.strategy.broadcast(time.monotonic() - self.time >= 60 * self.every_n_minutes))

    def save(self, trainer: pl.Trainer) -> None:
        """Write the point; it takes the place of older ones, those of SLURM included."""
        folder = Path(trainer.default_root_dir)
        trainer.save_checkpoint(folder / "checkpoints" / "last.ckpt")
        self.time, self.waiting = time.monotonic(), False
        if trainer.is_global_zero:
            for path in folder.glob("hpc_ckpt_*.ckpt"):
                path.unlink()

    def leave(self, trainer: pl.Trainer) -> None:
        """Requeue under SLURM, or end the process as the signal asks."""
        if SIGNALS.requeue is not None and SIGNALS.stop is None:
            number, SIGNALS.requeue = SIGNALS.requeue, None
            self.slurm(number, None)
            return
        number = SIGNALS.stop or signal.SIGTERM
        if trainer.is_global_zero:
            run = Path(trainer.default_root_dir).name
            say(
                f"Stopped by {signal.Signals(number).name} at step {trainer.global_step}, which is saved. Resume: --id "
                f"{run} --resume true."
            )
        raise SystemExit(128 + number)


def go_on(trainer: pl.Trainer) -> None:
    """Tell the loops that they no longer restart.

    The setter of Lightning's outer loop says otherwise wherever steps bound a run.
    """
    trainer.fit_loop._restarting = False
    trainer.fit_loop.epoch_loop.restarting = False


def put_off(trainer: pl.Trainer) -> bool:
    """Whether a run that is resumed from this step would train otherwise.

    Before a validation, and wherever StochasticWeightAveraging counts.
    """
    averaging = any(isinstance(callback, StochasticWeightAveraging) for callback in trainer.callbacks)  # type: ignore[attr-defined]
    return averaging or validation_due(trainer)


def validation_due(trainer: pl.Trainer) -> bool:
    """Whether the schedule has a validation after this batch.

    One that only precedes a stop is not counted: a longer run has none there.
    """
    stop, trainer.should_stop = trainer.should_stop, False
    try:
        loop = trainer.fit_loop
        return loop._data_fetcher is not None and bool(loop.epoch_loop._should_check_val_fx(loop._data_fetcher))
    finally:
        trainer.should_stop = stop


def plateaus(trainer: pl.Trainer) -> dict[int, float]:
    """By number of the scheduler, the value that each ReduceLROnPlateau is stepped with at the end of this epoch."""
    return {
        number: float(trainer.callback_metrics[config.monitor])
        for number, config in enumerate(trainer.lr_scheduler_configs)
        if config.reduce_on_plateau
        and config.interval == "epoch"
        and (trainer.current_epoch + 1) % config.frequency == 0
        and config.monitor in trainer.callback_metrics
    }
