"""Completeness and redundancy along the layers of a network, and what changes from each layer to the next."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from lk.extraction.tables import depths
from lk.interactions import Interactions
from lk.metrics.comparison import shares
from lk.metrics.intervals import Array
from lk.studies.averages import WHOLE


@dataclass(frozen=True)
class Profile:
    """Completeness and redundancy of a network's layers against its output, all kinds and orders together.

    Attributes:
        layers: Names, the output last.
        completeness: Share of the output's strength that each layer holds, `(rows, layers)`; 1 at the output.
        redundancy: Share of each layer's strength that the output lacks, `(rows, layers)`; 0 at the output.
    """

    layers: tuple[str, ...]
    completeness: Array
    redundancy: Array

    @property
    def learned(self) -> Array:
        """Completeness gained from each layer to the next, `(rows, layers - 1)`.

        Both layers are measured on the same samples.
        """
        return np.diff(self.completeness, axis=1)

    @property
    def dropped(self) -> Array:
        """Redundancy lost from each layer to the next, `(rows, layers - 1)`."""
        return -np.diff(self.redundancy, axis=1)

    @property
    def depth(self) -> Array:
        """Relative depth of the layers."""
        return np.array(list(depths(self.layers).values()))

    def hidden(self, marked: Collection[str] = ()) -> "Profile":
        """The layers before the output that are not marked."""
        kept = [place for place, layer in enumerate(self.layers[:-1]) if layer not in marked]
        return Profile(tuple(self.layers[i] for i in kept), self.completeness[:, kept], self.redundancy[:, kept])


def profile(found: Interactions, weights: Array) -> Profile:
    """Measure a network; both sides of every step are measured on the same samples."""
    against = shares(found, range(len(found.layers)), found, [found.output] * len(found.layers), weights)
    return Profile(found.layers, against.completeness[:, *WHOLE], against.redundancy[:, *WHOLE])
