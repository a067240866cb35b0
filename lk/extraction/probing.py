"""Probes of a checkpoint: fitted or loaded, and how much each layer's probe knows."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import Subset

from lk.extraction.checkpoint import Checkpoint
from lk.extraction.extraction import Extraction
from lk.games import OUTPUT
from lk.layers import device_of, read_layers
from lk.probes import Probes, Recipe
from lk.probes.probes import at_chance
from lk.storage.describe import describe
from lk.storage.digest import digest_tensors

if TYPE_CHECKING:
    from lk.data import Data


def drawn_samples(recipe: Recipe, data: "Data") -> Tensor:
    """Indices of the training samples that a recipe fits on: the first `max_samples` of a seeded order, ascending."""
    total = len(data.labels(data.train))
    return (
        torch.randperm(total, generator=torch.Generator().manual_seed(recipe.seed))[: recipe.max_samples].sort().values
    )


def fitted_on(recipe: Recipe, network: nn.Module, data: "Data") -> dict[str, str]:
    """Digests of what probes are fitted on: the network's weights, and the labels of the samples that the recipe draws.

    The inputs of these samples are not read: that is the larger part of the work. The explained ones are compared where
    games are stored.
    """
    index = drawn_samples(recipe, data)
    return {
        "weights": digest_tensors(network.state_dict()),
        "labels": digest_tensors({"index": index, "y": data.labels(data.train)[index]}),
    }


def fit_probes(recipe: Recipe, network: nn.Module, layers: Sequence[str], data: "Data") -> Probes:
    """Fit probes on the training samples that the recipe draws, in a fixed order."""
    batches = data.batches(Subset(data.train, drawn_samples(recipe, data).tolist()), 256)
    with torch.random.fork_rng():  # a loader draws a base seed from the global stream
        probes = recipe.fit(network, layers, batches, data.num_classes)
    probes.recipe, probes.made_from = describe(recipe), fitted_on(recipe, network, data)
    return probes


def probe_checkpoint(checkpoint: Checkpoint, extraction: Extraction, again: bool = False) -> Probes:
    """The probes of a checkpoint, fitted and stored where they are not; the run's table of probes holds their accuracy.

    Stored probes of other weights or training labels are fitted again, with a warning.

    Args:
        checkpoint: Its network is frozen.
        extraction: Its recipe and layers are used.
        again: Fit even if probes are stored.

    Raises:
        ValueError: The stored probes are of another recipe.
    """
    run, network, data, step = checkpoint.run, checkpoint.network, checkpoint.data, checkpoint.step
    path, layers = run.probes(step), extraction.layers_of(network)
    table = run.read_table("probes") if run.table("probes").is_file() else pd.DataFrame({"step": []})
    stored = None if again else stored_probes(checkpoint, extraction, layers)
    if stored is not None and (table["step"] == step).any():
        return stored
    if stored is None:
        fit_probes(extraction.probes, network, layers, data).save(path)
        stored = Probes.load(path).to(device_of(network))  # what is used is what is stored
    rows = evaluate(network, stored, data, step, checkpoint.epoch)
    table = pd.concat([table[table["step"] != step], rows], ignore_index=True)
    run.write_table("probes", table.sort_values(["step", "depth"]))
    return stored


def stored_probes(checkpoint: Checkpoint, extraction: Extraction, layers: Sequence[str]) -> Probes | None:
    """The stored probes of a checkpoint; None where there are none of these layers, weights and labels."""
    run, path, recipe = checkpoint.run, checkpoint.run.probes(checkpoint.step), describe(extraction.probes)
    stored = Probes.load(path).to(device_of(checkpoint.network)) if path.is_file() else None
    if stored is None or not set(layers) <= set(stored.layers):
        return None
    if stored.recipe != recipe:
        raise ValueError(
            f"expected probes of the recipe {recipe}, got {path} fitted with {stored.recipe}. "
            f"Fit them again with probe.py fit --run {run.path}, or leave out the recipe of the extraction."
        )
    now = fitted_on(extraction.probes, checkpoint.network, checkpoint.data)
    if stored.made_from is None or stored.made_from == now:  # None: of an earlier version
        return stored
    warnings.warn(f"{path} was fitted on another network or other training labels; it is fitted again.", stacklevel=3)
    return None


@torch.inference_mode()
def evaluate(
    network: nn.Module, probes: Probes, data: "Data", step: int, epoch: float, max_samples: int = 2000
) -> pd.DataFrame:
    """Accuracy and calibration of every probe and of the output on test samples, in one pass.

    A layer is marked `at_chance` unless its accuracy lies above that of always naming the most frequent class
    (one-sided binomial test, 5 %); its interactions then say little, and every figure marks it.

    Args:
        network: The frozen network.
        probes: Its probes.
        data: The data set; at most `max_samples` of its test split are used, drawn with seed 0.
        step: Global step, for the table.
        epoch: Epochs trained, for the table.
        max_samples: Test samples at most.

    Returns:
        One row per layer: step, epoch, layer, depth, accuracy, calibration_error (15 bins, expected), loss (nats),
        chance, at_chance, samples, gradient_norm, iterations.
    """
    from torchmetrics.classification import MulticlassAccuracy, MulticlassCalibrationError  # takes seconds to import

    labels = data.labels(data.test)
    rows = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))[:max_samples].sort().values
    device = device_of(network)
    names = [*probes.layers, OUTPUT]
    # One process counts all samples: under several devices the others are not here, and a metric that gathers would
    # wait for them for ever.
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
