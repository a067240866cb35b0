"""Extract interactions at every checkpoint of a training run."""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.seed import isolate_rng

from lk.callbacks.checkpoints import SaveCheckpoints
from lk.callbacks.log import log_artifact, log_extraction
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
    devices the first does the work and the others wait.

    Args:
        extraction: What to extract and how.
    """

    def __init__(self, extraction: Extraction) -> None:
        self.extraction = extraction
        self.samples: Samples | None = None
        self.checkpoints: SaveCheckpoints | None = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check everything that can be checked before the first step."""
        self.checkpoints = next((c for c in trainer.callbacks if isinstance(c, SaveCheckpoints)), None)  # type: ignore[attr-defined]
        if self.checkpoints is None:
            raise ValueError(
                "ExtractInteractions works at saved checkpoints: add lk.callbacks.SaveCheckpoints before it in trainer.callbacks."
            )
        layers, run = len(self.extraction.layers_of(pl_module.network)) + 1, Run(trainer.default_root_dir)  # type: ignore[arg-type]
        with isolate_rng():
            self.samples = self.extraction.samples(trainer.datamodule)  # type: ignore[attr-defined]
            trainer.fit_loop.setup_data()  # the number of batches decides that of checkpoints
        n, samples = count_players(self.samples.owner), len(self.samples.y)
        check_memory(n, samples, layers)
        check_disk(run.path, n, layers, samples, len(pending(run, self.extraction, self.checkpoints.steps(trainer))))
        self.extraction.open(run.extraction(self.extraction.name), self.samples)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say what is to come, then extract from the initial network."""
        assert self.checkpoints is not None
        assert self.samples is not None
        if trainer.is_global_zero:
            with isolate_rng(), torch.inference_mode(False):
                run, network, data = Run(trainer.default_root_dir), pl_module.network, trainer.datamodule  # type: ignore[attr-defined]
                say(forecast(run, network, self.extraction, self.samples, data, self.checkpoints.steps(trainer)))  # type: ignore[arg-type]
        if trainer.global_step == 0:
            self.extract(trainer, pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Extract where a checkpoint is due."""
        assert self.checkpoints is not None
        if self.checkpoints.due(trainer):
            self.extract(trainer, pl_module)

    def extract(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """One checkpoint."""
        assert self.checkpoints is not None
        assert self.samples is not None
        if trainer.is_global_zero:
            step, epoch = trainer.global_step, self.checkpoints.epoch(trainer)
            with isolate_rng(), torch.inference_mode(False):
                run, network, data = Run(trainer.default_root_dir), pl_module.network, trainer.datamodule  # type: ignore[attr-defined]
                done = read_checkpoint(run, self.extraction, self.samples, network, data, step, epoch)  # type: ignore[arg-type]
                found = Interactions.load(run.extracted(self.extraction.name)[step])
                means = averages(found, resamples(len(self.samples.y), draws=0))
                log_extraction(trainer.loggers, means, done.tables, done.probes, self.extraction.name, step, epoch)
        trainer.strategy.barrier("lk-extract")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The interactions of all checkpoints as one artifact."""
        if trainer.is_global_zero:
            log_artifact(trainer.loggers, Run(trainer.default_root_dir).extraction(self.extraction.name), self.extraction.name)
