"""What a long command says: a forecast before, a bar with the time left during."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from lk.doctor import readable
from lk.extraction import Extraction, Samples
from lk.games import count_players, mask, present
from lk.games.game import BACKGROUNDS
from lk.layers import device_of

console = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """One line for the user, beside progress bars."""
    console.print(text, markup=False, soft_wrap=True)


def backgrounds(extraction: Extraction) -> int:
    """How often each masked sample is passed: once, or once per intensity of an integrated background."""
    return len(BACKGROUNDS[extraction.background])


@torch.inference_mode()
def forecast(network: nn.Module, extraction: Extraction, samples: Samples, checkpoints: int) -> str:
    """One line: forward passes, memory on disk, minutes, from a timed batch of this very game."""
    twin, n = readable(network, extraction.layers_of(network), samples.x), count_players(samples.owner)
    device = device_of(twin)
    rows = present(n)[: min(extraction.batch_size, 2**n)]
    batch = mask(samples.x[0], samples.filler[0], samples.owner[0], rows).to(device)
    twin(batch)
    start = time.perf_counter()
    twin(batch)
    seconds = (time.perf_counter() - start) / len(rows)
    levels = backgrounds(extraction)
    passes = 2**n * len(samples.y) * levels * checkpoints
    layers = len(extraction.layers_of(network)) + 1
    # Values, AND, OR and delta, 4 bytes each.
    megabytes = 2**n * layers * len(samples.y) * 4 * 4 * checkpoints / 1e6
    return (
        f"Extraction '{extraction.name}': {checkpoints} checkpoint{'s' * (checkpoints != 1)} x {len(samples.y)} samples x 2^{n} coalitions"
        f"{f' x {levels} backgrounds' * (levels > 1)} = {passes:,} masked samples through {layers} layers; "
        f"about {passes * seconds / 60:.1f} min of forward passes, {megabytes:,.0f} MB on disk."
    )


@contextmanager
def progress(total: int, what: str) -> Iterator[Progress]:
    """A bar with the time left; advance its only task."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(), console=console
    ) as bar:
        bar.add_task(what, total=total)
        yield bar
