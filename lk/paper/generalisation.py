"""Do different networks learn the same interactions? (Cheng et al., ICML 2024, Eq. 9 and Fig. 4)."""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from einops import rearrange
from torch import Tensor

from lk.extraction.tables import KINDS
from lk.interactions import Interactions
from lk.metrics.agreement import agreement
from lk.metrics.intervals import Array, Interval, interval, jackknife
from lk.metrics.jaccard import signed_jaccard
from lk.paper.controls import LEAN
from lk.paper.final_checkpoint import PLACES
from lk.studies.alignment import middle_of
from lk.studies.averages import tidy, weighted_mean
from lk.studies.run_facts import high_orders, low_orders
from lk.studies.verdict import judge


class Pair(NamedTuple):
    """Two networks on the samples that both classify correctly, every run of one with every run of the other.

    Attributes:
        name: Both names.
        iou: Intersection over union of the salient sets, `(runs of one, runs of the other, places, kinds, n + 1,
            samples)`.
        chance: The same for random sets of the same sizes.
        jaccard: Signed Jaccard similarity of the effects, each relative to its network's mean |v(N) - v(empty)|.
        n: Number of players.
    """

    name: str
    iou: Tensor
    chance: Tensor
    jaccard: Tensor
    n: int


def all_correct(runs: Sequence[Interactions]) -> Tensor:
    """Which samples all of the runs classify correctly, booleans."""
    return torch.stack([run.presumed_correct for run in runs]).all(0)


def pair_of(name: str, first: Sequence[Interactions], second: Sequence[Interactions]) -> Pair:
    """Compare all runs of two networks.

    Args:
        name: Name of the pair.
        first: Interactions of each run of one network, all on the same samples and players.
        second: The same of the other.

    Raises:
        ValueError: The samples differ.
    """
    if len({tuple(run.indices.tolist()) for run in (*first, *second)}) > 1:
        raise ValueError(
            f"{name}: expected runs that explain the same samples, got different ones. Extract all with the same "
            "data.seed and samples_per_class."
        )
    kept = all_correct([*first, *second])
    collected: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
    for a, b in product([run.select(kept) for run in first], [run.select(kept) for run in second]):
        here: list[list[Tensor]] = [[], [], []]
        for layer_a, layer_b in ((middle_of(a), middle_of(b)), (a.output, b.output)):
            sets_a, sets_b = a.salient()[:, :, layer_a], b.salient()[:, :, layer_b]
            scaled = [
                run.effects[:, :, layer] / run.total_effect[layer].mean() for run, layer in ((a, layer_a), (b, layer_b))
            ]
            found = [agreement(sets_a[k], sets_b[k]) for k in range(len(KINDS))]
            here[0].append(torch.stack([each.iou for each in found]))
            here[1].append(torch.stack([each.chance for each in found]))
            here[2].append(torch.stack([signed_jaccard(scaled[0][k], scaled[1][k]) for k in range(len(KINDS))]))
        for whole, parts in zip(collected, here, strict=True):
            whole.append(torch.stack(parts))
    iou, chance, jaccard = (
        rearrange(parts, "(a b) ... -> a b ...", a=len(first)) for parts in map(torch.stack, collected)
    )
    return Pair(name, iou, chance, jaccard, first[0].n_players)


def generalisation(networks: Mapping[str, Sequence[Interactions]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All pairs of networks: the curves by order, and finding 6.

    Args:
        networks: Name to the interactions of each run.

    Returns:
        Curves: pair, place, kind, order, quantity (`iou`, `jaccard`), mean, low, high, chance, n. Findings: as of
        `findings`.
    """
    curves, found = [], []
    for (name_a, first), (name_b, second) in combinations(networks.items(), 2):
        pair = pair_of(f"{name_a} / {name_b}", first, second)
        samples = pair.iou.shape[-1]
        if samples < 2:
            continue
        weights = jackknife(samples)
        for quantity, values in (("iou", pair.iou), ("jaccard", pair.jaccard)):
            mean, *runs = over_pairs(weighted_mean(weights, values))
            frame = tidy(mean, {"place": PLACES, "kind": KINDS, "order": range(pair.n + 1)}, samples, runs)
            frame["chance"] = (
                over_pairs(weighted_mean(weights[:1], pair.chance))[0][0].ravel() if quantity == "iou" else np.nan
            )
            curves.append(frame[frame["order"] > 0].assign(pair=pair.name, quantity=quantity))
        for text, values in (
            ("IoU of low orders exceeds that of high orders", pair.iou),
            ("so it does beyond chance", pair.iou - pair.chance),
        ):
            for p, place in enumerate(PLACES):
                contrast, known = low_over_high(values[:, :, p])
                found.append(
                    {
                        "finding": 6,
                        "part": f"{text} ({place})",
                        "network": pair.name,
                        "seeds": min(len(first), len(second)),
                        "condition": "as measured",
                        "n": known,
                        **judge(contrast),
                    }
                )
    return (pd.concat(curves, ignore_index=True) if curves else pd.DataFrame()), pd.DataFrame(found)


def over_pairs(means: Array) -> tuple[Array, Array, Array]:
    """Mean over all pairs of runs that are known, and what its interval over runs needs.

    Args:
        means: Of each run of one network with each run of the other, `(rows, runs of one, runs of the other, ...)`.

    Returns:
        The mean `(rows, ...)`, and on all samples the mean of each run of one network `(runs, ...)` and of each of the
        other.
    """
    known = np.isfinite(means[0])
    # What is known on all samples, but not without one, makes the mean undefined: it must not drop out of some rows.
    totals = np.where(known, means, 0.0)
    with np.errstate(invalid="ignore"):
        return (
            totals.sum((1, 2)) / known.sum((0, 1)),
            totals[0].sum(1) / known.sum(1),
            totals[0].sum(0) / known.sum(0),
        )


def low_over_high(values: Tensor) -> tuple[Interval, int]:
    """Mean of a sample's low minus its high orders, averaged over the samples that have both, and the number of these.

    Taken within samples: a mean per order over the samples that have it would compare other samples at high orders than
    at low ones, and rest on one or two where high orders are rare.

    Args:
        values: One value per sample, NaN where it is undefined, `(runs of one, runs of the other, kinds, n + 1,
            samples)`.

    Returns:
        The contrast with its interval over samples and runs, NaN where no sample has both, and the number of samples.
    """
    n = values.shape[-2] - 1
    low, high = (torch.nanmean(values[..., chosen, :], (-3, -2)) for chosen in (low_orders(n), high_orders(n)))
    contrast = low - high
    found = interval(*over_pairs(weighted_mean(jackknife(contrast.shape[-1]), contrast)))
    return found, int(torch.isfinite(contrast).flatten(0, 1).any(0).sum())


def stability_findings(network: str, tables: Sequence[pd.DataFrame], n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stability of a network by order, mean over its runs, and finding 7.

    Args:
        network: Name of the network.
        tables: The table of `StabilityStudy` of each run.
        n: Number of players.

    Returns:
        Curves: network, place, lean, kind, order, mean, low, high, n. Findings: as of `findings`.
    """
    table = pd.concat([own.assign(run=run) for run, own in enumerate(tables)])
    samples = sorted(table["sample"].unique())
    weights, curves, found = jackknife(len(samples)), [], []
    for (lean, place), rows in table.groupby(["lean", "place"], sort=False):
        # One network, not a pair of them: the second axis of runs has a single entry.
        values = torch.full((len(tables), 1, len(KINDS), n + 1, len(samples)), torch.nan, dtype=torch.float64)
        columns = (rows[name].tolist() for name in ("run", "kind", "order", "sample", "stability"))
        for run, kind, order, sample, stability in zip(*columns, strict=True):
            values[run, 0, KINDS.index(kind), order, samples.index(sample)] = stability
        mean, *runs = over_pairs(weighted_mean(weights, values))
        frame = tidy(mean, {"kind": KINDS, "order": range(n + 1)}, len(samples), runs)
        curves.append(frame[frame["order"] > 0].assign(network=network, place=str(place), lean=str(lean)))
        contrast, known = low_over_high(values)
        condition = "as measured" if lean == "low" else LEAN
        found.append(
            {
                "finding": 7,
                "part": f"low orders are more stable than high orders ({place})",
                "network": network,
                "seeds": len(tables),
                "condition": condition,
                "n": known,
                **judge(contrast),
            }
        )
    return pd.concat(curves, ignore_index=True), pd.DataFrame(found)
