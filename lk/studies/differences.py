"""Compares runs that `align` has lined up: one table per question, and sentences that the data carry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch

from lk.extraction.tables import KINDS, depths
from lk.interactions import Interactions
from lk.metrics.agreement import agreement
from lk.metrics.comparison import shares
from lk.metrics.holm import holm
from lk.metrics.intervals import LEAST, LEVEL, SEEDS, Array, Interval, contract, divide, interval, jackknife
from lk.runs import Run
from lk.studies.alignment import Aligned, intermediate
from lk.studies.averages import counts, strengths, tidy
from lk.studies.low_signal import low_signal
from lk.studies.run_facts import arguments, optional_table
from lk.studies.stability_by_order import has_stability, level
from lk.text import number, signed, significant


def middle_of(found: Interactions) -> int:
    """Position of the intermediate layer."""
    return found.layers.index(intermediate(found.layers))


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
    """Salient count, completeness and redundancy by depth and epoch, and strength by order at the output, on the common samples.

    Returns:
        `layers`: run, step, epoch, layer, depth, quantity (`count`, `completeness`, `redundancy`), mean, low, high, n, marked, middle;
        `orders`: run, kind, order, quantity (`salient`, `share`), mean, low, high, n, for the output of the finished network.
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


def weighted_mean(weights: Array, x: torch.Tensor) -> Array:
    """Weighted mean over samples (the last axis) that leaves out NaN, for each row of weights."""
    known = torch.isfinite(x)
    return divide(contract(weights, torch.nan_to_num(x)), contract(weights, known))


PAIRS = ("pairs of one architecture", "pairs of two architectures")


def iou(aligned: Aligned) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Intersection over union of the salient sets of each pair of runs, by kind and order, and the mean over pairs of either sort.

    Returns:
        Columns run_a, run_b, place (`output`, `intermediate layer`), kind, order, mean, low, high, n, chance, samples; and pairs (`PAIRS`),
        place, kind, order, mean, low, high, n, chance.
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
            mean_of_known(np.stack([means for means, _ in own])), {"order": orders}, n,
            chance=mean_of_known(np.stack([chance for _, chance in own]))[0], pairs=sort, place=place, kind=kind,
        )
        for (sort, place, kind), own in sorts.items()
    ]  # fmt: skip
    tables = (pd.concat(frames, ignore_index=True) for frames in (parts, by_sort))
    each, of_sorts = (table[table["order"] > 0].reset_index(drop=True) for table in tables)
    return each, of_sorts


def mean_of_known(values: Array) -> Array:
    """Mean over the first axis of what is known on all samples, `(pairs, rows, ...)` to `(rows, ...)`; undefined where a part of it is."""
    known = np.isfinite(values[:, :1])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(0) / known.sum(0))


# ---- sentences
@dataclass(frozen=True)
class Question:
    """A number that is compared, and how a sentence words it.

    Attributes:
        name: What it is.
        more: The sentence about the run or architecture with the larger number.
        measure: Maps aligned runs and weights `(rows, samples)` to `(rows, runs)`.
        digits: Digits behind the point.
    """

    name: str
    more: str
    measure: Callable[[Aligned, Array], Array]
    digits: int = 2


def against_output(found: Interactions, weights: Array, quantity: str) -> Array:
    """Completeness or redundancy of the intermediate layer, all kinds and orders together."""
    result = shares(found, [middle_of(found)], found, [found.output], weights)
    return getattr(result, quantity)[:, 2, 0, 0]  # type: ignore[no-any-return]


def each(measure: Callable[[Interactions, Array], Array]) -> Callable[[Aligned, Array], Array]:
    """A measure of one run's interactions, `(rows,)`, as one of all runs."""
    return lambda aligned, weights: np.stack([measure(found, weights) for found in aligned.final], 1)


QUESTIONS = (
    Question(
        "salient interactions per sample at the output",
        "has more salient interactions at the output",
        each(lambda i, w: counts(i, w)[:, 2, 0, i.output]),
        1,
    ),
    Question(
        "salient interactions per sample at the intermediate layer",
        "has more salient interactions at its intermediate layer",
        each(lambda i, w: counts(i, w)[:, 2, 0, middle_of(i)]),
        1,
    ),
    Question(
        "share of the output's salient strength in order 1",
        "has a larger share of its output's strength in single players",
        each(lambda i, w: strengths(i, w)["share"][:, 2, 1, i.output]),
    ),
    Question(
        "completeness of the intermediate layer",
        "has learned more of its final interactions by its intermediate layer",
        each(lambda i, w: against_output(i, w, "completeness")),
    ),
    Question(
        "redundancy of the intermediate layer",
        "holds more at its intermediate layer that its output does not use",
        each(lambda i, w: against_output(i, w, "redundancy")),
    ),
)


STABILITY = tuple(
    Question(
        f"stability at the {place} (log10, mean over orders and kinds)",
        f"has more stable interactions at {whose}",
        partial(level, place=place),
    )
    for place, whose in (("output", "the output"), ("intermediate layer", "its intermediate layer"))
)


def questions(aligned: Aligned) -> tuple[Question, ...]:
    """What is asked: stability only where every run has its table."""
    return (*QUESTIONS, *(STABILITY if has_stability(aligned) else ()))


def architecture(run: Run) -> str:
    """The network of a run with its arguments."""
    return arguments(run.config["model"].get("network"))


def seeded(runs: Sequence[Run]) -> dict[str, list[int]] | None:
    """Positions of the runs of each architecture, if there are two architectures or more with three training seeds or more each."""
    groups: dict[str, list[int]] = {}
    for place, run in enumerate(runs):
        groups.setdefault(architecture(run), []).append(place)
    enough = all(len({runs[i].config.get("seed_everything") for i in places}) >= SEEDS for places in groups.values())
    return groups if len(groups) >= 2 and enough else None


def difference(a: Array, b: Array) -> Interval:
    """Difference of the means of two groups of runs, with its interval over samples and runs.

    Samples are paired, for both sides are measured on the same. Runs are not: from three training seeds on, the variance over them is
    added for each side (Welch 1947). Without it a difference between two samples of seeds would pass for one of architectures; without
    the samples', one between these samples for one in general.

    Args:
        a: One measure of each run, `(rows, runs, ...)`, for the rows of `lk.metrics.jackknife`.
        b: The same of the other group.
    """
    return interval(a.mean(1) - b.mean(1), a[0], b[0])


def sentences(aligned: Aligned) -> pd.DataFrame:
    """Differences between runs, or between architectures where there are three training seeds of each.

    Both sides are measured on the same samples; for architectures the training seeds are a second source of variance, see `difference`.
    Holm's correction runs over all rows.

    Returns:
        Columns question, a, b, mean_a, mean_b, difference, low, high, p, p_holm, n, level (`runs`, `architectures`), marked (a layer asked
        about is, in one of the runs), text.
    """
    weights = jackknife(len(aligned.kept))
    groups = seeded(aligned.runs)
    ids = [run.id for run in aligned.runs]
    if groups is None:
        # Beyond four runs, each is compared with the first: all pairs would leave Holm's correction nothing to find.
        pairs = list(combinations(range(len(ids)), 2)) if len(ids) <= 4 else [(0, i) for i in range(1, len(ids))]
        sides = [((ids[a], [a]), (ids[b], [b])) for a, b in pairs]
    else:
        sides = list(combinations(groups.items(), 2))
    rows = []
    asked_here = questions(aligned)
    for question in asked_here:
        measured = question.measure(aligned, weights)
        for (name_a, places_a), (name_b, places_b) in sides:
            a, b = measured[:, places_a], measured[:, places_b]
            found = difference(a, b)
            rows.append(
                {
                    "question": question.name, "a": name_a, "b": name_b, "mean_a": a[0].mean(), "mean_b": b[0].mean(),
                    "difference": float(found.value), "low": float(found.low), "high": float(found.high), "p": float(found.p),
                    "n": len(aligned.kept), "level": "runs" if groups is None else "architectures",
                }
            )  # fmt: skip
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table["p"].tolist())
    wording = {question.name: question for question in asked_here}
    doubtful = [
        run.id
        for run, found in zip(aligned.runs, aligned.final, strict=True)
        if marked_layers(run, aligned.extraction) & asked(found)
    ]
    by_run = table["level"] == "runs"
    table["marked"] = (table["a"].isin(doubtful) | table["b"].isin(doubtful)).where(by_run, bool(doubtful))
    table["text"] = [worded(row, wording[str(row["question"])], doubtful) for row in table.to_dict("records")]
    return table


def asked(found: Interactions) -> set[str]:
    """The layers that sentences are about."""
    return {found.layers[middle_of(found)], found.layers[found.output]}


def marked_layers(run: Run, extraction: str) -> set[str]:
    """Layers of the finished network that say little."""
    table = low_signal(run.read_table(f"{extraction}/games"), optional_table(run, "probes"))
    return set(table.loc[table["marked"] & (table["step"] == table["step"].max()), "layer"])


def worded(row: Mapping[Any, Any], question: Question, doubtful: Sequence[str] = ()) -> str:
    """One sentence; it names a direction only where the difference stands after Holm's correction, and no layer asked about is marked."""
    digits, runs = question.digits, row["level"] == "runs"
    bad = sorted({name for name in doubtful if not runs or name in (row["a"], row["b"])})
    named = row["p_holm"] < LEVEL and not bad
    first, second = (row["a"], row["b"]) if row["difference"] >= 0 else (row["b"], row["a"])
    ends = sorted((abs(row["low"]), abs(row["high"]))) if named else (row["low"], row["high"])
    numbers = f"95 % interval {number(ends[0], digits)} to {number(ends[1], digits)}, p = {significant(row['p_holm'])} after Holm"
    if not np.isfinite(row["low"]):
        numbers = f"no interval: fewer than {LEAST} samples carry it, or nothing varies"
    if named:
        text = (
            f"{first} {question.more} than {second}: difference {number(abs(row['difference']), digits)} ({numbers})."
        )
        return f"Of these two runs, {text}" if runs else text
    between = f"these two runs, {row['a']} and {row['b']}," if runs else f"{row['a']} and {row['b']}"
    if bad:
        why = f"† Read with care: a layer asked about is marked in {', '.join(bad)}."
        return f"Not judged for {between} because of marked layers: {question.name}, {signed(row['difference'], digits)} ({numbers}). {why}"
    return (
        f"No difference between {between} is shown in {question.name}: {signed(row['difference'], digits)} ({numbers})."
    )
