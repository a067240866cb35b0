"""Forecast of an extraction: its time and its files, before the work."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn

from lk.decomposition import decompose
from lk.extraction import Checkpoint, Extraction
from lk.extraction.probing import fit_probes
from lk.games import count_players
from lk.games.game import BACKGROUNDS
from lk.games.players import BACKGROUND
from lk.layers import device_of
from lk.networks.readable import readable
from lk.probes import Probes
from lk.runs import Run
from lk.storage.trust import rebuilt
from lk.text import duration, size

if TYPE_CHECKING:
    from lk.data import Data

# Seconds of one core per decomposed game by number of players, means over layers and checkpoints of configs/digits.yaml
# with more players. Relative to 8 players; the machine at hand is timed. Games of 12 players take between a twentieth
# and ten times their mean.
GAME_COST = {4: 0.1, 6: 0.3, 8: 1.0, 10: 12.0, 12: 250.0}
REFERENCE_GAME = 0.5  # a game of 8 players of a network, relative to one of random values
TIMED = 8  # players and games
FITTED = (256, 512)  # training samples of the probes that are fitted to forecast the others
MARGIN = 1.1  # free space that is asked for, relative to what the files need


def backgrounds(extraction: Extraction) -> int:
    """How often each masked sample is passed: once, or once per intensity of an integrated background."""
    return len(BACKGROUNDS[extraction.background])


class Forecast(NamedTuple):
    """Seconds of each part of an extraction.

    Attributes:
        probes: Fitting the linear classifiers.
        play: Forward passes of masked samples, with everything that reads and scores them.
        decompose: From values to interactions.
        show: Tables, pictures and loggers; known once a checkpoint is timed.
    """

    probes: float
    play: float
    decompose: float
    show: float = 0.0

    def text(self, n: int) -> str:
        """The whole with its parts and its uncertainty, in words."""
        margin = "a factor of 2" if n <= 10 else "a factor of 10, as games of so many players differ"
        return f"{self.parts()}, give or take {margin}"

    def parts(self) -> str:
        """The whole with its parts, in words."""
        names = ("probes", "forward passes", "decomposition", "tables and pictures")
        said = ", ".join(f"{name} {duration(part)}" for name, part in zip(names, self, strict=True) if part > 0)
        return f"about {duration(sum(self))} ({said})"

    def of_rest(self, name: str, step: int, left: int) -> str:
        """What the remaining checkpoints take if each takes as long as the one that these seconds are of.

        Args:
            name: Name of the extraction.
            step: The timed checkpoint.
            left: Checkpoints that remain.
        """
        rest = Forecast(*(left * part for part in self))
        return (
            f"Extraction '{name}': the checkpoint of step {step} took {duration(sum(self))}; "
            f"{left} more like it take {rest.parts()}."
        )


def pending(run: Run, extraction: Extraction, steps: Sequence[int]) -> list[int]:
    """Those of the checkpoints that are not yet extracted."""
    done = run.extracted(extraction.name)
    return [step for step in steps if step not in done]


def forecast(checkpoint: Checkpoint, extraction: Extraction, steps: Sequence[int]) -> str:
    """One line on what is still to do: masked samples, time and memory on disk, as timed on this machine.

    Loaders draw from the random generators of the caller: isolate them during training.

    Args:
        checkpoint: Any of the run, with samples.
        extraction: What to extract.
        steps: All checkpoints to extract.
    """
    run, samples = checkpoint.run, checkpoint.explained
    n, levels, left = count_players(samples.owner), backgrounds(extraction), pending(run, extraction, steps)
    layers, checkpoints = len(extraction.layers_of(checkpoint.network)) + 1, len(left)
    if not checkpoints:
        return f"Extraction '{extraction.name}': all {len(steps)} checkpoints are stored already."
    passes = 2**n * len(samples.y) * levels * checkpoints
    one = seconds(checkpoint, extraction)
    unfitted = sum(not run.probes(step).is_file() for step in left)
    whole = Forecast(unfitted * one.probes, checkpoints * one.play, checkpoints * one.decompose)
    return (
        f"Extraction '{extraction.name}': {checkpoints} checkpoint{'s' * (checkpoints != 1)} x {len(samples.y)} "
        f"samples x 2^{n} coalitions{f' x {levels} backgrounds' * (levels > 1)} = {passes:,} masked samples through "
        f"{layers} layers; {whole.text(n)}; {size(bytes_on_disk(n, layers, len(samples.y), checkpoints))} on disk."
    )


def seconds(checkpoint: Checkpoint, extraction: Extraction) -> Forecast:
    """Expected seconds of one checkpoint."""
    network, samples, data = checkpoint.network, checkpoint.explained, checkpoint.data
    layers, n = extraction.layers_of(network), count_players(samples.owner)
    copied = readable(network, layers, samples.x, data.num_classes)
    probes, fitting = (None, 0.0) if extraction.score.reads != "logits" else fit_time(extraction, copied, layers, data)
    # One full batch of this very game: fewer players, each with several of the parts.
    players = min(n, max(1, extraction.batch_size.bit_length() - 1))
    one = samples.select([0])
    one = replace(one, owner=torch.where(one.owner == BACKGROUND, one.owner, one.owner % players))
    extraction.play(copied, probes, layers, one)
    start = time.perf_counter()
    extraction.play(copied, probes, layers, one)
    each = (time.perf_counter() - start) / 2**players
    return Forecast(fitting, each * 2**n * len(samples.y), game_time(n) * len(samples.y) * (len(layers) + 1))


def fit_time(extraction: Extraction, copied: nn.Module, layers: list[str], data: "Data") -> tuple[Probes, float]:
    """Probes fitted on few training samples, and the expected seconds on all that the recipe asks for.

    Linear in their number.
    """
    wanted = min(extraction.probes.max_samples, len(data.labels(data.train)))
    took = []
    for number in (FITTED[0], *FITTED):  # the first warms up
        recipe = rebuilt(extraction.probes, max_samples=min(number, wanted))
        start = time.perf_counter()
        probes = fit_probes(recipe, copied, layers, data)
        took.append(time.perf_counter() - start)
    slope = max(0.0, took[2] - took[1]) / (FITTED[1] - FITTED[0])
    return probes.to(device_of(copied)), took[2] + slope * max(0, wanted - FITTED[1])


@lru_cache
def random_game_time(threads: int) -> float:
    """Seconds per decomposed game of 8 players and random values, with as many at a time as there are threads.

    Timed once per process.
    """
    games = torch.rand(2**TIMED, TIMED * threads, generator=torch.Generator().manual_seed(0))
    decompose(games[:, :1])  # the first call compiles
    start = time.perf_counter()
    decompose(games)
    return (time.perf_counter() - start) / games.shape[1]


def game_time(n: int) -> float:
    """Expected seconds to decompose one game of n players.

    Beyond the table its cost grows as between the last two entries.
    """
    known = np.array(list(GAME_COST))
    cost = np.log(np.array(list(GAME_COST.values())))
    beyond = max(0, n - known[-1]) * (cost[-1] - cost[-2]) / (known[-1] - known[-2])
    relative = float(np.exp(np.interp(n, known, cost) + beyond))
    return random_game_time(torch.get_num_threads()) * REFERENCE_GAME * relative


def bytes_on_disk(n: int, layers: int, samples: int, checkpoints: int) -> int:
    """Values, AND, OR and residual, 4 bytes each, per coalition, layer (the output included), sample and checkpoint."""
    return int(2**n * layers * samples * 4 * 4 * checkpoints)


def check_disk(folder: Path, n: int, layers: int, samples: int, checkpoints: int) -> None:
    """Refuse an extraction whose files do not fit on the disk of the run folder, before the work starts.

    Args:
        folder: The run folder, or where it will be.
        n: Players.
        layers: Layers, the output included.
        samples: Samples.
        checkpoints: Checkpoints that are not yet extracted.

    Raises:
        ValueError: A tenth more than the files need is not free.
    """
    place = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    needed, free = bytes_on_disk(n, layers, samples, checkpoints), shutil.disk_usage(place).free
    if needed * MARGIN > free:
        raise ValueError(
            f"expected {size(needed * MARGIN)} of free disk space in {place} (2^{n} coalitions x {layers} layers x "
            f"{samples} samples x {checkpoints} checkpoints x 16 bytes, and a tenth more), got {size(free)}. Choose "
            "fewer players, samples or checkpoints, or another runs_dir."
        )
