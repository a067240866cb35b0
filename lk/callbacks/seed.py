"""Seed every epoch, so that a resumed run draws what an uninterrupted one would have drawn."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


class SeedEpochs(Callback):
    """Seeds all generators on each epoch's first batch with a function of (seed, epoch).

    A resumed Lightning run continues at the right epoch with the generators in another state; dropout would differ.

    Args:
        seed: The run's seed.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed on the first batch, after loaders and sanity checks have drawn what they draw."""
        if batch_idx == 0:
            # Odd multiplier: distinct for all epochs below 2^32, and away from seed + epoch of a neighbouring seed.
            pl.seed_everything((self.seed * 1_000_003 + trainer.current_epoch * 7919 + trainer.global_rank) % 2**32, verbose=False)
