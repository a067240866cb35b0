"""Differences between aligned runs or architectures, each with its interval and a sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from lk.interactions import Interactions
from lk.metrics.comparison import shares
from lk.metrics.holm import holm
from lk.metrics.intervals import LEAST, LEVEL, Array, Interval, interval, jackknife
from lk.studies.alignment import Aligned, middle_of
from lk.studies.averages import WHOLE, counts, strengths
from lk.studies.compared import QUANTITIES
from lk.studies.grouping import seeded
from lk.studies.stability_by_order import has_stability, mean_log_stability
from lk.text import epochs, number, signed, significant


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
    return getattr(result, quantity)[:, *WHOLE, 0]  # type: ignore[no-any-return]


def each(measure: Callable[[Interactions, Array], Array]) -> Callable[[Aligned, Array], Array]:
    """A measure of one run's interactions, `(rows,)`, as one of all runs."""
    return lambda aligned, weights: np.stack([measure(found, weights) for found in aligned.final], 1)


QUESTIONS = (
    Question(
        "salient interactions per sample at the output",
        "has more salient interactions at the output",
        each(lambda i, w: counts(i, w)[:, *WHOLE, i.output]),
        1,
    ),
    Question(
        "salient interactions per sample at the intermediate layer",
        "has more salient interactions at its intermediate layer",
        each(lambda i, w: counts(i, w)[:, *WHOLE, middle_of(i)]),
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
        partial(mean_log_stability, place=place),
    )
    for place, whose in (("output", "the output"), ("intermediate layer", "its intermediate layer"))
)


def common_epoch(aligned: Aligned) -> float | None:
    """The first checkpoint from epoch 1 on that every run has, before the first of them ends.

    The last one inside the first epoch where there is none; None where the runs share no checkpoint of training.
    """
    reached = [{point.epoch for point in member.course} for member in aligned.members]
    shared = sorted(set.intersection(*reached))
    during = [epoch for epoch in shared if 0 < epoch < min(map(max, reached))]
    return next((epoch for epoch in during if epoch >= 1), during[-1]) if during else None


def held_at(aligned: Aligned, weights: Array, epoch: float) -> Array:
    """Share of its final interactions that the output of each run holds at an epoch, `(rows, runs)`.

    The weights are those of `lk.studies.compared`, which measures every checkpoint once.
    """
    place = QUANTITIES.index("held")
    points = [next(p for p in member.course if p.epoch == epoch).layers[:, place] for member in aligned.members]
    found = np.stack([own[:, f.output] for own, f in zip(points, aligned.final, strict=True)], 1)
    return found[: len(weights)]


def when(aligned: Aligned) -> tuple[Question, ...]:
    """How early in training the final interactions are there, at a checkpoint that all runs have."""
    epoch = common_epoch(aligned)
    if epoch is None:
        return ()
    at = f"epoch {epochs(epoch)}"
    return (
        Question(
            f"share of its final interactions that the output holds at {at}",
            f"has learned more of its final interactions at {at}",
            partial(held_at, epoch=epoch),
        ),
    )


def questions(aligned: Aligned) -> tuple[Question, ...]:
    """What is asked: of training where the runs share a checkpoint, of stability where every run has its table."""
    return (*QUESTIONS, *when(aligned), *(STABILITY if has_stability(aligned) else ()))


def difference(a: Array, b: Array) -> Interval:
    """Difference of the means of two groups of runs, with its interval over samples and runs.

    Samples are paired, for both sides are measured on the same. Runs are not: from three training seeds on, the
    variance over them is added for each side (Welch 1947). Without it a difference between two samples of seeds would
    pass for one of architectures; without the samples', one between these samples for one in general.

    Args:
        a: One measure of each run, `(rows, runs, ...)`, for the rows of `lk.metrics.jackknife`.
        b: The same of the other group.
    """
    return interval(a.mean(1) - b.mean(1), a[0], b[0])


def difference_table(aligned: Aligned) -> pd.DataFrame:
    """Differences between runs, or between architectures where there are three training seeds of each.

    Both sides are measured on the same samples; for architectures the training seeds are a second source of variance,
    see `difference`. Holm's correction runs over all rows.

    Returns:
        Columns question, a, b, mean_a, mean_b, difference, low, high, p, p_holm, n, level (`runs`, `architectures`),
        marked (a layer asked about is, in one of the runs), text.
    """
    weights = jackknife(len(aligned.kept))
    groups, names = seeded(aligned.members), aligned.names
    if groups is None:
        # Beyond four runs, each is compared with the first: all pairs would leave Holm's correction nothing to find.
        pairs = list(combinations(range(len(names)), 2)) if len(names) <= 4 else [(0, i) for i in range(1, len(names))]
        sides = [((names[a], [a]), (names[b], [b])) for a, b in pairs]
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
                    "question": question.name,
                    "a": name_a,
                    "b": name_b,
                    "mean_a": a[0].mean(),
                    "mean_b": b[0].mean(),
                    "difference": float(found.value),
                    "low": float(found.low),
                    "high": float(found.high),
                    "p": float(found.p),
                    "n": len(aligned.kept),
                    "level": "runs" if groups is None else "architectures",
                }
            )
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table["p"].tolist())
    wording = {question.name: question for question in asked_here}
    low_signal = [member.name for member in aligned.members if member.marks & asked(member.final)]
    by_run = table["level"] == "runs"
    table["marked"] = (table["a"].isin(low_signal) | table["b"].isin(low_signal)).where(by_run, bool(low_signal))
    table["text"] = [worded(row, wording[str(row["question"])], low_signal) for row in table.to_dict("records")]
    return table


def asked(found: Interactions) -> set[str]:
    """The layers that sentences are about."""
    return {found.layers[middle_of(found)], found.layers[found.output]}


def worded(row: Mapping[Any, Any], question: Question, low_signal: Sequence[str] = ()) -> str:
    """One sentence, with a direction only if the difference survives Holm's correction and no layer is marked."""
    digits, runs = question.digits, row["level"] == "runs"
    bad = sorted({name for name in low_signal if not runs or name in (row["a"], row["b"])})
    named = row["p_holm"] < LEVEL and not bad
    first, second = (row["a"], row["b"]) if row["difference"] >= 0 else (row["b"], row["a"])
    ends = sorted((abs(row["low"]), abs(row["high"]))) if named else (row["low"], row["high"])
    numbers = (
        f"95 % interval {number(ends[0], digits)} to {number(ends[1], digits)}, p = {significant(row['p_holm'])} after "
        "Holm"
    )
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
        return (
            f"Not judged for {between} because of marked layers: {question.name}, {signed(row['difference'], digits)} "
            f"({numbers}). {why}"
        )
    return (
        f"No difference between {between} is shown in {question.name}: {signed(row['difference'], digits)} ({numbers})."
    )
