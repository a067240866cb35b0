"""Where along the layers targets are learned and noise is dropped: what changes from each layer to the next."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lk.games import OUTPUT
from lk.interactions import Interactions
from lk.metrics.bootstrap import Array, interval, resamples
from lk.studies.alignment import Aligned
from lk.studies.averages import shares, tidy
from lk.studies.compare import marked_layers
from lk.studies.dynamics import depths
from lk.studies.reading import DRAWS
from lk.studies.sentences import number, spanned

LEARNED, DROPPED = "newly learned", "dropped"


@dataclass(frozen=True)
class Profile:
    """Completeness and redundancy of a network's layers against its output, all kinds and orders together.

    Attributes:
        layers: Names, the output last.
        completeness: Share of the output's strength that each layer holds, `(draws, layers)`; 1 at the output.
        redundancy: Share of each layer's strength that the output lacks, `(draws, layers)`; 0 at the output.
    """

    layers: tuple[str, ...]
    completeness: Array
    redundancy: Array

    @property
    def learned(self) -> Array:
        """Completeness gained from each layer to the next, `(draws, layers - 1)`."""
        return np.diff(self.completeness, axis=1)

    @property
    def dropped(self) -> Array:
        """Redundancy lost from each layer to the next, `(draws, layers - 1)`."""
        return -np.diff(self.redundancy, axis=1)

    @property
    def depth(self) -> Array:
        """Relative depth of the layers."""
        return np.array(list(depths(self.layers).values()))

    def half(self) -> Array:
        """Relative depth of the first layer that holds half of the output's strength, `(draws,)`; the output always does.

        Example:
            >>> Profile(("a", "b", "output"), np.array([[0.2, 0.6, 1.0]]), np.zeros((1, 3))).half()
            array([0.5])
        """
        there = np.nan_to_num(self.completeness) >= 0.5
        there[:, -1] = True
        return np.asarray(self.depth[there.argmax(1)])


def profile(found: Interactions, weights: Array) -> Profile:
    """Measure a network on resampled samples; both sides of every step are measured on the same draw."""
    last = found.layers.index(OUTPUT) if OUTPUT in found.layers else len(found.layers) - 1
    against = shares(found, range(len(found.layers)), found, [last] * len(found.layers), weights)
    return Profile(found.layers, against.completeness[:, 2, 0], against.redundancy[:, 2, 0])


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
        doubted = [layer for layer in own.layers if layer in bad]
        texts.append(f"{run.id}: {described(own)}" + (f" † Read with care: {', '.join(doubted)} marked." if doubted else ""))
        for quantity, drawn in ((LEARNED, own.learned), (DROPPED, own.dropped)):
            frame = tidy(drawn, {"after": own.layers[1:]}, samples, quantity=quantity, run=run.id)
            frame = frame.assign(before=own.layers[:-1], depth=(own.depth[1:] + own.depth[:-1]) / 2)
            parts.append(frame.assign(marked=frame["before"].isin(bad) | frame["after"].isin(bad)))
    return pd.concat(parts, ignore_index=True), texts


def described(own: Profile) -> str:
    """One network in a sentence: where half of its targets are there, and where most redundancy is dropped.

    The output has no redundancy by definition, so the step into it takes all that is left; where that one is the largest, the largest
    among hidden layers is named too.
    """
    if len(own.layers) < 2:
        return "no hidden layer was read."
    centre, low, high = (float(end) for end in interval(own.half()))
    text = f"half of the targets are there by relative depth {number(centre)} (95 % interval {number(low)} to {number(high)})"
    text += f", at {own.layers[int(np.flatnonzero(own.depth == centre)[0])]}; "
    most, said = largest(own, own.dropped)
    text += said
    if most == len(own.layers) - 2 and most > 0:
        text += f"; between hidden layers {largest(own, own.dropped[:, :-1])[1]}"
    return text + "."


def largest(own: Profile, dropped: Array) -> tuple[int, str]:
    """The step that drops most redundancy, and words for it; a drop is named only where its 95 % interval lies above 0."""
    known = np.nan_to_num(dropped, nan=-np.inf)
    most = int(known[0].argmax())
    centre, low, high = (float(end) for end in interval(dropped[:, most]))
    numbers = spanned(pd.Series({"mean": centre, "low": low, "high": high}))
    between = f"between {own.layers[most]} and {own.layers[most + 1]}"
    if not low > 0:
        return most, f"no drop of redundancy is shown (the largest, {between}: {numbers})"
    often = 100 * float((known[1:].argmax(1) == most).mean())
    return most, f"most redundancy is dropped {between}: {numbers}, the largest drop in {often:.0f} % of the draws"
