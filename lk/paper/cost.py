"""What studies take, beside what a plain forward loop reaches on the same masked samples: the yardstick of their speed."""

import time
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import nn

from lk.games import mask, present
from lk.interactions import Interactions
from lk.paper.subject import Subject


def spent(study: str, network: str, one: Subject, made: pd.DataFrame | Interactions, played: int) -> dict[str, Any]:
    """What one study of one run took, as stored with its result.

    Args:
        study: Its name.
        network: Name of the network.
        one: The run.
        made: The result; seconds lie in `attrs` of a table, in `origin` of interactions.
        played: How many masked samples were passed through the network.
    """
    seconds = made.attrs.get("seconds", {}) if isinstance(made, pd.DataFrame) else made.origin.seconds
    return {"study": study, "network": network, "run": one.run.id, "masked_samples": played, "seconds": seconds}


def cost(rows: Sequence[dict[str, Any]], subjects: Sequence[tuple[str, Subject]]) -> pd.DataFrame:
    """The table of costs: extractions and the studies on them, beside a bare forward loop at the same batch size, measured now.

    Args:
        rows: Studies, as of `spent`.
        subjects: Name of the network and run of every extraction.

    Returns:
        Columns study, network, run, masked_samples, seconds, play_s, decompose_s, per_second (masked samples while playing) and
        bare_per_second. NaN where a study has no such part, or was made before times were kept.
    """
    rows, bare = list(rows), {}
    for name, one in subjects:
        rows.append(spent("extraction", name, one, one.interactions, len(one.samples.y) * 2**one.n))
        bare[one.run.id] = bare_loop(one.network, one)
    table = pd.DataFrame(rows)
    play, decompose, whole = (
        pd.Series([row["seconds"].get(name) for row in rows], dtype=float) for name in ("play", "decompose", "all")
    )
    table = table.assign(
        seconds=whole.fillna(play + decompose), play_s=play, decompose_s=decompose, per_second=table["masked_samples"] / play,
        # Decomposition alone passes nothing through the network.
        bare_per_second=table["run"].map(bare).where(table["masked_samples"] > 0),
    )  # fmt: skip
    return table.sort_values(["network", "run", "study"], kind="stable").reset_index(drop=True)


@torch.inference_mode()
def bare_loop(network: nn.Module, one: Subject, least: float = 2.0) -> float:
    """Masked samples per second of a forward loop alone, on batches that are masked already."""
    samples, size = one.samples, one.extraction.batch_size
    device = next(network.parameters()).device
    rows = present(one.n)[-size:]
    batch = mask(samples.x[0], samples.filler[0], samples.owner[0], rows).to(device)
    if batch.ndim == 4 and any(isinstance(module, nn.Conv2d) for module in network.modules()):
        batch = batch.contiguous(memory_format=torch.channels_last)
    network(batch)
    start, passes = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < least:
        network(batch)
        passes += len(batch)
    return passes / elapsed
