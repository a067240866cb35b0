"""Certify a group network at every checkpoint of its training."""

import warnings
from collections.abc import Sequence

import pytorch_lightning as pl
from pytorch_lightning.loggers import Logger

from lk.callbacks.at_checkpoints import AtCheckpoints
from lk.callbacks.log_certification import log_certification
from lk.certification.certify import certify_checkpoint, forget_after, group_run, record
from lk.certification.rows import VERIFIERS
from lk.extraction import Checkpoint
from lk.runs import Run


class Certify(AtCheckpoints):
    """At every scheduled checkpoint: measure, explain and certify the networks of a few seeds; at the last one, of all.

    Writes `tables/{certificates,circuits,progress}.parquet` and, for the last step, explanations and certificates below
    `certificates/`; logs means over seeds as `certify/...`, and four figures. Training is not changed: weights are
    copied and all random generators are restored. What fails on one network is recorded with bound 0 and its reason,
    with a warning. Under several devices the first does the work and the others wait.

    Args:
        seeds: How many of the networks that are trained at once are certified before the last checkpoint, from the
            first.
        verifiers: What to prove with: brute_force, irrep, gset, schur, cascade.

    Raises:
        ValueError: `seeds` is below 1, or a verifier is unknown.
    """

    def __init__(self, seeds: int = 4, verifiers: Sequence[str] = VERIFIERS) -> None:
        unknown = [name for name in verifiers if name not in VERIFIERS]
        if seeds < 1 or unknown or not verifiers:
            raise ValueError(
                f"expected seeds of at least 1 and verifiers among {', '.join(VERIFIERS)}, got seeds={seeds}, "
                f"verifiers={list(verifiers)}. Leave verifiers out for all."
            )
        super().__init__()
        self.seeds, self.verifiers = seeds, list(verifiers)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check everything that can be checked before the first step."""
        super().on_fit_start(trainer, pl_module)
        group_run(pl_module.network, trainer.datamodule)  # type: ignore[arg-type, attr-defined]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the rows of an interrupted run before here."""
        if trainer.is_global_zero:
            forget_after(Run(trainer.default_root_dir), trainer.global_step if trainer.global_step else -1)
        super().on_train_start(trainer, pl_module)

    def work(self, checkpoint: Checkpoint, loggers: Sequence[Logger]) -> None:
        """Certify, record and log."""
        run, step = checkpoint.run, checkpoint.step
        found = certify_checkpoint(checkpoint, None if checkpoint.last else self.seeds, self.verifiers)
        record(run, found, step)
        if checkpoint.last:
            found.save(run, step)
        for failure in found.failures:
            warnings.warn(f"Not certified at step {step}: {failure}", stacklevel=2)
        log_certification(loggers, checkpoint, found)
