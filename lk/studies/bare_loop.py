"""What a plain forward loop reaches on the same masked samples: the yardstick of an extraction's speed."""

import time

import torch
from torch import nn

from lk.games import mask, present
from lk.studies.subject import Subject


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
