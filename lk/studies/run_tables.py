"""Tables of aligned runs, one per question: accuracy, layers, orders, agreement of salient sets."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import torch

from lk.extraction.tables import KINDS, depths
from lk.interactions import Interactions
from lk.metrics.agreement import agreement
from lk.metrics.comparison import shares
from lk.metrics.intervals import Array, jackknife
from lk.runs import Run
from lk.studies.alignment import Aligned, intermediate, middle_of
from lk.studies.averages import counts, strengths, tidy, weighted_mean
from lk.studies.low_signal import low_signal
from lk.studies.run_facts import architecture, optional_table

PAIRS = ("pairs of one architecture", "pairs of two architectures")


# ---- tables, one per question
def accuracy(runs: Sequence[Run]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test accuracy by epoch, and accuracy of each layer's probe in the finished network."""
    curves, probed = [], []
    for run in runs:
        training, probes = optional_table(run, "training"), optional_table(run, "probes")
        if training is not None:
            curves.append(training[training["quantity"] == "test/accuracy"].assign(run=run.id))
        if probes is not None:
            probed.append(probes[probes["step"] == probes["step"].max()].assign(run=run.id))
    return (pd.concat(frames, ignore_index=True) if frames else pd.DataFrame() for frames in (curves, probed))  # type: ignore[return-value]


def layer_tables(aligned: Aligned) -> dict[str, pd.DataFrame]:
    """Salient count, completeness, redundancy by depth and epoch, strength by order at the output, on common samples.

    Returns:
        `layers`: run, step, epoch, layer, depth, quantity (`count`, `completeness`, `redundancy`), mean, low, high, n,
        marked, middle; `orders`: run, kind, order, quantity (`salient`, `share`), mean, low, high, n, for the output of
        the finished network.
    """
    weights, n = jackknife(len(aligned.kept)), len(aligned.kept)
    layers, orders = [], []
    for run, places in zip(aligned.runs, aligned.places, strict=True):
        games, probes = run.read_table(f"{aligned.extraction}/games"), optional_table(run, "probes")
        flags = low_signal(games, probes).set_index(["step", "layer"])["marked"].to_dict()
        for step, path in run.extracted(aligned.extraction).items():
            found = Interactions.load(path).select(places)
            last = found.output
            against = shares(found, range(len(found.layers)), found, [last] * len(found.layers), weights)
            for quantity, drawn in (
                ("count", counts(found, weights)[:, 2, 0]),
                ("completeness", against.completeness[:, 2, 0]),
                ("redundancy", against.redundancy[:, 2, 0]),
            ):
                frame = tidy(
                    drawn,
                    {"layer": found.layers},
                    n,
                    quantity=quantity,
                    run=run.id,
                    step=step,
                    epoch=found.epoch,
                )
                frame["marked"] = [flags.get((step, layer), False) for layer in frame["layer"]]
                layers.append(
                    frame.assign(
                        depth=frame["layer"].map(depths(found.layers)),
                        middle=frame["layer"] == intermediate(found.layers),
                    )
                )
        for quantity, drawn in strengths(found, weights).items():
            if quantity in ("salient", "share"):
                axes = {"kind": (*KINDS, "both"), "order": range(found.n_players + 1)}
                orders.append(tidy(drawn[:, :, :, last], axes, n, quantity=quantity, run=run.id))
    return {"layers": pd.concat(layers, ignore_index=True), "orders": pd.concat(orders, ignore_index=True)}


def iou(aligned: Aligned) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Intersection over union of salient sets, by pair of runs, kind and order, and means over pairs of either sort.

    Returns:
        Columns run_a, run_b, place (`output`, `intermediate layer`), kind, order, mean, low, high, n, chance, samples;
        and pairs (`PAIRS`), place, kind, order, mean, low, high, n, chance.
    """
    weights, n = jackknife(len(aligned.kept)), len(aligned.kept)
    orders, parts = range(aligned.final[0].n_players + 1), []
    sorts: dict[tuple[str, str, str], list[tuple[Array, Array]]] = {}
    for (run_a, a), (run_b, b) in combinations(zip(aligned.runs, aligned.final, strict=True), 2):
        sort = PAIRS[architecture(run_a) != architecture(run_b)]
        for place, (layer_a, layer_b) in {
            "intermediate layer": (middle_of(a), middle_of(b)),
            "output": (a.output, b.output),
        }.items():
            sets_a, sets_b = a.salient()[:, :, layer_a], b.salient()[:, :, layer_b]
            for k, kind in enumerate(KINDS):
                found = agreement(sets_a[k], sets_b[k])
                means, chance = weighted_mean(weights, found.iou), weighted_mean(weights[:1], found.chance)
                sorts.setdefault((sort, place, kind), []).append((means, chance))
                frame = tidy(
                    means,
                    {"order": orders},
                    n,
                    chance=chance[0],
                    kind=kind,
                    place=place,
                    run_a=run_a.id,
                    run_b=run_b.id,
                )
                parts.append(frame.assign(samples=torch.isfinite(found.iou).sum(1).numpy()))
    by_sort = [
        tidy(
            mean_of_known(np.stack([means for means, _ in own])),
            {"order": orders},
            n,
            chance=mean_of_known(np.stack([chance for _, chance in own]))[0],
            pairs=sort,
            place=place,
            kind=kind,
        )
        for (sort, place, kind), own in sorts.items()
    ]
    tables = (pd.concat(frames, ignore_index=True) for frames in (parts, by_sort))
    each, of_sorts = (table[table["order"] > 0].reset_index(drop=True) for table in tables)
    return each, of_sorts


def mean_of_known(values: Array) -> Array:
    """Mean over the first axis of what is known on all samples, `(pairs, rows, ...)` to `(rows, ...)`.

    Undefined where a part of it is.
    """
    known = np.isfinite(values[:, :1])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(0) / known.sum(0))
