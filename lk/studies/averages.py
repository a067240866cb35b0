"""Averages over samples, with intervals, of everything that is measured at one checkpoint.

Each measure is an array `(rows, ...)` whose first axis runs over the rows of `lk.metrics.jackknife`: all samples, then
all but one. Numerators, denominators and normalisers are all recomputed in each row. Differences of two measures with
the same weights are therefore paired.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from lk.extraction.tables import KINDS, columns, depths
from lk.interactions import Interactions
from lk.metrics import count, strength
from lk.metrics.comparison import Shares, normaliser, shares
from lk.metrics.intervals import Array, contract, divide, interval
from lk.metrics.strength import with_totals

BOTH, ALL = "both", 0  # both kinds together; all orders together
WHOLE = (len(KINDS), ALL)  # where `with_totals` puts both kinds and all orders together


def tidy(
    replicates: Array, axes: dict[str, Sequence[Any]], samples: int, runs: Sequence[Array] = (), **constant: Any
) -> pd.DataFrame:
    """An array `(rows, *axes)` as a table with mean, low and high (95 %) and n, the number of samples.

    low and high are NaN where too few samples carry the number (`lk.metrics.interval`), and with a single row of
    weights.

    Args:
        replicates: The numbers for each row of `lk.metrics.jackknife`.
        axes: Name and values of each further axis.
        samples: Number of samples.
        runs: Numbers of the runs that were averaged, as `lk.metrics.interval` takes them.
        constant: Columns with one value.
    """
    centre, low, high, _ = interval(replicates, *runs)
    places = np.indices(centre.shape).reshape(len(axes), -1)
    named = {name: np.array(list(values))[place] for (name, values), place in zip(axes.items(), places, strict=True)}
    # Made in one go: columns added one by one cost more than everything else here.
    return pd.DataFrame(
        {**named, "mean": centre.ravel(), "low": low.ravel(), "high": high.ravel(), "n": samples, **constant}
    )


def axes_of(n: int, places: Sequence[object]) -> dict[str, Sequence[Any]]:
    """Axes of an array that `with_totals` made."""
    return {"kind": (*KINDS, BOTH), "order": range(n + 1), "layer": places}


def counts(interactions: Interactions, weights: Array) -> Array:
    """Salient interactions per sample, `(rows, kinds + both, orders, layers)`; order 0 holds all orders."""
    chosen = interactions.salient()
    return with_totals(contract(weights, torch.stack([count(mask) for mask in chosen])))


def salient_strength(interactions: Interactions, weights: Array) -> Array:
    """Salient strength per sample in the unit of the score, as `counts`: what AND and OR have together is their sum."""
    chosen = interactions.salient()
    return with_totals(
        contract(
            weights, torch.stack([strength(e, mask) for e, mask in zip(interactions.effects, chosen, strict=True)])
        )
    )


def strengths(interactions: Interactions, weights: Array) -> dict[str, Array]:
    """Strength relative to the normaliser: of positive, negative and salient effects, each as `counts`.

    `share` is the salient strength of a kind and order relative to the layer's whole.
    """
    found = {"salient": salient_strength(interactions, weights)}
    for name, sign in (("positive", 1), ("negative", -1)):
        signed = torch.stack([strength(effects, sign=sign) for effects in interactions.effects])
        found[name] = with_totals(contract(weights, signed))
    scale = normaliser(interactions, weights)[:, None, None]
    sums = {name: divide(found[name], scale) for name in ("positive", "negative", "salient")}
    return {**sums, "share": divide(sums["salient"], sums["salient"][:, 2:, :1])}


def total(frame: pd.DataFrame, **where: str) -> pd.DataFrame:
    """Rows of both kinds and all orders together, by checkpoint and depth.

    Where the frame holds several quantities or references, of one.
    """
    rows = frame[(frame["kind"] == BOTH) & (frame["order"] == ALL)]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows.sort_values(["step", "depth"], kind="stable")


def share_table(found: Shares, n: int, layers: Sequence[str], samples: int, **constant: Any) -> pd.DataFrame:
    """Rows of quantity, kind, order, layer with mean, low, high.

    Quantities are overlap, forgotten, new, completeness, redundancy.
    """
    names = ("overlap", "forgotten", "new", "completeness", "redundancy")
    return tidy(
        np.stack([getattr(found, name) for name in names], 1),
        {"quantity": names, **axes_of(n, layers)},
        samples,
        **constant,
    )


def averages(
    interactions: Interactions, weights: Array, before: Interactions | None = None, final: Interactions | None = None
) -> dict[str, pd.DataFrame]:
    """All averages of one checkpoint.

    Args:
        interactions: The checkpoint.
        weights: From `lk.metrics.jackknife`; from `lk.metrics.equal_weights` there are means alone, which a logger
            takes.
        before: The checkpoint before, on the same samples.
        final: The last checkpoint, on the same samples; gives the reference `final output`.

    Returns:
        `reach`, `counts`, `salient_strength` (unit of the score), `strengths` (relative to the mean total effect) and
        `shares`, each with step, epoch, layer, depth, mean, low, high and n. Kind is `and`, `or` or `both`, order 0
        means all orders.
    """
    layers, n, samples = interactions.layers, interactions.n_players, interactions.n_samples
    everywhere, last = list(range(len(layers))), interactions.output
    compared = [
        ("output", everywhere, interactions, [last] * len(layers)),
        ("layer before", everywhere[1:], interactions, everywhere[:-1]),
        ("checkpoint before", everywhere, before, everywhere),
        ("final output", everywhere, final, [last] * len(layers)),
    ]
    everything, about = strengths(interactions, weights), columns(interactions)
    tables = {
        "reach": tidy(normaliser(interactions, weights), {"layer": layers}, samples, **about),
        "counts": tidy(counts(interactions, weights), axes_of(n, layers), samples, **about),
        "salient_strength": tidy(salient_strength(interactions, weights), axes_of(n, layers), samples, **about),
        "strengths": tidy(
            np.stack(list(everything.values()), 1),
            {"quantity": list(everything), **axes_of(n, layers)},
            samples,
            **about,
        ),
        "shares": pd.concat(
            [
                share_table(
                    shares(interactions, places, other, references, weights),
                    n,
                    [layers[i] for i in places],
                    samples,
                    reference=name,
                    **about,
                )
                for name, places, other, references in compared
                if other is not None and places
            ],
            ignore_index=True,
        ),
    }
    return {name: frame.assign(depth=frame["layer"].map(depths(layers))) for name, frame in tables.items()}


def weighted_mean(weights: Array, x: torch.Tensor) -> Array:
    """Weighted mean over samples (the last axis) that leaves out NaN, for each row of weights."""
    known = torch.isfinite(x)
    return divide(contract(weights, torch.nan_to_num(x)), contract(weights, known))
