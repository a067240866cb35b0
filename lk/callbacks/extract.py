"""Extract interactions at every checkpoint of a training run."""

from contextlib import suppress
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.seed import isolate_rng

from lk.callbacks.checkpoints import SaveCheckpoints
from lk.callbacks.log import log_artifact, log_extraction
from lk.callbacks.resume import Interrupted, interruptible
from lk.extraction import Extraction, Samples, check_memory
from lk.games import count_players
from lk.interactions import Interactions
from lk.metrics.bootstrap import resamples
from lk.progress import check_disk, forecast, pending, say
from lk.runs import Run
from lk.studies.averages import averages
from lk.studies.checkpoint import read_checkpoint


class ExtractInteractions(Callback):
    """At every scheduled checkpoint: fit the probes, extract, measure, log.

    Training is not changed: the network is read through a copy and all random generators are restored. Under several
    devices the first does the work and the others wait. A signal that stops training breaks the reading off; the resumed run reads that
    checkpoint again.

    Args:
        extraction: What to extract and how.
    """

    def __init__(self, extraction: Extraction) -> None:
        self.extraction = extraction
        self.samples: Samples | None = None
        self.checkpoints: SaveCheckpoints | None = None
        self.read = -1  # the last step that was extracted

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check everything that can be checked before the first step."""
        self.checkpoints = next((c for c in trainer.callbacks if isinstance(c, SaveCheckpoints)), None)  # type: ignore[attr-defined]
        if self.checkpoints is None:
            raise ValueError(
                "ExtractInteractions works at saved checkpoints: add lk.callbacks.SaveCheckpoints before it in trainer.callbacks."
            )
        layers = len(self.extraction.layers_of(pl_module.network)) + 1  # type: ignore[arg-type]
        with isolate_rng():
            trainer.estimated_stepping_batches  # noqa: B018  (loads the data: the number of batches decides that of checkpoints)
        if trainer.is_global_zero:
            run = Run(trainer.default_root_dir)
            with isolate_rng():
                samples = self.extraction.samples(trainer.datamodule)  # type: ignore[attr-defined]
            n, steps = count_players(samples.owner), self.checkpoints.steps(trainer)
            check_memory(n, len(samples.y), layers)
            check_disk(run.path, n, layers, len(samples.y), len(pending(run, self.extraction, steps)))
            self.samples = self.extraction.open(run.extraction(self.extraction.name), samples)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say what is to come, then extract from the initial network; of a resumed run, from a checkpoint that was cut off."""
        assert self.checkpoints is not None
        if trainer.is_global_zero:
            assert self.samples is not None
            run, network, data = Run(trainer.default_root_dir), pl_module.network, trainer.datamodule  # type: ignore[attr-defined]
            steps = self.checkpoints.steps(trainer)
            with isolate_rng(), torch.inference_mode(False):
                say(forecast(run, network, self.extraction, self.samples, data, steps))  # type: ignore[arg-type]
        if self.checkpoints.scheduled(trainer):
            self.extract(trainer, pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Extract where a checkpoint is due."""
        assert self.checkpoints is not None
        if self.checkpoints.due(trainer, batch_idx):
            self.extract(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Extract where training ended, if that was not on the schedule; then the interactions of all checkpoints as one artifact."""
        if self.read != trainer.global_step:
            self.extract(trainer, pl_module)
        if trainer.is_global_zero:
            log_artifact(trainer.loggers, Run(trainer.default_root_dir).extraction(self.extraction.name), self.extraction.name)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A run that is resumed after its last step trains no more; what was cut off at that step is read here."""
        assert self.checkpoints is not None
        if self.read != trainer.global_step and self.checkpoints.scheduled(trainer):
            self.extract(trainer, pl_module)

    def extract(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """One checkpoint."""
        assert self.checkpoints is not None
        if trainer.is_global_zero:
            assert self.samples is not None
            step, epoch = trainer.global_step, self.checkpoints.epoch(trainer)
            with isolate_rng(), torch.inference_mode(False), suppress(Interrupted), interruptible():
                run, network, data = Run(trainer.default_root_dir), pl_module.network, trainer.datamodule  # type: ignore[attr-defined]
                done = read_checkpoint(run, self.extraction, self.samples, network, data, step, epoch)  # type: ignore[arg-type]
                found = Interactions.load(run.extracted(self.extraction.name)[step])
                means = averages(found, resamples(len(self.samples.y), draws=0))
                log_extraction(trainer.loggers, means, done.tables, done.probes, self.extraction.name, step, epoch)
        self.read = trainer.global_step
        trainer.strategy.barrier("lk-extract")
