"""The claims of the papers on dynamics as contrasts: numbers above zero where a claim holds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from lk.metrics.intervals import Array, divide
from lk.studies.averages import weighted_mean
from lk.studies.dynamics import LayerDynamics
from lk.studies.held_strength import thirds
from lk.studies.life_history import HISTORIES
from lk.studies.phases import since_lowest
from lk.studies.run_facts import high_orders, low_orders
from lk.transforms import orders

LEAST_POINTS = 4  # checkpoints of a correlation

Contrast = Callable[[LayerDynamics], Array | None]


@dataclass(frozen=True)
class Claim:
    """A claim.

    Attributes:
        source: Where it is made.
        text: What is claimed.
        contrast: Above zero where it holds, `(rows,)` for the rows of `lk.metrics.jackknife`; None where it cannot be
            asked.
        final: Whether it looks at one checkpoint alone, so that the untrained network is a control.
    """

    source: str
    text: str
    contrast: Contrast
    final: bool = False


def fall(per_sample: Callable[[LayerDynamics], Tensor | None], checkpoint: int) -> Contrast:
    """From a checkpoint to the lowest one."""

    def contrast(own: LayerDynamics) -> Array | None:
        found = per_sample(own)
        return None if found is None else weighted_mean(own.weights, since_lowest(found, checkpoint))

    return contrast


def follows_gap(per_sample: Callable[[LayerDynamics], Tensor | None]) -> Contrast:
    """Correlation with the gap of the losses over the checkpoints after phase 1.

    Pearson's, as the rank correlation of a few checkpoints does not change when a sample is left out.
    """

    def contrast(own: LayerDynamics) -> Array | None:
        found, places = per_sample(own), list(range(own.border, len(own.own.steps)))
        if found is None:
            return None
        gap = own.gap_at(places)
        known = np.isfinite(gap)
        means = weighted_mean(own.weights, found[places])[:, known]
        nothing = np.full(len(own.weights), np.nan)
        if known.sum() < LEAST_POINTS or gap[known].std() == 0:
            return nothing
        centred = means - means.mean(1, keepdims=True)
        line = gap[known] - gap[known].mean()
        length = np.sqrt(np.square(centred).sum(1) * np.square(line).sum())
        return np.asarray(np.divide(centred @ line, length, out=nothing, where=length > 0))

    return contrast


def low_orders_shared(own: LayerDynamics) -> Array | None:
    """Generalisation share beyond chance of low orders minus that of high orders."""
    if own.held is None:
        return None
    sides = []
    for chosen in (low_orders(own.n), high_orders(own.n)):
        held, chance, total = (
            own.weights @ part[own.checkpoint, chosen].sum(0).numpy()
            for part in (own.held.held, own.held.chance, own.held.total)
        )
        # Both numerators are never negative: the excess over chance may be.
        sides.append(divide(held, total) - divide(chance, total))
    return sides[0] - sides[1]


def by_third(own: LayerDynamics, part: str) -> tuple[Array, Array, Array] | None:
    """Mean strength per order of low, middle and high orders, relative to all."""
    if own.held is None:
        return None
    strength = getattr(own.held, part)[own.checkpoint].double().numpy()
    whole = own.weights @ strength[1:].sum(0)
    low, middle, high = (divide(own.weights @ strength[third].mean(0), whole) for third in thirds(own.n))
    return low, middle, high


def decay(own: LayerDynamics) -> Array | None:
    """Of what at least half of the reference networks hold: low orders minus high ones."""
    found = by_third(own, "shared")
    return None if found is None else found[0] - found[2]


def spindle(own: LayerDynamics) -> Array | None:
    """Of what no reference network holds: middle orders minus the mean of low and high ones."""
    found = by_third(own, "alone")
    return None if found is None else found[1] - (found[0] + found[2]) / 2


def named_histories(own: LayerDynamics) -> Array | None:
    """Share of the interactions ever salient that have one of the five histories, minus one half."""
    if own.references is None:
        return None
    ever, other = own.histories >= 0, own.histories == len(HISTORIES) - 1
    counts = [(part[:, 1:].sum((0, 1)).double().numpy()) for part in (ever & ~other, ever)]
    return divide(own.weights @ counts[0], own.weights @ counts[1]) - 0.5


def betraying_higher(own: LayerDynamics) -> Array | None:
    """Mean order of betraying interactions minus that of reliable ones."""
    if own.references is None:
        return None
    size = orders(own.n)[:, None].double()
    means = []
    for name in ("betraying", "reliable"):
        chosen = (own.histories == HISTORIES.index(name)).double()
        means.append(
            divide(own.weights @ (chosen * size).sum((0, 1)).numpy(), own.weights @ chosen.sum((0, 1)).numpy())
        )
    return means[0] - means[1]


def noise_explains(own: LayerDynamics) -> Array | None:
    """Distance of the orders from the final network's own, minus that from the fitted curve; mean over checkpoints."""
    places = [place for place in own.seen.tolist() if 0 < place < len(own.own.steps) - 1]
    if not places:
        return None
    _, distance, without, _ = own.noise
    return weighted_mean(own.weights, (without - distance)[places].mean(0))


def confusing_wrong(own: LayerDynamics) -> Array | None:
    """Share of misclassified samples among the confusing ones, minus that among the others."""
    flagged, wrong = own.confusion.flagged.double().numpy(), (~own.own.correct).double().numpy()
    rates = [divide(own.weights @ (group * wrong), own.weights @ group) for group in (flagged, 1 - flagged)]
    return rates[0] - rates[1]


def centre_of(own: LayerDynamics) -> Tensor:
    """The order centre."""
    return own.centre


def alone_of(own: LayerDynamics) -> Tensor | None:
    """The share of strength that no reference network holds."""
    return own.alone


TWO, THREE, DECAY = "two-phase (2405.10262)", "three-phase (2505.06993)", "decay and spindle (2502.10162)"
LIVES, CONFUSING = "life histories (AAAI 2025)", "confusing samples (2502.08625)"
CLAIMS = (
    Claim(TWO, "phase 1: the order centre falls from the initial network to its lowest point", fall(centre_of, 0)),
    Claim(TWO, "phase 2: the order centre rises from its lowest point to the last checkpoint", fall(centre_of, -1)),
    Claim(TWO, "after phase 1 the order centre grows with the gap of the losses", follows_gap(centre_of)),
    Claim(TWO, "noise that decreases explains the orders better than the final network's own", noise_explains),
    Claim(TWO, "low orders generalise better than high ones, beyond chance", low_orders_shared, True),
    Claim(DECAY, "interactions that half of the networks hold decay with order", decay, True),
    Claim(DECAY, "interactions that no other network holds have the shape of a spindle", spindle, True),
    Claim(THREE, "early training removes what does not generalise", fall(alone_of, 0)),
    Claim(THREE, "late training learns what does not generalise", fall(alone_of, -1)),
    Claim(THREE, "what does not generalise grows with the gap of the losses", follows_gap(alone_of)),
    Claim(LIVES, "more than half of all interactions ever salient have one of the five histories", named_histories),
    Claim(LIVES, "betraying interactions are of higher order than reliable ones", betraying_higher),
    Claim(CONFUSING, "confusing samples are misclassified more often", confusing_wrong, True),
)
