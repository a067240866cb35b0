"""Games and interactions of one checkpoint: played and decomposed, or read where they are stored."""

import json
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lk.extraction.checkpoint import Checkpoint
from lk.extraction.companions import companions
from lk.extraction.extraction import Extraction
from lk.extraction.probing import probe_checkpoint
from lk.games import OUTPUT, count_players
from lk.interactions import Interactions, Origin, interactions_of
from lk.networks.readable import readable
from lk.scores import predicted
from lk.storage.digest import digest_plain
from lk.storage.stored import expect, read_tensors, write_tensors
from lk.storage.strict_json import damaged, parse_json

REMEDY = "Delete its folder and extract again: analyze.py extract RUN."


def read(
    checkpoint: Checkpoint, extraction: Extraction, done: Callable[[int], None] = lambda _: None
) -> tuple[Checkpoint, Interactions]:
    """The checkpoint as it was read (frozen, with samples and probes), and its interactions.

    What is stored already is read; the rest is fitted, played and decomposed.

    Args:
        checkpoint: Its network is copied; without samples, those of the extraction are opened.
        extraction: What to extract.
        done: Called with the number of masked samples after each forward pass.
    """
    from pytorch_lightning.utilities.seed import isolate_rng  # Lightning takes seconds to import

    data, samples = checkpoint.data, checkpoint.samples
    with isolate_rng():
        if samples is None:
            samples = extraction.open(checkpoint.run.extraction(extraction.name), extraction.samples(data))
        layers = extraction.layers_of(checkpoint.network)
        frozen = replace(
            checkpoint, samples=samples, network=readable(checkpoint.network, layers, samples.x, data.num_classes)
        )
        if extraction.score.reads == "logits":
            frozen = replace(frozen, probes=probe_checkpoint(frozen, extraction))
        if extraction.companions:
            companions(frozen, extraction)
        return frozen, extract(frozen, extraction, done)


def extract(
    checkpoint: Checkpoint, extraction: Extraction, done: Callable[[int], None] = lambda _: None
) -> Interactions:
    """Interactions of a frozen checkpoint with samples and probes; stored games and interactions are read.

    What was made from other inputs than these is recomputed, with a warning.

    Args:
        checkpoint: Its probes are None where the score reads raw activations.
        extraction: What to extract.
        done: Called with the number of masked samples after each forward pass.
    """
    path = checkpoint.folder(extraction.name) / "interactions.safetensors"
    samples, played_from = checkpoint.explained, extraction.made_from(checkpoint)
    decomposition = digest_plain([extraction.kappa, extraction.gap, extraction.salience_ratio])
    made_from = {**played_from, "decomposition": decomposition}
    if path.is_file():
        stored = Interactions.load(path)
        if stored.origin.made_from is None or stored.origin.made_from == made_from:  # None: of an earlier version
            return stored
        warn_of_changes(path.parent, stored.origin.made_from, made_from)
    games = played(checkpoint, extraction, played_from, done)
    assert games.logits is not None
    layers = [*extraction.layers_of(checkpoint.network), OUTPUT]
    start = time.perf_counter()
    found = interactions_of(
        games.values,
        layers,
        extraction.kappa,
        extraction.gap,
        step=checkpoint.step,
        epoch=checkpoint.epoch,
        players=samples.players,
        labels=samples.y,
        samples=samples.index,
        correct=predicted(games.logits) == samples.y,
        salience_ratio=extraction.salience_ratio,
    )
    origin = Origin(
        seconds={"play": games.seconds, "decompose": time.perf_counter() - start},
        versions={package: version(package) for package in ("layerwise-knowledge", "torch")},
        threads=torch.get_num_threads(),
        made_from=made_from,
    )
    found = replace(found, origin=origin)
    found.save(path)
    return found


class Games(NamedTuple):
    """Stored games of a checkpoint.

    Attributes:
        values: Shape `(2**n, layers, samples)`.
        logits: The network's logits on the unmasked samples, `(samples, classes)`; None where not stored.
        seconds: Time that playing took; 0 where not stored.
        made_from: Digests of what they were played with; None where not stored.
    """

    values: Tensor
    logits: Tensor | None
    seconds: float
    made_from: object


def played(
    checkpoint: Checkpoint, extraction: Extraction, made_from: Mapping[str, str], done: Callable[[int], None]
) -> Games:
    """The games of a checkpoint, from their file if they are made from this.

    An interrupted decomposition plays none again.
    """
    path = checkpoint.folder(extraction.name) / "values.safetensors"
    samples, layers = checkpoint.explained, extraction.layers_of(checkpoint.network)
    shape = (2 ** count_players(samples.owner), len(layers) + 1, len(samples.y))
    stored = read_games(path) if path.is_file() else None
    if stored is not None and stored.made_from == made_from and stored.values.shape == shape:
        return stored
    start = time.perf_counter()
    values, logits = extraction.play(checkpoint.network, checkpoint.probes, layers, samples, done)
    seconds = torch.tensor(time.perf_counter() - start)
    tensors = {"values": values, "logits": logits, "seconds": seconds}
    write_tensors(path, tensors, {"made_from": json.dumps(made_from)})
    return read_games(path, shape)


def read_games(path: Path, shape: tuple[int, ...] | None = None) -> Games:
    """Stored games.

    Args:
        path: Their file.
        shape: The shape that the values must have.

    Raises:
        ValueError: The file is damaged, or holds games of another shape.
    """
    tensors, header = read_tensors(path, "holds no games", REMEDY)
    try:
        expect(tensors, {"values": ("real", shape or (None, None, None))})
        size = len(tensors["values"])
        if size & (size - 1):
            raise ValueError(f"expected values of 2^n coalitions, got {size}")
        if "logits" in tensors:
            expect(tensors, {"logits": ("real", (tensors["values"].shape[2], None))})
        if "seconds" in tensors:
            expect(tensors, {"seconds": ("real", ())})
        made_from = parse_json(header["made_from"]) if "made_from" in header else None  # of an earlier version
    except ValueError as error:
        raise damaged(path, "holds no games", error, REMEDY) from error
    seconds = float(tensors["seconds"]) if "seconds" in tensors else 0.0
    return Games(tensors["values"], tensors.get("logits"), seconds, made_from)


def warn_of_changes(place: Path, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Warn that a stored result is recomputed, and which inputs changed."""
    changed = [key for key in now if before.get(key) != now[key]]
    warnings.warn(f"{place} was made from other {', '.join(changed)}; it is made again.", stacklevel=3)
