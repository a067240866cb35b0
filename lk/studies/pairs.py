"""How far pairs of compared networks hold the same interactions."""

from collections.abc import Mapping, Sequence
from itertools import combinations, combinations_with_replacement

import numpy as np
import pandas as pd
import torch

from lk.extraction.tables import KINDS
from lk.metrics.agreement import Agreement, agreement
from lk.metrics.intervals import Array, jackknife
from lk.studies.alignment import Aligned, middle_of
from lk.studies.averages import tidy, weighted_mean

PLACES = ("intermediate layer", "output")
MOST_PAIRS = 6  # lines of a figure
ENTRIES = 4_000_000  # numbers in memory at a time


def iou(aligned: Aligned, lines: Mapping[str, Sequence[int]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Intersection over union of the salient sets of each pair of runs, by kind and order, and its means over pairs.

    Returns:
        Columns run_a, run_b, place (`output`, `intermediate layer`), kind, order, mean, low, high, n, chance, samples;
        and pairs (what the mean is over), place, kind, order, mean, low, high, n, chance. The second is empty where
        every line is a single run.
    """
    weights, n = jackknife(len(aligned.kept)), len(aligned.kept)
    pairs, orders = list(combinations(range(len(aligned.members)), 2)), range(aligned.final[0].n_players + 1)
    sorts = sorts_of(lines) if len(lines) < len(aligned.members) else {}
    position, parts, means_of_sorts = {pair: place for place, pair in enumerate(pairs)}, [], []
    for place, layers in zip(
        PLACES, ([middle_of(f) for f in aligned.final], [f.output for f in aligned.final]), strict=True
    ):
        chosen = [found.salient()[:, :, layer] for found, layer in zip(aligned.final, layers, strict=True)]
        for k, kind in enumerate(KINDS):
            found = of_pairs([own[k] for own in chosen], pairs)
            means, chance = weighted_mean(weights, found.iou), weighted_mean(weights[:1], found.chance)
            frame = tidy(means, {"order": orders, "pair": range(len(pairs))}, n, kind=kind, place=place)
            known = torch.isfinite(found.iou).sum(-1).numpy()
            parts.append(frame.assign(chance=chance[0].ravel(), samples=known.ravel()))
            for sort, members in sorts.items():
                places = [position[pair] for pair in members]
                own, level = (np.moveaxis(x[:, :, places], 2, 0) for x in (means, chance))
                table = tidy(mean_of_known(own), {"order": orders}, n, pairs=sort, place=place, kind=kind)
                means_of_sorts.append(table.assign(chance=mean_of_known(level)[0]))
    each = pd.concat(parts, ignore_index=True)
    names = [(aligned.names[a], aligned.names[b]) for a, b in pairs]
    each = each.assign(**{key: [names[i][side] for i in each["pair"]] for side, key in enumerate(("run_a", "run_b"))})
    of_sorts = pd.concat(means_of_sorts, ignore_index=True) if means_of_sorts else pd.DataFrame(columns=["order"])
    return tuple(table[table["order"] > 0].reset_index(drop=True) for table in (each.drop(columns="pair"), of_sorts))  # type: ignore[return-value]


def of_pairs(chosen: Sequence[torch.Tensor], pairs: Sequence[tuple[int, int]]) -> Agreement:
    """Agreement of many pairs of networks at once, each `(n + 1, pairs, samples)`.

    Args:
        chosen: For each network which interactions of one kind are salient, `(2**n, samples)`.
        pairs: Positions of the two networks of each pair.
    """
    together, parts = max(1, ENTRIES // chosen[0].numel()), []
    for start in range(0, len(pairs), together):
        some = pairs[start : start + together]
        parts.append(agreement(*(torch.stack([chosen[pair[side]] for pair in some], 1) for side in (0, 1))))
    return Agreement(*(torch.cat(tensors, 1) for tensors in zip(*parts, strict=True)))


def sorts_of(lines: Mapping[str, Sequence[int]]) -> dict[str, list[tuple[int, int]]]:
    """Pairs of runs by what their lines are: two seeds of one architecture, or two architectures.

    Where that gives more sorts than a figure has room for, all pairs of one architecture are one sort, and those of two
    another.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    few = len(lines) * (len(lines) + 1) // 2 <= MOST_PAIRS
    for a, b in combinations_with_replacement(lines, 2):
        own = combinations(lines[a], 2) if a == b else ((i, j) for i in lines[a] for j in lines[b])
        pairs = [(min(pair), max(pair)) for pair in own]
        one, two = (f"{a}, two runs", f"{a} and {b}") if few else ("two runs of one architecture", "two architectures")
        if pairs:
            found.setdefault(one if a == b else two, []).extend(pairs)
    return found


def mean_of_known(values: Array) -> Array:
    """Mean over the first axis of what is known on all samples, `(pairs, rows, ...)` to `(rows, ...)`.

    Undefined where a part of it is.
    """
    known = np.isfinite(values[:, :1])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(0) / known.sum(0))
