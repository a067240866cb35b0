"""Where along the layers targets are learned and noise is dropped.

What changes from each layer to the next, in several runs.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from lk.games import OUTPUT
from lk.interactions import Interactions
from lk.metrics.intervals import Array, jackknife
from lk.studies.alignment import Aligned
from lk.studies.answers import HALF, first_half, rows_of
from lk.studies.answers import largest as largest_of
from lk.studies.grouping import line_table
from lk.studies.profile import Profile, profile
from lk.text import number, spanned

LEARNED, DROPPED = "newly learned", "dropped"


def layer_steps(aligned: Aligned, lines: Mapping[str, Sequence[int]]) -> tuple[pd.DataFrame, list[str]]:
    """Newly learned and dropped strength of each step between layers, in the finished networks.

    Returns:
        A table with columns line, run (empty: mean of the line's runs), runs, before, after (layers), depth (halfway
        between them), quantity (`newly learned`: gain of completeness; `dropped`: fall of redundancy), mean, low, high,
        n, marked (either layer is); and a sentence per line.
    """
    weights, parts = jackknife(len(aligned.kept)), []
    profiles = [profile(found, weights) for found in aligned.final]
    measured = {i: np.stack([own.learned, own.dropped], 1) for i, own in enumerate(profiles)}
    for line, places in lines.items():
        own = profiles[places[0]]
        bad = {aligned.names[i]: aligned.members[i].marks for i in places}
        bad[""] = set.union(*bad.values())
        table = line_table({line: places}, aligned, measured, step_axes)
        before = dict(zip(own.layers[1:], own.layers, strict=False))
        halfway = dict(zip(own.layers[1:], (own.depth[1:] + own.depth[:-1]) / 2, strict=True))
        table = table.assign(before=table["after"].map(before), depth=table["after"].map(halfway))
        rows = zip(table["run"], table["before"], table["after"], strict=True)
        parts.append(table.assign(marked=[bool({a, b} & bad[run]) for run, a, b in rows]))
    texts = [
        f"{line}: {described_line([profiles[i] for i in places], [aligned.members[i].marks for i in places])}"
        for line, places in lines.items()
    ]
    return pd.concat(parts, ignore_index=True), texts


def step_axes(found: Interactions) -> dict[str, Sequence[object]]:
    """Axes of the changes from each layer to the next."""
    return {"quantity": (LEARNED, DROPPED), "after": found.layers[1:]}


def described_line(profiles: Sequence[Profile], marks: Sequence[Collection[str]]) -> str:
    """One line in a sentence: a single network as `described`; of several, where half of the targets are there."""
    if len(profiles) == 1:
        return described(profiles[0], marks[0])
    depths = [
        float(own.depth[half(own)[0]]) for own, bad in zip(profiles, marks, strict=True) if own.layers[-1] not in bad
    ]
    if not depths:
        return f"nothing is said, because the {OUTPUT} of every run is marked †."
    return (
        f"half of the targets are there by relative depth {number(float(np.median(depths)))} in the median of "
        f"{len(depths)} runs (from {number(min(depths))} to {number(max(depths))})."
    )


def described(own: Profile, marked: Collection[str] = ()) -> str:
    """One network in a sentence: where half of its targets are there, and where most redundancy is dropped.

    Marked layers are left aside, and nothing is said of a network whose output is marked. The output has no redundancy
    by definition, so the step into it takes all that is left; where that one is the largest, the largest among hidden
    layers is named too.
    """
    if own.layers[-1] in marked:
        return f"nothing is said, because its {OUTPUT} is marked †."
    aside = [layer for layer in own.layers if layer in marked]
    said = f" Marked † and left aside: {', '.join(aside)}." if aside else ""
    kept = [place for place, layer in enumerate(own.layers) if layer not in marked]
    depth = own.depth[kept]
    own = Profile(tuple(own.layers[i] for i in kept), own.completeness[:, kept], own.redundancy[:, kept])
    if len(own.layers) < 2:
        return f"no hidden layer was read.{said}" if not aside else f"no hidden layer is left.{said}"
    place, earliest, latest = half(own)
    text = f"half of the targets are there by relative depth {number(depth[place])}"
    text += f" (between {number(depth[earliest])} and {number(depth[latest])} by the 95 % intervals of completeness)"
    text += f", at {own.layers[place]}; " if earliest == latest else "; "
    most, dropped = largest(own, own.dropped)
    text += dropped
    if most == len(own.layers) - 2 and most > 0:
        text += f"; between hidden layers {largest(own, own.dropped[:, :-1])[1]}"
    return f"{text}.{said}"


def half(own: Profile) -> tuple[int, int, int]:
    """Place of the first layer with half of the output's strength, the first that may and the first that surely has it.

    The output holds all of it by definition.
    """
    rows = rows_of(own.completeness[:, :-1])
    possible, certain = first_half(*(np.array([row[end] for row in rows]) for end in ("mean", "low", "high")))
    there = np.flatnonzero(np.nan_to_num(own.completeness[0, :-1]) >= HALF)
    last = len(own.layers) - 1
    return (
        int(there[0]) if len(there) else last,
        last if possible is None else possible,
        last if certain is None else certain,
    )


def largest(own: Profile, dropped: Array) -> tuple[int, str]:
    """The step that drops most redundancy, and words for it.

    A drop is named only where its 95 % interval lies above 0.
    """
    most, sure = largest_of(dropped)
    row = rows_of(dropped)[most]
    between = f"between {own.layers[most]} and {own.layers[most + 1]}"
    if not row["low"] > 0:
        return most, f"no drop of redundancy is shown (the largest, {between}: {spanned(row)})"
    known = "the largest drop" if sure else "not surely the largest drop"
    return most, f"most redundancy is dropped {between}: {spanned(row)}, {known}"
