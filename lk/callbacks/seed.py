"""Seed every epoch, so that a resumed run draws what an uninterrupted one would have drawn."""

import random
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

States = dict[str, Any]


def random_states() -> States:
    """The states of all random generators of this process, as tensors and plain values."""
    name, keys, place, has_gauss, cached = np.random.get_state()  # noqa: NPY002  (the global generator is what a user's transform draws from)
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {
        "torch": torch.get_rng_state(),
        "cuda": cuda,
        "python": random.getstate(),
        "numpy": [
            str(name),
            torch.from_numpy(np.asarray(keys).astype("int64")),
            int(place),
            int(has_gauss),
            float(cached),
        ],
    }


def restore(states: States) -> None:
    """Set all random generators of this process.

    Example:
        >>> before = random_states()
        >>> first = torch.rand(1)
        >>> restore(before)
        >>> bool(torch.rand(1) == first)
        True
    """
    torch.set_rng_state(states["torch"])
    version, keys, cached = states["python"]
    random.setstate((version, tuple(keys), cached))
    name, numbers, *rest = states["numpy"]
    np.random.set_state((name, numbers.numpy().astype("uint32"), *rest))  # noqa: NPY002
    if torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])


def check_states(found: Any) -> list[States]:
    """States that `restore` takes, one per device.

    Raises:
        ValueError: They are none.

    Example:
        >>> len(check_states([random_states()]))
        1
    """
    try:
        for states in found:
            torch.Generator().set_state(states["torch"])
            version, keys, cached = states["python"]
            random.Random().setstate((version, tuple(keys), cached))
            name, numbers, *rest = states["numpy"]
            np.random.RandomState().set_state((name, numbers.numpy().astype("uint32"), *rest))
            if not all(isinstance(state, torch.Tensor) for state in states["cuda"]):
                raise TypeError("expected tensors as states of GPUs, got something else")
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, RuntimeError) as error:
        raise ValueError(f"expected states of random generators, got {type(found).__name__} ({error}).") from error
    if not found:
        raise ValueError(f"expected states of random generators, got {found!r}.")
    return list(found)


class SeedEpochs(Callback):
    """Seeds all generators at the start of each epoch with a function of (seed, epoch).

    Inside an epoch, a resumed run takes up their states.

    A resumed Lightning run continues at the right epoch with the generators in another state; dropout would differ.

    Args:
        seed: The run's seed.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.stored: list[States] = []

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """The states of every device's process."""
        states: list[Any] = [random_states()]
        if trainer.world_size > 1 and torch.distributed.is_initialized():
            states = [None] * trainer.world_size
            torch.distributed.all_gather_object(states, random_states())
        checkpoint["lk"] = {**checkpoint.get("lk", {}), "random": states}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the states until training starts: loaders and sanity checks draw before it.

        Raises:
            ValueError: A checkpoint inside an epoch has none, or others.
        """
        inside = checkpoint["loops"]["fit_loop"]["epoch_progress"]["total"]
        self.stored = (
            check_states(checkpoint.get("lk", {}).get("random")) if inside["processed"] < inside["started"] else []
        )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Inside an epoch, take up the stored states, before a hook on the first batch draws.

        Raises:
            ValueError: The run is resumed inside an epoch by another number of devices.
        """
        stored, self.stored = self.stored, []
        epoch: Any = trainer.fit_loop.epoch_progress.current
        if not stored or epoch.processed == epoch.ready:
            return
        if len(stored) != trainer.world_size:
            raise ValueError(
                f"expected {len(stored)} devices, as the run was stopped inside an epoch on that many, got "
                f"{trainer.world_size}. Set trainer.devices and trainer.num_nodes as before."
            )
        restore(stored[trainer.global_rank])

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Seed for what hooks draw on the first batch, on its way to the device."""
        # Odd multiplier: distinct for all epochs below 2^32, and away from seed + epoch of a neighbouring seed.
        pl.seed_everything(
            (self.seed * 1_000_003 + trainer.current_epoch * 7919 + trainer.global_rank) % 2**32, verbose=False
        )

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed on an epoch's first batch: callbacks that draw before it change no training."""
        if batch_idx == 0:
            self.on_train_epoch_start(trainer, pl_module)
