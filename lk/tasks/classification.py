"""The target network's task: classification by cross-entropy."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchmetrics.classification import MulticlassAccuracy

from lk.networks import Network


class Classification(pl.LightningModule):
    """Trains a network by cross-entropy; logs loss and accuracy of both splits.

    Optimiser and learning-rate schedule come from the configuration's `optimizer` and `lr_scheduler`.

    Args:
        network: The target network.

    Raises:
        FloatingPointError: The training loss is NaN or infinite; names epoch, step and learning rate.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.train_accuracy = MulticlassAccuracy(network.num_classes, average="micro")
        self.test_accuracy = MulticlassAccuracy(network.num_classes, average="micro")

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.network(x)  # type: ignore[no-any-return]

    def on_fit_start(self) -> None:
        """Try one batch: a network that does not fit the data is refused before training starts."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        x = data.train[0][0][None].to(self.device)
        training = self.network.training
        with torch.no_grad(), torch.random.fork_rng():
            logits = self.network.eval()(x)
        self.network.train(training)
        if logits.ndim != 2 or logits.shape[1] != data.num_classes:
            raise ValueError(
                f"The network gives {tuple(logits.shape[1:])} outputs per sample, but {data.name} has {data.num_classes} classes; expected "
                f"logits of shape (batch, {data.num_classes}). Set num_classes of the wrapped module."
            )

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Mean cross-entropy of a batch in nats."""
        x, y = batch
        logits = self.network(x)
        loss = cross_entropy(logits, y)
        if not bool(torch.isfinite(loss)):
            rates = ", ".join(f"{group['lr']:g}" for group in self.optimizers().param_groups)  # type: ignore[union-attr]
            raise FloatingPointError(
                f"The training loss is {float(loss)} at epoch {self.current_epoch}, step {self.global_step} (learning rate {rates}). Expected a "
                "finite number: lower the learning rate, or look for NaN in the inputs. Earlier checkpoints are kept."
            )
        self.train_accuracy(logits, y)
        self.log("train/loss", loss, prog_bar=True)
        self.log("train/accuracy", self.train_accuracy, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """Loss and accuracy on the test split."""
        x, y = batch
        logits = self.network(x)
        self.test_accuracy(logits, y)
        self.log("test/loss", cross_entropy(logits, y), on_epoch=True)
        self.log("test/accuracy", self.test_accuracy, on_epoch=True, prog_bar=True)
