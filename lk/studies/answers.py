"""The answers of one run in plain language.

A sentence is said only where the 95 % interval of its number carries it, and never of a marked layer or checkpoint:
those are interpreted as noise, and named by `on_low_signal`.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lk.games import OUTPUT
from lk.metrics.intervals import LEAST, Array, interval
from lk.metrics.wilson import wilson
from lk.runs import Run
from lk.studies.averages import total
from lk.studies.profile import Profile
from lk.studies.run_facts import class_name, data_name, optional_table, test_accuracy
from lk.text import epochs, number, of, percent, signed, significant, spanned

HALF = 0.5


def on_training(run: Run, size: int | None) -> str:
    """What was trained and how well."""
    accuracy = test_accuracy(run)
    network, data = class_name(run.config["model"].get("network")), data_name(run)
    text = f"{network}{f' with {size:,} parameters' if size else ''} was trained on {data}"
    training = optional_table(run, "training")
    if training is not None and len(training):
        text += f" for {epochs(training['epoch'].max())} epochs ({int(training['step'].max()):,} steps)"
    seeds = int((run.config["model"].get("network", {}).get("init_args") or {}).get("seeds") or 1)
    together = f", the mean of {seeds} networks that were trained at once" if seeds > 1 else ""
    if not accuracy:
        return f"{text}."
    hit, split = accuracy
    probes = optional_table(run, "probes")
    interval = ""
    if not together and probes is not None and len(probes):
        # The test split may be larger than what the probes were tried on: the interval is then wider than need be.
        samples = int(probes["samples"].max())
        low, high = wilson(np.array([hit]), np.array([samples]))
        interval = f" ({number(100 * low[0], 1)} to {number(100 * high[0], 1)}; n ≥ {samples:,})"
    return f"{text}; it is right on {percent(hit)}{interval} of the {split}{together}."


def on_salience(counts: pd.DataFrame, n: int) -> str:
    """How many interactions are salient at the output, of how many."""
    row = total(counts)[lambda rows: rows["layer"] == OUTPUT].iloc[0].to_dict()
    possible = 2 * (2**n - 1) - n
    return (
        f"At the output an explained sample has {spanned(row, 1)} salient interactions, "
        f"{spanned(row, 1, 100 / possible)} % of the {possible:,} possible among {n} players (n = {int(row['n'])} "
        "samples)."
    )


class First(NamedTuple):
    """Where a row of intervals first reaches a half.

    The first place where that is possible, and the first where it is certain.
    """

    possible: int | None
    certain: int | None


def first_half(mean: Array, low: Array, high: Array) -> First:
    """Places whose interval reaches above a half, and lies above it; a number without an interval may be anything.

    Example:
        >>> first_half(np.array([0.15, 0.5, 0.7]), np.array([0.1, 0.43, 0.55]), np.array([0.2, 0.63, 0.8]))
        First(possible=1, certain=2)
    """
    open_ = np.isfinite(mean) & np.isnan(low)
    possible, certain = np.flatnonzero((high >= HALF) | open_), np.flatnonzero(low >= HALF)
    return First(int(possible[0]) if len(possible) else None, int(certain[0]) if len(certain) else None)


def on_layers(own: Profile, marked: Collection[str] = ()) -> str:
    """Where in depth the output's interactions are first there, where most are added, and where redundancy is highest.

    Args:
        own: The finished network.
        marked: Marked layers; they are left aside.
    """
    if len(own.layers) < 2:
        return "No hidden layer was read, so nothing can be said about where the interactions are learned."
    hidden = own.hidden(marked)
    if not hidden.layers or not np.isfinite(hidden.completeness[0]).any():
        return ""
    return " ".join(part for part in (on_half(hidden), on_rise(hidden), on_waste(hidden)) if part)


def on_few(samples: int) -> str:
    """That there are too few samples for any interval, where it is so."""
    if samples >= LEAST:
        return ""
    return (
        f"No number has an interval, and no difference is judged: {samples} samples are explained, and an interval "
        f"needs {LEAST}."
    )


def rows_of(replicates: Array) -> list[dict[str, float]]:
    """Mean, low and high of each column of `(rows, columns)`, computed for the rows of `lk.metrics.jackknife`."""
    found = interval(replicates)
    return [
        {"mean": float(mean), "low": float(low), "high": float(high)}
        for mean, low, high in zip(found.value, found.low, found.high, strict=True)
    ]


def on_half(hidden: Profile) -> str:
    """The first layer that holds half of the output's strength, as far as the intervals tell."""
    rows = rows_of(hidden.completeness)
    layers, said = hidden.layers, [spanned(row) for row in rows]
    possible, certain = first_half(*(np.array([row[end] for row in rows]) for end in ("mean", "low", "high")))
    best = int(np.nanargmax(hidden.completeness[0]))
    if possible is None:
        return (
            f"No hidden layer holds half of the output's salient strength: completeness is at most {said[best]}, at "
            f"{layers[best]}."
        )
    if certain is None:
        return (
            "The samples do not decide whether a hidden layer holds half of the output's salient strength: "
            f"completeness is at most {said[best]}, at {layers[best]}."
        )
    if certain == possible == 0 and len(layers) > 1:
        return (
            f"Already the first layer, {layers[0]}, holds half of the output's salient strength: completeness "
            f"{said[0]}."
        )
    if certain == possible:
        return (
            f"Half of the output's salient strength is first present at {layers[certain]}: completeness "
            f"{said[certain]}."
        )
    between = ", ".join(
        f"{layers[place]} {said[place]}" for place in range(possible, certain) if np.isfinite(rows[place]["mean"])
    )
    return (
        f"Half of the output's salient strength is present at {layers[certain]}: completeness {said[certain]}. The "
        f"samples do not decide whether it is there before: {between}."
    )


def largest(replicates: Array) -> tuple[int, bool]:
    """The column with the largest mean, and whether 95 % intervals of its difference from all others lie above zero."""
    most = int(np.nan_to_num(replicates[0], nan=-np.inf).argmax())
    others = np.flatnonzero(np.isfinite(replicates[0]))
    others = others[others != most]
    return most, bool((interval(replicates[:, [most]] - replicates[:, others]).low > 0).all())


def on_rise(hidden: Profile) -> str:
    """The largest gain of completeness from one hidden layer to the next, where it is one."""
    if len(hidden.layers) < 2:
        return ""
    most, sure = largest(hidden.learned)
    row = rows_of(hidden.learned)[most]
    if not row["low"] > 0:
        return ""
    said = f"{signed(row['mean'])} ({number(row['low'])} to {number(row['high'])})"
    before, after = hidden.layers[most : most + 2]
    return (
        f"Completeness rises most from {before} to {after}: {said}."
        if sure
        else f"Completeness rises from {before} to {after}: {said}."
    )


def on_waste(hidden: Profile) -> str:
    """The layer with most strength that the output lacks."""
    if not np.isfinite(hidden.redundancy[0]).any():
        return ""
    most, sure = largest(hidden.redundancy)
    said = f"{spanned(rows_of(hidden.redundancy)[most])} of its salient strength is not used by the output"
    if sure and len(hidden.layers) > 1:
        return f"Redundancy is highest at {hidden.layers[most]}: {said}."
    return f"Redundancy of {hidden.layers[most]}: {said}" + (
        "; the samples do not decide which layer has most." if len(hidden.layers) > 1 else "."
    )


def on_epochs(shares: pd.DataFrame) -> str:
    """When in training the finished network's interactions are first at its output.

    Marked checkpoints are left aside.
    """
    rows = total(shares, quantity="completeness", reference="final output")
    rows = rows[rows["layer"] == OUTPUT]
    last = rows["step"].max()
    if "marked" in rows:
        if rows.loc[rows["step"] == last, "marked"].any():
            return ""
        rows = rows[~rows["marked"]]
    rows = rows[(rows["step"] < last) & rows["mean"].notna()].reset_index(
        drop=True
    )  # the last is complete by definition
    if not len(rows):
        return ""
    said = [spanned(row) for row in rows.to_dict("records")]
    at = [epochs(epoch) for epoch in rows["epoch"]]
    possible, certain = first_half(*(rows[end].to_numpy(float) for end in ("mean", "low", "high")))
    if certain is None:
        return (
            f"Over training: at epoch {at[-1]}, the last checkpoint before the end, the output held {said[-1]} of the "
            "strength of its final interactions."
        )
    if certain == possible:
        return (
            f"Over training: epoch {at[certain]} is the first checkpoint at which the output holds half of its final "
            f"interactions: {said[certain]} of their strength."
        )
    assert possible is not None
    return (
        f"Over training: at epoch {at[certain]} the output holds half of its final interactions, {said[certain]} of "
        f"their strength. The samples do not decide whether it did at epoch {at[possible]}: {said[possible]}."
    )


def on_proof(games: pd.DataFrame, gap: float) -> str:
    """How much of the decomposition is certified, and how well it rebuilds the values."""
    certified, error = int(games["certified"].sum()), games["matching_error"].max()
    text = (
        f"{of(certified, len(games))} decompositions are certified: their total strength is proven to be within "
        f"{significant(100 * gap)} % of the least possible one."
    )
    if "canonical" in games and (known := games["canonical"].dropna()).size:
        text += (
            f" {of(int(known.sum()), len(known))} are proven to be the canonical one, which no other solver, start or "
            "naming of players would change."
        )
    if pd.notna(error):
        text += (
            f" The interactions rebuild the value of every masked sample; the largest error is {significant(error, 1)} "
            "of the total strength."
        )
    return text


def finished(low_signal: pd.DataFrame) -> pd.DataFrame:
    """The rows of marked layers in the finished network."""
    rows: pd.DataFrame = low_signal[low_signal["marked"] & (low_signal["step"] == low_signal["step"].max())]
    return rows


def on_low_signal(
    low_signal: pd.DataFrame, at: Mapping[int, float], probes: pd.DataFrame | None = None, unit: str = "nats"
) -> str:
    """Which layers are marked, and when; a marked output comes first, because nothing is said about it.

    Args:
        low_signal: From `lk.studies.low_signal`.
        at: Epoch of each step.
        probes: Table of probes, where there is one.
        unit: Unit of the score.
    """
    bad = low_signal[low_signal["marked"]]
    if not len(bad):
        return "No layer had to be marked: every probe is above chance, and every score moves when players are masked."
    last = finished(low_signal)
    parts = [on_marked_output(row, probes, unit) for row in last[last["layer"] == OUTPUT].to_dict("records")]
    hidden = last[last["layer"] != OUTPUT]
    if len(hidden):
        parts.append(f"Marked † in the finished network, to be read with care: {named(hidden.to_dict('records'))}.")
    early = bad[bad["step"] != low_signal["step"].max()]
    if not len(last):
        parts.append("In the finished network no layer had to be marked.")
    if len(early):
        layers = "; ".join(
            f"{layer} at epoch {', '.join(epochs(at[step]) for step in rows['step'])}"
            for layer, rows in early.groupby("layer", sort=False)
        )
        parts.append(f"Marked at earlier checkpoints: {layers}.")
    return " ".join(parts)


def named(rows: Sequence[Mapping[Hashable, Any]]) -> str:
    """Marked layers with the reason of each."""
    return "; ".join(f"{row['layer']} ({row['why']})" for row in rows)


def on_marked_output(row: Mapping[Hashable, Any], probes: pd.DataFrame | None, unit: str) -> str:
    """What is wrong with a marked output, with its numbers."""
    reasons = []
    if row["at_chance"] and probes is not None:
        own = probes[(probes["layer"] == OUTPUT) & (probes["step"] == row["step"])].iloc[-1]
        low, high = wilson(np.array([own["accuracy"]]), np.array([own["samples"]]))
        right = spanned({"mean": own["accuracy"], "low": low[0], "high": high[0]}, 1, 100)
        reasons.append(
            f"the finished network is not shown to be better than chance: it is right on {right} % of "
            f"{int(own['samples']):,} test samples, and naming the most frequent class on "
            f"{percent(float(own['chance']))}"
        )
    if row["small"]:
        moves = significant(row["reach"])
        reasons.append(f"masking hardly moves the output of the finished network (mean |v(N) − v(∅)| {moves} {unit})")
    text = "; ".join(reasons)
    return f"Marked †: {text}. Nothing is said about its interactions: what figures and tables show may be noise."
