"""Which compared runs or architectures were trained less than the others: a rival explanation of every difference."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lk.metrics.wilson import wilson
from lk.studies.alignment import Aligned
from lk.text import epochs, percent

FEWER_EPOCHS = 0.8  # of the longest training
LOWER_ACCURACY = 0.05  # below the best
MARK = "‡"


class Trained(NamedTuple):
    """How the runs of a line were trained.

    Attributes:
        epochs: Fewest and most epochs.
        accuracy: Lowest, mean and highest test accuracy of the finished networks; None where a run has none.
        samples: Fewest test samples that an accuracy is over; None where unknown.
    """

    epochs: tuple[float, float]
    accuracy: tuple[float, float, float] | None
    samples: int | None


def trained(aligned: Aligned, lines: Mapping[str, Sequence[int]]) -> dict[str, Trained]:
    """How each line was trained."""
    found = {}
    for line, places in lines.items():
        members = [aligned.members[i] for i in places]
        known = [member.accuracy for member in members]
        hits, samples = [hit[0] for hit in known if hit], [hit[1] for hit in known if hit and hit[1]]
        ends = [member.final.epoch for member in members]
        found[line] = Trained(
            (min(ends), max(ends)),
            (min(hits), float(np.mean(hits)), max(hits)) if len(hits) == len(known) else None,
            min(samples) if len(samples) == len(known) else None,
        )
    return found


def unequal(found: Mapping[str, Trained]) -> dict[str, str]:
    """The lines that were trained less than another, and in what.

    A line is named if one of its runs has fewer than 80 % of the epochs of the longest training; or if it is 5
    percentage points less accurate than the best line, and the Wilson intervals of both exclude each other.

    Example:
        >>> a, b = Trained((25, 25), (0.97, 0.97, 0.97), 360), Trained((10, 10), (0.82, 0.82, 0.82), 360)
        >>> unequal({"MLP": a, "ViT": b})
        {'ViT': '10 epochs (the longest training: 25), test accuracy 82.0 % (the best: 97.0 %)'}
    """
    longest = max(own.epochs[1] for own in found.values())
    best = max((own for own in found.values() if own.accuracy), key=lambda own: own.accuracy or (0,), default=None)
    said = {}
    for line, own in found.items():
        reasons = []
        if own.epochs[0] < FEWER_EPOCHS * longest:
            reasons.append(f"{epochs(own.epochs[0])} epochs (the longest training: {epochs(longest)})")
        if best is not None and best.accuracy and own.accuracy and less_accurate(own, best):
            reasons.append(f"test accuracy {percent(own.accuracy[0])} (the best: {percent(best.accuracy[0])})")
        if reasons:
            said[line] = ", ".join(reasons)
    return said


def less_accurate(own: Trained, best: Trained) -> bool:
    """Whether the least accurate run is clearly below the least accurate one of the best line."""
    if own.accuracy is None or best.accuracy is None or best.accuracy[0] - own.accuracy[0] < LOWER_ACCURACY:
        return False
    if own.samples is None or best.samples is None:
        return True
    rates = (own.accuracy[0], own.samples), (best.accuracy[0], best.samples)
    ends = [wilson(np.array([hit]), np.array([n])) for hit, n in rates]
    return bool(ends[0][1][0] < ends[1][0][0])


def on_unequal(reasons: Mapping[str, str]) -> str:
    """The warning at the top of the page; empty where training was equal."""
    if not reasons:
        return ""
    return (
        f"{MARK} Unequal training: {'; '.join(f'{line}: {why}' for line, why in reasons.items())}. What sets "
        f"{'it' if len(reasons) == 1 else 'them'} apart may be the training, not the architecture."
    )
