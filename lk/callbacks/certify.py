"""Certify a group network at every checkpoint of its training."""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.seed import isolate_rng

from lk.callbacks.checkpoints import SaveCheckpoints
from lk.callbacks.resume import Interrupted, interruptible
from lk.runs import Run
from lk.studies.certification import VERIFIERS, certify_checkpoint, forget_after, group_run, record, scalars


class Certify(Callback):
    """At every scheduled checkpoint: measure, explain and certify the networks of a few seeds; at the last one, of all.

    Writes `tables/{certificates,circuits,progress}.parquet` and, for the last step, explanations and certificates below
    `certificates/`; logs means over seeds as `certify/...`. Training is not changed: weights are copied and all random generators are
    restored. What fails on one network is recorded with bound 0 and its reason, with a warning. Under several devices the first does
    the work and the others wait.

    Args:
        seeds: How many of the networks that are trained at once are certified before the last checkpoint, from the first.
        verifiers: What to prove with: brute_force, irrep, gset, schur, cascade.

    Raises:
        ValueError: `seeds` is below 1, or a verifier is unknown.
    """

    def __init__(self, seeds: int = 4, verifiers: Sequence[str] = VERIFIERS) -> None:
        unknown = [name for name in verifiers if name not in VERIFIERS]
        if seeds < 1 or unknown or not verifiers:
            raise ValueError(f"Given seeds={seeds}, verifiers={list(verifiers)}; expected at least 1, and some of {', '.join(VERIFIERS)}.")
        self.seeds, self.verifiers = seeds, list(verifiers)
        self.checkpoints: SaveCheckpoints | None = None
        self.read = -1  # the last step that was certified

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check everything that can be checked before the first step."""
        self.checkpoints = next((c for c in trainer.callbacks if isinstance(c, SaveCheckpoints)), None)  # type: ignore[attr-defined]
        if self.checkpoints is None:
            raise ValueError("Certify works at saved checkpoints: add lk.callbacks.SaveCheckpoints before it in trainer.callbacks.")
        group_run(pl_module.network, trainer.datamodule)  # type: ignore[arg-type, attr-defined]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the rows of an interrupted run before here, then certify the initial network, or a checkpoint that was cut off."""
        assert self.checkpoints is not None
        if trainer.is_global_zero:
            forget_after(Run(trainer.default_root_dir), trainer.global_step if trainer.global_step else -1)
        if self.checkpoints.scheduled(trainer):
            self.certify(trainer, pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Certify where a checkpoint is due."""
        assert self.checkpoints is not None
        if self.checkpoints.due(trainer, batch_idx):
            self.certify(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Certify all networks where training ended, if that was not on the schedule."""
        if self.read != trainer.global_step:
            self.certify(trainer, pl_module, last=True)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A run that is resumed after its last step trains no more; what was cut off at that step is certified here."""
        assert self.checkpoints is not None
        if self.read != trainer.global_step and self.checkpoints.scheduled(trainer):
            self.certify(trainer, pl_module)

    def certify(self, trainer: pl.Trainer, pl_module: pl.LightningModule, last: bool = False) -> None:
        """One checkpoint; a signal that stops training breaks it off, and the resumed run certifies it again."""
        assert self.checkpoints is not None
        if trainer.is_global_zero:
            run, step, epoch = Run(trainer.default_root_dir), trainer.global_step, self.checkpoints.epoch(trainer)
            last = last or step == max(self.checkpoints.steps(trainer))
            with isolate_rng(), torch.inference_mode(False), suppress(Interrupted), interruptible():
                network, data = group_run(pl_module.network, trainer.datamodule)  # type: ignore[arg-type, attr-defined]
                found = certify_checkpoint(network, data, step, epoch, None if last else self.seeds, self.verifiers)
                record(run, found, step)
                if last:
                    found.save(run, step)
                for failure in found.failures:
                    warnings.warn(f"Not certified at step {step}: {failure}", stacklevel=2)
                for logger in trainer.loggers:
                    logger.log_metrics(scalars(found), step=step)
        self.read = trainer.global_step
        trainer.strategy.barrier("lk-certify")
