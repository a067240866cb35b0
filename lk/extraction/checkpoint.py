"""Everything that is measured at one checkpoint, by the callback during training and by the commands afterwards alike."""

import warnings
from typing import Any, NamedTuple

import pandas as pd
from pytorch_lightning.utilities.seed import isolate_rng
from torch import nn

from lk.data import Data
from lk.extraction import Extraction, Samples
from lk.extraction.extraction import fit_probes, fitted_on, read_games
from lk.extraction.probing import evaluate
from lk.extraction.tables import measure
from lk.interactions import Interactions
from lk.layers import device_of
from lk.networks.readable import readable
from lk.probes import Probes
from lk.runs import Run, step_name
from lk.storage.describe import describe


class Extracted(NamedTuple):
    """What a checkpoint was read with, and what was read: the proven copy of its network, its probes, their table, the interactions."""

    network: nn.Module
    probes: Probes | None
    probed: pd.DataFrame | None
    interactions: Interactions


def probe_checkpoint(
    run: Run, extraction: Extraction, network: nn.Module, data: Data, step: int, epoch: float, again: bool = False
) -> tuple[Probes, pd.DataFrame]:
    """Fit and store the probes of a checkpoint, or load them, and their row in the table of probes.

    Stored probes of other weights or training labels are fitted again, with a warning.

    Args:
        run: The run.
        extraction: Its recipe and layers are used.
        network: The frozen network.
        data: The data set.
        step: Global step of the checkpoint.
        epoch: Epochs trained.
        again: Fit even if probes are stored.
    """
    path, layers = run.probes(step), extraction.layers_of(network)
    device = device_of(network)
    table = run.read_table("probes") if run.table("probes").is_file() else pd.DataFrame({"step": []})
    stored = Probes.load(path).to(device) if path.is_file() and not again else None
    if stored is not None and set(layers) <= set(stored.layers):
        if stored.recipe != describe(extraction.probes):
            raise ValueError(
                f"{path} was fitted with {stored.recipe}, but {describe(extraction.probes)} is asked for. Fit them again with "
                f"probe.py fit --run {run.path}, or leave the recipe of the extraction away."
            )
        if stored.made_from not in (
            None,
            fitted_on(extraction.probes, network, data),
        ):  # None: written before digests were kept
            warnings.warn(
                f"{path} was fitted on another network or other training labels; it is fitted again.", stacklevel=2
            )
            stored = None
    else:
        stored = None
    if stored is not None:
        probes, rows = stored, table[table["step"] == step]
        if len(rows):
            return probes, rows
    else:
        fit_probes(extraction.probes, network, layers, data).save(path)
        probes = Probes.load(path).to(device)  # what is used is what is stored
    rows = evaluate(network, probes, data, step, epoch)
    run.write_table(
        "probes", pd.concat([table[table["step"] != step], rows], ignore_index=True).sort_values(["step", "depth"])
    )
    return probes, rows


def extract_checkpoint(
    run: Run,
    extraction: Extraction,
    samples: Samples,
    network: nn.Module,
    data: Data,
    step: int,
    epoch: float,
    done: Any = lambda _: None,
) -> Extracted:
    """Probe and extract one checkpoint; what is already stored is read.

    Args:
        run: The run.
        extraction: What to extract.
        samples: The samples to explain.
        network: The network as it stands; it is copied, never changed.
        data: The data set.
        step: Global step.
        epoch: Epochs trained.
        done: Called with the number of masked samples after each forward pass.
    """
    with isolate_rng():
        twin = readable(network, extraction.layers_of(network), samples.x, data.num_classes)
        probes, probed = None, None
        if extraction.score.reads == "logits":
            probes, probed = probe_checkpoint(run, extraction, twin, data, step, epoch)
        return Extracted(
            twin,
            probes,
            probed,
            extraction.run(twin, probes, samples, run.extraction(extraction.name), step, epoch, done),
        )


def measured(
    run: Run, name: str, step: int, found: Interactions, before: Interactions | None
) -> dict[str, pd.DataFrame]:
    """Tables of one extracted checkpoint, against the one before (see `lk.extraction.tables`)."""
    coalitions, layers, samples = found.and_.shape
    games = read_games(run.extraction(name) / step_name(step) / "values.safetensors", (coalitions, layers, samples))
    return measure(found, before, games["values"])


def measure_checkpoint(run: Run, name: str, step: int, found: Interactions) -> dict[str, pd.DataFrame]:
    """Tables of one extracted checkpoint, against the stored one before it."""
    earlier = [path for number, path in run.extracted(name).items() if number < step]
    return measured(run, name, step, found, Interactions.load(earlier[-1]) if earlier else None)


def write_tables(run: Run, name: str) -> dict[str, pd.DataFrame]:
    """Measure every stored checkpoint of an extraction again, from its files alone, and write the tables."""
    collected: dict[str, list[pd.DataFrame]] = {}
    before = None
    for step, path in run.extracted(name).items():
        found = Interactions.load(path)
        for key, frame in measured(run, name, step, found, before).items():
            collected.setdefault(key, []).append(frame)
        before = found
    tables = {key: pd.concat(frames, ignore_index=True) for key, frames in collected.items()}
    for key, frame in tables.items():
        run.write_table(f"{name}/{key}", frame)
    return tables
