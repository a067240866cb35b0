"""Time and masked samples of the studies, beside a plain forward loop at the same batch size."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch import nn

from lk.games import mask, present
from lk.paper.final_checkpoint import FinalCheckpoint


def spent(
    study: str, network: str, final: FinalCheckpoint, seconds: Mapping[str, float], played: int = 0
) -> dict[str, Any]:
    """What one study of one run took, as stored with its result.

    Args:
        study: Its name.
        network: Name of the network.
        final: The final checkpoint of the run.
        seconds: Wall time by part of the work.
        played: Number of masked samples passed through the network.
    """
    return {"study": study, "network": network, "run": final.run.id, "masked_samples": played, "seconds": seconds}


def cost(rows: Sequence[dict[str, Any]], checkpoints: Sequence[tuple[str, FinalCheckpoint]]) -> pd.DataFrame:
    """The table of costs: extractions and their studies, beside a bare forward loop at the same batch size.

    Args:
        rows: Studies, as of `spent`.
        checkpoints: Name of the network and run of every extraction.

    Returns:
        Columns study, network, run, masked_samples, seconds, play_s, decompose_s, per_second (masked samples while
        playing) and bare_per_second. NaN where a study has no such part, or was made before times were kept.
    """
    rows, bare = list(rows), {}
    for name, final in checkpoints:
        seconds = final.interactions.origin.seconds
        rows.append(spent("extraction", name, final, seconds, len(final.samples.y) * 2**final.n))
        bare[final.run.id] = bare_loop(final.network, final)
    table = pd.DataFrame(rows)
    play, decompose, whole = (
        pd.Series([row["seconds"].get(name) for row in rows], dtype=float) for name in ("play", "decompose", "all")
    )
    table = table.assign(
        seconds=whole.fillna(play + decompose),
        play_s=play,
        decompose_s=decompose,
        per_second=table["masked_samples"] / play,
        # Decomposition alone passes nothing through the network.
        bare_per_second=table["run"].map(bare).where(table["masked_samples"] > 0),
    )
    return table.sort_values(["network", "run", "study"], kind="stable").reset_index(drop=True)


@torch.inference_mode()
def bare_loop(network: nn.Module, final: FinalCheckpoint, least: float = 2.0) -> float:
    """Masked samples per second of a forward loop alone, on batches that are masked already."""
    samples, size = final.samples, final.extraction.batch_size
    device = next(network.parameters()).device
    rows = present(final.n)[-size:]
    batch = mask(samples.x[0], samples.filler[0], samples.owner[0], rows).to(device)
    if batch.ndim == 4 and any(isinstance(module, nn.Conv2d) for module in network.modules()):
        batch = batch.contiguous(memory_format=torch.channels_last)
    network(batch)
    start, passes = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < least:
        network(batch)
        passes += len(batch)
    return passes / elapsed
