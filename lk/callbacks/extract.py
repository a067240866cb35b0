"""Extract interactions at every checkpoint of a training run."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.seed import isolate_rng

from lk.callbacks.at_checkpoints import AtCheckpoints
from lk.callbacks.log import log_extraction
from lk.console import say
from lk.extraction import Checkpoint, Extraction, Samples, read
from lk.extraction.forecast import Forecast, check_disk, forecast, pending
from lk.extraction.samples import check_memory
from lk.extraction.tables import record_interactions
from lk.games import count_players
from lk.runs import Run
from lk.studies.extraction_averages import unit_of


class ExtractInteractions(AtCheckpoints):
    """At every scheduled checkpoint: fit the probes, extract, measure, log.

    The network is read through a copy.

    Args:
        extraction: What to extract and how.
    """

    def __init__(self, extraction: Extraction) -> None:
        super().__init__()
        self.extraction = extraction
        self.samples: Samples | None = None
        self.planned: list[int] = []
        self.timed: Forecast | None = None  # of the first checkpoint that this process extracts

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check everything that can be checked before the first step."""
        super().on_fit_start(trainer, pl_module)
        assert self.schedule is not None
        layers = len(self.extraction.layers_of(pl_module.network)) + 1  # type: ignore[arg-type]
        with isolate_rng():
            trainer.estimated_stepping_batches  # noqa: B018  (loads the data: the number of batches decides that of checkpoints)
        if trainer.is_global_zero:
            run = Run(trainer.default_root_dir)
            with isolate_rng():
                samples = self.extraction.samples(trainer.datamodule)  # type: ignore[attr-defined]
            n, steps = count_players(samples.owner), self.schedule.steps(trainer)
            check_memory(n, len(samples.y), layers)
            check_disk(run.path, n, layers, len(samples.y), len(pending(run, self.extraction, steps)))
            self.samples = self.extraction.open(run.extraction(self.extraction.name), samples)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say what is to come."""
        assert self.schedule is not None
        self.planned, self.timed = self.schedule.steps(trainer), None
        if trainer.is_global_zero:
            checkpoint = replace(self.checkpoint(trainer, pl_module), samples=self.samples)
            with self.schedule.budget.watching(), isolate_rng(), torch.inference_mode(False):
                say(forecast(checkpoint, self.extraction, self.planned))
        super().on_train_start(trainer, pl_module)

    def work(self, checkpoint: Checkpoint, loggers: Sequence[Logger]) -> None:
        """Extract and log; what is stored already is read."""
        name, start = self.extraction.name, time.perf_counter()
        new = checkpoint.step not in checkpoint.run.extracted(name)
        checkpoint, found = read(replace(checkpoint, samples=self.samples), self.extraction)
        ready, seconds = time.perf_counter(), found.origin.seconds
        record_interactions(checkpoint.run, name, found)
        log_extraction(loggers, checkpoint, name, found, unit_of(type(self.extraction.score).__name__))
        if new and self.timed is None:
            played, decomposed = seconds["play"], seconds["decompose"]
            self.timed = Forecast(
                max(0.0, ready - start - played - decomposed), played, decomposed, time.perf_counter() - ready
            )
            if left := pending(checkpoint.run, self.extraction, self.planned):
                say(self.timed.of_rest(name, checkpoint.step, len(left)))
