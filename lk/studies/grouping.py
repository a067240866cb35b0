"""Which runs share a line on the figures of a comparison, and the averages of each line."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lk.interactions import Interactions
from lk.metrics.intervals import SEEDS, Array
from lk.studies.alignment import Aligned
from lk.studies.averages import tidy
from lk.studies.compared import Compared
from lk.studies.naming import seed_of

MOST_LINES = 8  # as many as there are colours


def by_architecture(members: Sequence[Compared]) -> dict[str, list[int]]:
    """Positions of the runs of each architecture."""
    groups: dict[str, list[int]] = {}
    for place, member in enumerate(members):
        groups.setdefault(member.architecture, []).append(place)
    return groups


def seeded(members: Sequence[Compared]) -> dict[str, list[int]] | None:
    """Positions of the runs of each architecture, where two or more have three training seeds or more each."""
    groups = by_architecture(members)
    enough = all(len({seed_of(members[i].run) for i in places}) >= SEEDS for places in groups.values())
    return groups if len(groups) >= 2 and enough else None


def lines_of(aligned: Aligned) -> dict[str, list[int]]:
    """Name and runs of each line: an architecture with its seeds, or a single run.

    Architectures where each has seeds enough to be named, and where there are more runs than colours.
    """
    groups = seeded(aligned.members)
    if groups is not None or len(aligned.members) > MOST_LINES:
        return groups or by_architecture(aligned.members)
    return {name: [place] for place, name in enumerate(aligned.names)}


def line_table(
    lines: Mapping[str, Sequence[int]],
    aligned: Aligned,
    measured: Mapping[int, Array],
    axes: Callable[[Interactions], dict[str, Sequence[Any]]],
    samples: int | None = None,
    **constant: Any,
) -> pd.DataFrame:
    """Averages of each line, and of each run of a line that has several.

    The interval of a line is over samples, and over training runs where there are three or more.

    Args:
        lines: From `lines_of`.
        aligned: The runs.
        measured: For each run, by position, an array `(rows, *axes)` for the rows of `lk.metrics.jackknife`.
        axes: Names and values of the further axes of a run with these interactions.
        samples: Number of samples, where it is not that of all kept ones.
        **constant: Columns with one value.

    Returns:
        Columns line, run (empty: the mean of the line's runs), runs (how many), one per axis, mean, low, high, n and
        the constant ones.
    """
    parts, n = [], len(aligned.kept) if samples is None else samples
    for line, places in lines.items():
        own, named = np.stack([measured[i] for i in places], 1), axes(aligned.final[places[0]])
        if len(places) > 1:
            over = tidy(own.mean(1), named, n, [own[0]], line=line, **constant)
            parts.append(over.assign(run="", runs=len(places)))
        for place, i in enumerate(places):
            each = tidy(own[:, place], named, n, line=line, run=aligned.names[i], **constant)
            parts.append(each.assign(runs=1))
    return pd.concat(parts, ignore_index=True)
