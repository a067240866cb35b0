"""How much each layer's linear classifier knows: accuracy, calibration, chance."""

from typing import Any

import pandas as pd
import torch
from torch import nn
from torch.utils.data import Subset
from torchmetrics.classification import MulticlassAccuracy, MulticlassCalibrationError

from lk.data import Data
from lk.games import OUTPUT
from lk.layers import device_of, read_layers
from lk.probes import Probes
from lk.probes.probes import at_chance


@torch.inference_mode()
def evaluate(
    network: nn.Module, probes: Probes, data: Data, step: int, epoch: float, max_samples: int = 2000
) -> pd.DataFrame:
    """Accuracy and calibration of every probe and of the output on test samples, in one pass.

    A layer is marked `at_chance` unless its accuracy lies above that of always naming the most frequent class (one-sided
    binomial test, 5 %); its interactions then say little, and every figure marks it.

    Args:
        network: The frozen network.
        probes: Its probes.
        data: The data set; at most `max_samples` of its test split are used, drawn with seed 0.
        step: Global step, for the table.
        epoch: Epochs trained, for the table.
        max_samples: Test samples at most.

    Returns:
        One row per layer: step, epoch, layer, depth, accuracy, calibration_error (15 bins, expected), loss (nats), chance,
        at_chance, samples, gradient_norm, iterations.
    """
    labels = Data.labels(data.test)
    rows = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))[:max_samples].sort().values
    device = device_of(network)
    names = [*probes.layers, OUTPUT]
    # One process counts all samples: under several devices the others are not here, and a metric that gathers would wait for them for ever.
    alone: dict[str, Any] = {"sync_on_compute": False}
    accuracy = {name: MulticlassAccuracy(data.num_classes, average="micro", **alone).to(device) for name in names}
    calibration = {name: MulticlassCalibrationError(data.num_classes, n_bins=15, **alone).to(device) for name in names}
    loss = dict.fromkeys(names, 0.0)
    for x, y in data.batches(Subset(data.test, rows.tolist()), 256):
        target = y.to(device)
        with read_layers(network, probes.layers) as activations:
            output = network(x.to(device))
        for name, logits in {**probes(activations), OUTPUT: output}.items():
            accuracy[name].update(logits, target)
            calibration[name].update(logits.softmax(1), target)
            loss[name] += float(torch.nn.functional.cross_entropy(logits, target, reduction="sum"))
    chance = float(torch.bincount(labels[rows], minlength=data.num_classes).max() / len(rows))
    table = []
    for place, name in enumerate(names):
        hit = float(accuracy[name].compute())
        fit = probes.linears.get(name)
        table.append(
            {
                "step": step,
                "epoch": epoch,
                "layer": name,
                "depth": place / max(1, len(names) - 1),
                "accuracy": hit,
                "calibration_error": float(calibration[name].compute()),
                "loss": loss[name] / len(rows),
                "chance": chance,
                "at_chance": at_chance(round(hit * len(rows)), len(rows), chance),
                "samples": len(rows),
                "gradient_norm": fit.gradient_norm if fit else float("nan"),
                "iterations": fit.iterations if fit else 0,
            }
        )
    return pd.DataFrame(table)
