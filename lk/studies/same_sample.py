"""The same sample in several networks: which of the common samples to show, and its strongest interactions in each."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import pandas as pd
import torch

from lk.studies.alignment import Aligned
from lk.studies.naming import seed_of
from lk.studies.ranking import strongest_of

MOST_SHOWN = 6  # networks side by side
COUNT = 5  # interactions of each


class Shown(NamedTuple):
    """A sample to show.

    Attributes:
        what: Why this one.
        sample: Its position among the kept samples.
        iou: Mean intersection over union of the salient sets of the shown networks at their outputs.
    """

    what: str
    sample: int
    iou: float


def shown_runs(lines: Mapping[str, Sequence[int]], aligned: Aligned) -> dict[str, int]:
    """One run of each line: the one with the lowest training seed."""

    def seed(place: int) -> tuple[bool, int]:
        found = seed_of(aligned.members[place].run)
        return (not isinstance(found, int), found if isinstance(found, int) else place)

    return {line: min(lines[line], key=seed) for line in list(lines)[:MOST_SHOWN]}


def shown_samples(aligned: Aligned, runs: Mapping[str, int]) -> list[Shown]:
    """The samples on which the shown networks hold the most different interactions, and the most alike.

    By the mean over pairs of networks of the intersection over union of their salient sets at the output, both kinds
    and all orders together.
    """
    found = [aligned.final[place] for place in runs.values()]
    chosen = [own.salient()[:, :, own.output].flatten(0, 1) for own in found]
    ratios = []
    for a, b in combinations(chosen, 2):
        both, either = (a & b).sum(0).double(), (a | b).sum(0).double()
        ratios.append(torch.where(either > 0, both / either, 1.0))
    mean = torch.stack(ratios).mean(0)
    least, most = int(mean.argmin()), int(mean.argmax())
    shown = [Shown("most different", least, float(mean[least]))]
    return shown if most == least else [*shown, Shown("most alike", most, float(mean[most]))]


def side_by_side(aligned: Aligned, runs: Mapping[str, int], sample: int) -> pd.DataFrame:
    """The strongest interactions of a sample at the output of each network, one group of rows per network.

    Returns:
        As `lk.studies.ranking.strongest_of`, of one moment, the end; `marked` where the output is.
    """
    parts = []
    for place in runs.values():
        member, found = aligned.members[place], aligned.final[place]
        name = member.name.replace(" seed ", "\nseed ")
        rows = strongest_of(found, [(name, found.layers[found.output], sample)], COUNT)
        parts.append(rows.assign(step=0, epoch=0.0, marked=found.layers[found.output] in member.marks))
    return pd.concat(parts, ignore_index=True)
