"""Averages over samples, with intervals, of everything that is measured at one checkpoint.

Each measure is an array `(rows, ...)` whose first axis runs over the rows of `lk.metrics.jackknife`: all samples, then all but one.
Numerators, denominators and normalisers are all recomputed in each row. Differences of two measures with the same weights are therefore
paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lk.extraction.tables import KINDS, columns, depths
from lk.interactions import Interactions, by_order
from lk.metrics import count, strength
from lk.metrics.intervals import Array, divide, interval
from lk.transforms import orders

BOTH, ALL = "both", 0  # both kinds together; all orders together
_ENTRIES = 4_000_000  # numbers in memory at a time


def contract(weights: Array, x: Tensor) -> Array:
    """Weighted mean over the last axis (samples) for each row: `(rows, samples)` and `(..., samples)` to `(rows, ...)`."""
    return np.asarray(np.tensordot(weights, x.double().numpy(), axes=(1, -1)))


def tidy(
    replicates: Array, axes: dict[str, Sequence[Any]], samples: int, runs: Sequence[Array] = (), **constant: Any
) -> pd.DataFrame:
    """An array `(rows, *axes)` as a table with mean, low and high (95 %) and n, the number of samples.

    low and high are NaN where too few samples carry the number (`lk.metrics.interval`), and with a single row of weights.

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


def with_totals(x: Array) -> Array:
    """`(rows, kinds, orders, places)` with both kinds together appended, and all orders together put at order 0."""
    x = np.concatenate([x, x.sum(1, keepdims=True)], 1)
    x[:, :, 0] = x[:, :, 1:].sum(2)
    return x


def axes_of(n: int, places: Sequence[object]) -> dict[str, Sequence[Any]]:
    """Axes of an array that `with_totals` made."""
    return {"kind": (*KINDS, BOTH), "order": range(n + 1), "layer": places}


def reach(interactions: Interactions, weights: Array) -> Array:
    """Mean |v(N) - v(empty)| of each layer, `(rows, layers)`: the normaliser (Cheng et al. 2024, footnote 8)."""
    return contract(weights, interactions.total_effect)


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
    """Strength relative to `reach`: of positive, negative and salient effects, each as `counts`.

    `share` is the salient strength of a kind and order relative to the layer's whole.
    """
    found = {"salient": salient_strength(interactions, weights)}
    for name, sign in (("positive", 1), ("negative", -1)):
        signed = torch.stack([strength(effects, sign=sign) for effects in interactions.effects])
        found[name] = with_totals(contract(weights, signed))
    scale = reach(interactions, weights)[:, None, None]
    sums = {name: divide(found[name], scale) for name in ("positive", "negative", "salient")}
    return {**sums, "share": divide(sums["salient"], sums["salient"][:, 2:, :1])}


@dataclass(frozen=True)
class Shares:
    """How the strength of compared sets divides against reference sets; each `(rows, kinds + both, orders, pairs)`.

    Attributes:
        all: Salient strength of the compared layer, relative to its mean |v(N) - v(empty)|.
        all_reference: The same of the reference.
        overlap: What both share (Cheng et al. 2024, Eq. 7, on the intersection of the salient sets).
    """

    all: Array
    all_reference: Array
    overlap: Array

    @property
    def forgotten(self) -> Array:
        """Strength that the reference lacks."""
        return np.maximum(self.all - self.overlap, 0.0)  # rounding

    @property
    def new(self) -> Array:
        """Strength that only the reference has."""
        return np.maximum(self.all_reference - self.overlap, 0.0)

    @property
    def completeness(self) -> Array:
        """Share of the reference that is already there."""
        return divide(self.overlap, self.all_reference)

    @property
    def redundancy(self) -> Array:
        """Share of the compared layer that the reference lacks."""
        return divide(self.forgotten, self.all)


def shares(
    a: Interactions, places: Sequence[int], b: Interactions, references: Sequence[int], weights: Array
) -> Shares:
    """Compare layers of `a` with layers of `b`, pair by pair, on the same samples.

    The effects of both are divided by their own layer's mean |v(N) - v(empty)|, which is recomputed in every row. Only interactions
    that are salient in both enter the overlap, so that the work grows with their number and not with 2**n.
    """
    sides = []
    for interactions, rows in ((a, list(places)), (b, list(references))):
        effects, chosen = interactions.effects[:, :, rows], interactions.salient()[:, :, rows]
        scale = reach(interactions, weights)[:, rows]
        own = contract(
            weights, torch.stack([by_order(e.abs().double() * m) for e, m in zip(effects, chosen, strict=True)])
        )
        sides.append((effects, chosen, scale, divide(with_totals(own), scale[:, None, None])))
    (effects, chosen, scale, all_), (effects_b, chosen_b, scale_b, all_reference) = sides
    shared = chosen & chosen_b & (effects * effects_b > 0)
    kind, coalition, pair, sample = shared.nonzero(as_tuple=True)
    group = ((kind * (a.n_players + 1) + orders(a.n_players)[coalition]) * len(places) + pair).numpy()
    by_group = np.argsort(group, kind="stable")
    strength_a, strength_b = (e[shared].abs().double().numpy()[by_group] for e in (effects, effects_b))
    pairs, of = pair.numpy()[by_group], sample.numpy()[by_group]
    present, starts = np.unique(group[by_group], return_index=True)
    overlap = np.zeros((len(weights), 2 * (a.n_players + 1) * len(places)))
    step = max(1, _ENTRIES // max(1, len(group)))
    for start in range(0, len(weights) if len(group) else 0, step):
        chunk = slice(start, start + step)
        with np.errstate(divide="ignore", invalid="ignore"):
            least = np.minimum(strength_a / scale[chunk][:, pairs], strength_b / scale_b[chunk][:, pairs])
        overlap[chunk, present] = np.add.reduceat(
            np.where(np.isfinite(least), least, 0.0) * weights[chunk][:, of], starts, axis=1
        )
    return Shares(all_, all_reference, with_totals(overlap.reshape(len(weights), 2, a.n_players + 1, len(places))))


def total(frame: pd.DataFrame, **where: str) -> pd.DataFrame:
    """Rows of both kinds and all orders together, by checkpoint and depth; where the frame holds several quantities or references, of one."""
    rows = frame[(frame["kind"] == BOTH) & (frame["order"] == ALL)]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows.sort_values(["step", "depth"], kind="stable")


def share_table(found: Shares, n: int, layers: Sequence[str], samples: int, **constant: Any) -> pd.DataFrame:
    """Rows of quantity, kind, order, layer with mean, low, high; quantities are overlap, forgotten, new, completeness, redundancy."""
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
        weights: From `lk.metrics.jackknife`; from `lk.metrics.equal_weights` there are means alone, which a logger takes.
        before: The checkpoint before, on the same samples.
        final: The last checkpoint, on the same samples; gives the reference `final output`.

    Returns:
        `reach`, `counts`, `salient_strength` (unit of the score), `strengths` (relative to reach) and `shares`, each with step, epoch,
        layer, depth, mean, low, high and n. Kind is `and`, `or` or `both`, order 0 means all orders.
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
        "reach": tidy(reach(interactions, weights), {"layer": layers}, samples, **about),
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
