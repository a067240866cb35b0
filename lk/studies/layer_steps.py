"""Where along the layers targets are learned and noise is dropped: what changes from each layer to the next, in several runs."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from lk.games import OUTPUT
from lk.metrics.bootstrap import Array, interval, resamples
from lk.numbers import number, percent, spanned
from lk.studies.alignment import Aligned
from lk.studies.averages import tidy
from lk.studies.compare import marked_layers
from lk.studies.profile import Profile, profile
from lk.studies.reading import DRAWS
from lk.studies.sentences import largest as largest_of
from lk.studies.sentences import rows_of

LEARNED, DROPPED = "newly learned", "dropped"


def layer_steps(aligned: Aligned, draws: int = DRAWS) -> tuple[pd.DataFrame, list[str]]:
    """Newly learned and dropped strength of each step between layers, in the finished networks.

    Returns:
        A table with columns run, before, after (layers), depth (halfway between them), quantity (`newly learned`: gain of completeness;
        `dropped`: fall of redundancy), mean, low, high, n, marked (either layer is); and a sentence per run.
    """
    weights, samples = resamples(len(aligned.kept), draws), len(aligned.kept)
    parts, texts = [], []
    for run, found in zip(aligned.runs, aligned.final, strict=True):
        own, bad = profile(found, weights), marked_layers(run, aligned.extraction)
        texts.append(f"{run.id}: {described(own, bad)}")
        for quantity, drawn in ((LEARNED, own.learned), (DROPPED, own.dropped)):
            frame = tidy(drawn, {"after": own.layers[1:]}, samples, quantity=quantity, run=run.id)
            frame = frame.assign(before=own.layers[:-1], depth=(own.depth[1:] + own.depth[:-1]) / 2)
            parts.append(frame.assign(marked=frame["before"].isin(bad) | frame["after"].isin(bad)))
    return pd.concat(parts, ignore_index=True), texts


def described(own: Profile, marked: Collection[str] = ()) -> str:
    """One network in a sentence: where half of its targets are there, and where most redundancy is dropped.

    Marked layers are left aside, and nothing is said of a network whose output is marked. The output has no redundancy by definition, so
    the step into it takes all that is left; where that one is the largest, the largest among hidden layers is named too.
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
    place = np.searchsorted(own.depth, own.half() - 1e-9)
    centre, low, high = (float(end) for end in interval(depth[place]))
    text = f"half of the targets are there by relative depth {number(centre)} (95 % interval {number(low)} to {number(high)})"
    text += f", at {own.layers[place[0]]}; " if low == high else "; "
    most, dropped = largest(own, own.dropped)
    text += dropped
    if most == len(own.layers) - 2 and most > 0:
        text += f"; between hidden layers {largest(own, own.dropped[:, :-1])[1]}"
    return f"{text}.{said}"


def largest(own: Profile, dropped: Array) -> tuple[int, str]:
    """The step that drops most redundancy, and words for it; a drop is named only where its 95 % interval lies above 0."""
    most, often = largest_of(dropped)
    row = rows_of(dropped)[most]
    between = f"between {own.layers[most]} and {own.layers[most + 1]}"
    if not row["low"] > 0:
        return most, f"no drop of redundancy is shown (the largest, {between}: {spanned(row)})"
    return most, f"most redundancy is dropped {between}: {spanned(row)}, the largest drop in {percent(often, 0)} of the draws"
