"""How the sets of interactions change over layers and epochs: tidy tables of one extraction.

Every table has one row per sample, so that averages and their intervals are made where they are drawn.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lk.extraction.companions import companion_tables
from lk.extraction.games import read_games
from lk.games import OUTPUT
from lk.interactions import Interactions
from lk.metrics import compare, count, matching_error, strength
from lk.metrics.comparison import shares
from lk.metrics.intervals import equal_weights
from lk.runs import Run
from lk.runs.measured import record_measured

KINDS = ("and", "or")
UNKNOWN = -1  # label


def depths(layers: tuple[str, ...]) -> dict[str, float]:
    """Relative depth of each layer: 0 for the first that is read, 1 for the output."""
    return {layer: i / max(1, len(layers) - 1) for i, layer in enumerate(layers)}


def intermediate(layers: Sequence[str]) -> str:
    """The hidden layer nearest to half of the depth; the output where it is the only layer.

    Example:
        >>> intermediate(["conv1", "conv2", "fc", "output"])
        'conv2'
    """
    hidden = [layer for layer in layers if layer != OUTPUT]
    # In whole numbers: of two layers equally near, the earlier one, whatever a division rounds to.
    return min(hidden, key=lambda layer: abs(2 * layers.index(layer) - (len(layers) - 1))) if hidden else layers[-1]


def columns(interactions: Interactions) -> dict[str, Any]:
    """What identifies a checkpoint in a table."""
    return {"step": interactions.step, "epoch": interactions.epoch}


def flat(interactions: Interactions, tensors: dict[str, Tensor], **constant: Any) -> pd.DataFrame:
    """Tensors `(n + 1, layers, samples)` as rows of order, layer and sample; order 0 is left out."""
    first = next(iter(tensors.values()))
    order, layer, sample = (
        index.flatten().numpy() for index in torch.meshgrid(*(torch.arange(s) for s in first.shape), indexing="ij")
    )
    frame = pd.DataFrame(
        {"order": order, "layer": np.array(interactions.layers, dtype=object)[layer], "sample": sample}
    )
    frame["sample"] = interactions.indices.numpy()[sample]
    frame["depth"] = frame["layer"].map(depths(interactions.layers))
    for key, value in {**columns(interactions), **constant}.items():
        frame[key] = value
    for key, tensor in tensors.items():
        frame[key] = tensor.flatten().numpy()
    return frame[frame["order"] > 0].reset_index(drop=True)


def games(interactions: Interactions, values: Tensor | None = None) -> pd.DataFrame:
    """One row per layer and sample: the game and how well it is explained.

    Columns: step, epoch, layer, depth, sample, label, correct, v_empty, v_grand, reach (|v(N) - v(empty)|), objective,
    lower_bound, certified, canonical (missing where it was not stored), matching_error (NaN without values), threshold,
    salient.
    """
    layers, samples = interactions.and_.shape[1:]
    layer, sample = (
        index.flatten().numpy() for index in torch.meshgrid(torch.arange(layers), torch.arange(samples), indexing="ij")
    )
    error = torch.full((layers, samples), torch.nan)
    if values is not None:
        error = matching_error(values, interactions.and_, interactions.or_, interactions.delta).float()
    grand = interactions.and_.sum(0) + interactions.or_[1:].sum(0) + interactions.delta[-1]
    frame = pd.DataFrame(
        {
            "layer": np.array(interactions.layers, dtype=object)[layer],
            "sample": interactions.indices.numpy()[sample],
        }
    )
    frame["depth"] = frame["layer"].map(depths(interactions.layers))
    for key, value in columns(interactions).items():
        frame[key] = value
    labels = torch.full((samples,), UNKNOWN) if interactions.labels is None else interactions.labels
    frame["label"] = labels.numpy()[sample]
    frame["correct"] = interactions.presumed_correct.numpy()[sample]
    for key, tensor in {
        "v_empty": interactions.and_[0],
        "v_grand": grand,
        "reach": interactions.total_effect,
        "objective": interactions.objective,
        "lower_bound": interactions.lower_bound,
        "certified": interactions.certified,
        "matching_error": error,
        "threshold": interactions.thresholds(),
        "salient": interactions.salient().sum((0, 1)),
        "salient_per_layer": interactions.salient(scope="per_layer").sum((0, 1)),
    }.items():
        frame[key] = tensor.flatten().numpy()
    known = interactions.canonical
    frame["canonical"] = pd.array([pd.NA] * len(frame) if known is None else known.flatten().tolist(), dtype="boolean")
    return frame


def strengths(interactions: Interactions) -> pd.DataFrame:
    """One row per kind, order, layer and sample.

    Strength of positive, negative and salient effects, and the number of salient ones.

    Columns: step, epoch, layer, depth, sample, kind, order, positive, negative, salient_strength, salient_count, all in
    the unit of the score, and `normaliser`, the layer's mean |v(N) - v(empty)| over samples (footnote 8).
    """
    chosen = interactions.salient()
    normaliser = interactions.total_effect.mean(1)
    parts = []
    for kind, effects, mask in zip(KINDS, interactions.effects, chosen, strict=True):
        positive = strength(effects, sign=1)
        tensors = {
            "positive": positive,
            "negative": strength(effects, sign=-1),
            "salient_strength": strength(effects, mask),
            "salient_count": count(mask),
            "normaliser": normaliser[None, :, None].expand_as(positive),
        }
        parts.append(flat(interactions, tensors, kind=kind))
    return pd.concat(parts, ignore_index=True)


def normalised(interactions: Interactions) -> Tensor:
    """Effects divided by the layer's mean |v(N) - v(empty)|, `(2, 2**n, layers, samples)` (footnote 8).

    NaN where it is 0.
    """
    normaliser = interactions.total_effect.mean(1)
    return interactions.effects / torch.where(normaliser > 0, normaliser, torch.nan)[:, None]


def comparisons(
    interactions: Interactions, before: Interactions | None = None, support: str = "intersection"
) -> pd.DataFrame:
    """Every layer against the output, the layer before, and the same layer of the checkpoint before.

    Columns: step, epoch, layer, depth, sample, kind, order, reference (`output`, `layer before`, `checkpoint before`),
    all, all_reference, overlap, forgotten, new. Strengths are relative to the mean |v(N) - v(empty)| of their own
    layer.
    """
    effects, chosen = normalised(interactions), interactions.salient()
    last = [interactions.output]

    def references() -> Iterator[tuple[str, Tensor, Tensor]]:
        yield "output", effects[:, :, last].expand_as(effects), chosen[:, :, last].expand_as(chosen)
        yield "layer before", effects.roll(1, 2), chosen.roll(1, 2)
        if before is not None:
            yield "checkpoint before", normalised(before), before.salient()

    parts = []
    for name, reference, chosen_reference in references():
        for k, kind in enumerate(KINDS):
            result = compare(effects[k], chosen[k], reference[k], chosen_reference[k], support)
            frame = flat(interactions, result._asdict(), kind=kind, reference=name)
            # The first layer has none before it. The output against itself stays: all overlap.
            if name == "layer before":
                frame = frame[frame["layer"] != interactions.layers[0]]
            parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def strongest(interactions: Interactions, count_: int = 20) -> pd.DataFrame:
    """The strongest interactions of every layer, over all samples: at most `count_` rows per layer."""
    rows = []
    names, indices = interactions.names, interactions.indices.tolist()
    for layer in interactions.layers:
        found = [(*entry, s) for s in range(interactions.n_samples) for entry in interactions.top(count_, layer, s)]
        for kind, players, effect, s in sorted(found, key=lambda entry: -abs(entry[2]))[:count_]:
            rows.append(
                {
                    "layer": layer,
                    "sample": indices[s],
                    "kind": kind,
                    "order": len(players),
                    "players": " ".join(names[i] for i in players),
                    "effect": effect,
                }
            )
    return pd.DataFrame(rows).assign(**columns(interactions))


def measure(
    interactions: Interactions, before: Interactions | None = None, values: Tensor | None = None
) -> dict[str, pd.DataFrame]:
    """All tables of one checkpoint."""
    return {
        "games": games(interactions, values),
        "strengths": strengths(interactions),
        "comparisons": comparisons(interactions, before),
        "strongest": strongest(interactions),
    }


def measured(folder: Path, found: Interactions, before: Interactions | None) -> dict[str, pd.DataFrame]:
    """Tables of one checkpoint, whose games lie in `folder`, against the checkpoint before."""
    return measure(found, before, read_games(folder / "values.safetensors", tuple(found.and_.shape)).values)


def record_interactions(run: Run, name: str, found: Interactions) -> None:
    """Record for a table of runs: share of certified games; completeness at half of the depth, against the output."""
    middle = found.layers.index(intermediate(found.layers))
    against = shares(found, [middle], found, [found.output], equal_weights(found.n_samples))
    numbers = {
        "completeness": float(against.completeness[0, -1, 0, 0]),
        "certified": float(found.certified.float().mean()),
    }
    record_measured(run.path, f"extractions/{name}", found.step, numbers)


def write_tables(run: Run, name: str) -> dict[str, pd.DataFrame]:
    """Measure every stored checkpoint of an extraction again, from its files alone, and write the tables."""
    collected: dict[str, list[pd.DataFrame]] = {}
    before = None
    for path in run.extracted(name).values():
        found = Interactions.load(path)
        for key, frame in measured(path.parent, found, before).items():
            collected.setdefault(key, []).append(frame)
        before = found
    tables = {key: pd.concat(frames, ignore_index=True) for key, frames in collected.items()}
    tables |= companion_tables(run, name)
    for key, frame in tables.items():
        run.write_table(f"{name}/{key}", frame)
    if before is not None:
        record_interactions(run, name, before)
    return tables
