"""One run of a comparison, each of its files read once."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from lk.games import OUTPUT
from lk.interactions import Interactions
from lk.metrics.comparison import shares
from lk.metrics.intervals import Array, jackknife
from lk.runs import Run
from lk.studies.answers import finished
from lk.studies.averages import WHOLE, counts
from lk.studies.low_signal import low_signal
from lk.studies.profile import profile
from lk.studies.run_facts import optional_table

QUANTITIES = ("count", "completeness", "redundancy", "held")


class Measured(NamedTuple):
    """One checkpoint, measured on the kept samples for each row of `lk.metrics.jackknife`.

    Attributes:
        step: Global step.
        epoch: Epochs trained.
        layers: `(rows, quantities, layers)`: salient count; completeness and redundancy against the output of the same
            checkpoint; the share of the finished output's salient strength that is held (`QUANTITIES`).
    """

    step: int
    epoch: float
    layers: Array


@dataclass(frozen=True, eq=False)
class Compared:
    """A run on the samples of a comparison.

    Attributes:
        run: The run.
        id: Its id, with parent folders where another run has the same.
        name: What figures and sentences call it.
        architecture: What they call its network.
        extraction: Name of the extraction.
        places: Positions of the kept samples in its extraction.
        final: Interactions of its last checkpoint on the kept samples.
    """

    run: Run
    id: str
    name: str
    architecture: str
    extraction: str
    places: tuple[int, ...]
    final: Interactions

    @cached_property
    def probes(self) -> pd.DataFrame | None:
        """The table of probes."""
        return optional_table(self.run, "probes")

    @cached_property
    def training(self) -> pd.DataFrame | None:
        """The table of training curves."""
        return optional_table(self.run, "training")

    @cached_property
    def low_signal(self) -> pd.DataFrame:
        """Which layers are marked, at every checkpoint."""
        return low_signal(self.run.read_table(f"{self.extraction}/games"), self.probes)

    @property
    def marks(self) -> set[str]:
        """Marked layers of the finished network."""
        return set(finished(self.low_signal)["layer"])

    @cached_property
    def stability(self) -> pd.DataFrame:
        """Stability in the last checkpoint that was extracted; empty where the table is missing, or older than that."""
        table = optional_table(self.run, f"{self.extraction}/stability")
        if table is None:
            return pd.DataFrame()
        # The opposite lean is a control of the paper's studies, not what runs are compared by.
        kept = table["lean"] == "low" if "lean" in table else True
        return table[(table["step"] == self.final.step) & kept]

    @cached_property
    def course(self) -> tuple[Measured, ...]:
        """Every checkpoint of the run, measured."""
        weights = jackknife(len(self.places))
        found = []
        for path in self.run.extracted(self.extraction).values():
            own = Interactions.load(path).select(self.places)
            everywhere, last = range(len(own.layers)), [self.final.output] * len(own.layers)
            held = shares(own, everywhere, self.final, last, weights).completeness[:, *WHOLE]
            along = profile(own, weights)
            layers = counts(own, weights)[:, *WHOLE], along.completeness, along.redundancy, held
            found.append(Measured(own.step, own.epoch, np.stack(layers, 1)))
        return tuple(found)

    @property
    def accuracy(self) -> tuple[float, int | None] | None:
        """The finished network's test accuracy, and over how many samples where that is known."""
        if self.probes is not None:
            rows = self.probes[(self.probes["layer"] == OUTPUT) & (self.probes["step"] == self.probes["step"].max())]
            if len(rows):
                return float(rows["accuracy"].iloc[-1]), int(rows["samples"].iloc[-1])
        if self.training is not None:
            rows = self.training[self.training["quantity"] == "test/accuracy"]
            if len(rows):
                return float(rows.sort_values("step")["value"].iloc[-1]), None
        return None
