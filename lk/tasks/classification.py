"""The target network's task: classification by cross-entropy."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchmetrics import MeanMetric, Metric
from torchmetrics.classification import MulticlassAccuracy

from lk.layers import faster_layout
from lk.networks import Network
from lk.networks.readable import examine, first_inputs
from lk.tasks.accuracy import LeastAccuracy


def losses(logits: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy of a batch in nats, of each network where several are trained at once.

    Args:
        logits: Shape `(batch, classes)` or `(seeds, batch, classes)`.
        y: Labels, shape `(batch,)`.

    Returns:
        Shape `()` or `(seeds,)`.

    Example:
        >>> losses(torch.zeros(5, 3, 4), torch.tensor([0, 1, 3])).shape
        torch.Size([5])
    """
    if logits.ndim == 2:
        return cross_entropy(logits, y)
    return cross_entropy(logits.flatten(0, 1), y.repeat(len(logits)), reduction="none").view(len(logits), -1).mean(1)


class Classification(pl.LightningModule):
    """Trains a network by cross-entropy; logs loss and accuracy of both splits.

    Optimiser and learning-rate schedule come from the configuration's `optimizer` and `lr_scheduler`.

    A network may be several, one per seed (`network.seeds`), that are trained at once. What is minimised is then the
    *sum* of their losses: each gets exactly the gradient that it would get alone, and an elementwise optimiser (SGD,
    Adam) keeps them apart. Clipping by the norm of all gradients would not. What is logged is the mean over seeds, and
    the least test accuracy as `test/accuracy_min`; training loss and accuracy are then those of an epoch's last step,
    as counting costs as much as a small step. Of one network they are means over the epoch, and `train/loss` by step
    beside them.

    Args:
        network: The target network.

    Raises:
        FloatingPointError: The training loss is NaN or infinite; names epoch, step, learning rate, and the seeds where
            there are several.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = faster_layout(network)
        self.train_accuracy = MulticlassAccuracy(network.num_classes, average="micro")
        self.test_accuracy = MulticlassAccuracy(network.num_classes, average="micro")
        self.test_loss = MeanMetric()
        # Of several networks at once every batch is the whole split: the last step's loss is theirs, and a mean would
        # cost as much as a step.
        self.train_loss = MeanMetric() if network.seeds == 1 else None
        self.least_test_accuracy = LeastAccuracy(network.seeds) if network.seeds > 1 else None
        self.counted: dict[str, dict[str, Tensor]] | None = None
        self.logged = False  # whether what counts over the present epoch is

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.network(x)  # type: ignore[no-any-return]

    def on_fit_start(self) -> None:
        """Prove on three inputs that the network fits the data and can be read, before training starts.

        See `lk.networks.readable`.
        """
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        x = first_inputs(data.train).to(self.device)
        layers = (
            () if self.network.seeds > 1 else self.network.layers
        )  # several networks are trained, but not read, at once
        with torch.random.fork_rng():
            _, adapter = examine(self.network, layers, x, data.num_classes, data.name)
        adapter.apply(self.network)
        self.logged = False

    def on_train_epoch_start(self) -> None:
        """What counts over the epoch is not logged yet."""
        self.logged = False

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Mean cross-entropy of a batch in nats, summed over seeds.

        Under several devices weighted so that their mean is that of one.
        """
        x, y = batch
        logits = self.network(x)
        several, share = self.trainer.world_size > 1, getattr(self.trainer.train_dataloader, "share", None)
        counted, factor = share(batch_idx) if several and share is not None else (len(y), 1.0)
        if 0 < counted < len(y):
            logits, y = logits[..., :counted, :], y[:counted]
        each = losses(logits, y) * factor if factor != 1 else losses(logits, y)
        loss = each.sum()
        if not bool(torch.isfinite(loss)):
            self.refuse(each.detach())
        if counted and (logits.ndim == 2 or self.trainer.is_last_batch):
            rows = (logits, y) if logits.ndim == 2 else (logits.flatten(0, 1), y.repeat(len(logits)))
            self.train_accuracy.update(*rows)
        self.log("train/loss", loss.detach() / self.network.seeds, prog_bar=True, sync_dist=several, batch_size=len(y))
        if self.train_loss is not None and counted:
            self.train_loss.update(loss.detach() / factor, counted)
        if (
            not self.logged
        ):  # once an epoch: Lightning computes them at its end, and a log costs as much as a small step
            self.logged = True
            self.log("train/accuracy", self.train_accuracy, on_step=False, on_epoch=True)
            if self.train_loss is not None:
                self.log("train/loss_epoch", self.train_loss, on_step=False, on_epoch=True)
        return loss

    @property
    def counting(self) -> dict[str, Metric]:
        """What counts over an epoch of training, by name."""
        return {
            "train_accuracy": self.train_accuracy,
            **({} if self.train_loss is None else {"train_loss": self.train_loss}),
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What has been counted of the epoch so far, on all devices.

        A run that is resumed inside the epoch counts on.
        """
        counted = {}
        for name, metric in self.counting.items():
            with metric.sync_context(should_sync=self.trainer.world_size > 1):
                counted[name] = {
                    key: torch.as_tensor(value).detach().cpu().clone() for key, value in metric.metric_state.items()
                }
        checkpoint["lk"] = {**checkpoint.get("lk", {}), "counted": counted}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the counts until the first batch, which says whether the epoch had begun."""
        self.counted = checkpoint.get("lk", {}).get("counted")

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Take up the counts of an epoch that was stopped inside."""
        stored, self.counted = self.counted, None
        if stored and batch_idx > 0 and self.trainer.is_global_zero:
            for name, metric in self.counting.items():
                for key in metric.metric_state:
                    setattr(metric, key, stored[name][key].to(self.device))

    def refuse(self, each: Tensor) -> None:
        """Stop at a loss that is NaN or infinite."""
        rates = ", ".join(f"{group['lr']:g}" for group in self.optimizers().param_groups)  # type: ignore[union-attr]
        value, who = each.sum(), ""
        if each.ndim:
            wrong = (~torch.isfinite(each)).nonzero().flatten().tolist()
            value = each[wrong[0]] if wrong else value
            who = (
                f" of seed {', '.join(str(self.network.first_seed + i) for i in wrong)} ({len(wrong)} of {len(each)} "
                "trained at once)"
            )
        raise FloatingPointError(
            f"expected a finite training loss, got {value:g}{who} at epoch {self.current_epoch}, step "
            f"{self.global_step} (learning rate {rates}). Lower the learning rate, or look for NaN in the inputs. "
            "Earlier checkpoints are kept."
        )

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Loss and accuracy on the test split."""
        x, y = batch
        logits = self.network(x)
        self.test_loss.update(losses(logits, y).mean(), len(y))
        if self.least_test_accuracy is not None:
            self.least_test_accuracy.update(logits, y)
            logits, y = logits.flatten(0, 1), y.repeat(len(logits))
        self.test_accuracy.update(logits, y)
        if batch_idx == 0:  # once, as in training
            self.log("test/loss", self.test_loss, on_epoch=True)
            if self.least_test_accuracy is not None:
                self.log("test/accuracy_min", self.least_test_accuracy, on_epoch=True)
            self.log("test/accuracy", self.test_accuracy, on_epoch=True, prog_bar=True)
