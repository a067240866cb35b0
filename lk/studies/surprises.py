"""What is surprising about a run: numbers whose 95 % interval excludes what a reader expects."""

from collections.abc import Collection

import numpy as np

from lk.games import OUTPUT
from lk.interactions import Interactions
from lk.metrics.comparison import shares
from lk.metrics.intervals import Array, interval
from lk.studies.averages import WHOLE
from lk.studies.profile import Profile
from lk.text import number, signed, spanned

ADDS = 0.1  # of the finished output's strength: what training is expected to add to a layer, at the least
MOST = 2  # sentences

RULE = (
    "A sentence at the top is called surprising where the 95 % interval of its number excludes the expectation that it "
    "names; there are three: training adds a tenth or more to every layer, deeper layers hold no less of the output, "
    "and deeper layers are no more redundant."
)


def surprises(
    first: Interactions, final: Interactions, own: Profile, weights: Array, marked: Collection[str]
) -> list[str]:
    """Sentences about numbers that exclude an expectation, the strongest exclusion of each first.

    Args:
        first: The first checkpoint, on the same samples; the expectation of training is judged where it is untrained.
        final: The last one.
        own: Profile of the last one.
        weights: From `lk.metrics.jackknife`.
        marked: Layers that are marked at either; they are left aside.
    """
    hidden = own.hidden(marked)
    if not len(hidden.layers) or OUTPUT in marked:
        return []
    found = [
        on_deeper(hidden, hidden.learned, "less of the output's strength"),
        on_deeper(hidden, hidden.dropped, "more that the output lacks"),
    ]
    if first.step == 0 and final.step > 0:
        found.insert(0, on_training(first, final, hidden.layers, weights))
    return [text for text in found if text][:MOST]


def held(found: Interactions, final: Interactions, weights: Array) -> Array:
    """Share of the finished output's strength that each layer holds, `(rows, layers)`."""
    layers = range(len(found.layers))
    against = shares(found, layers, final, [final.output] * len(found.layers), weights)
    return against.completeness[:, *WHOLE]


def on_training(first: Interactions, final: Interactions, layers: Collection[str], weights: Array) -> str:
    """The layer to which training added least, where that is less than expected."""
    places = [place for place, layer in enumerate(final.layers) if layer in layers]
    before, after = (held(found, final, weights)[:, places] for found in (first, final))
    had, added = interval(before), interval(after - before)
    little = np.flatnonzero(added.high < ADDS)
    if not len(little):
        return ""
    place = int(little[np.argmin(added.high[little])])
    others = "" if len(little) == 1 else f" So it is at {len(little)} of {len(places)} layers."
    row = {"mean": had.value[place], "low": had.low[place], "high": had.high[place]}
    return (
        f"Surprising: before training, {final.layers[places[place]]} already holds {spanned(row)} of the strength of "
        f"the finished output's interactions, and {number(float(after[0, place]))} after it. Training adds less than a "
        f"tenth: {signed(added.value[place])} ({number(added.low[place])} to {number(added.high[place])}).{others}"
    )


def on_deeper(hidden: Profile, gains: Array, what: str) -> str:
    """The step in depth that loses most, where it loses at all."""
    if gains.shape[1] < 1:
        return ""
    found = interval(gains)
    lost = np.flatnonzero(found.high < 0)
    if not len(lost):
        return ""
    place = int(lost[np.argmin(found.high[lost])])
    return (
        f"Surprising: {hidden.layers[place + 1]} holds {what} than {hidden.layers[place]} before it, by "
        f"{number(-found.value[place])} ({number(-found.high[place])} to {number(-found.low[place])})."
    )
