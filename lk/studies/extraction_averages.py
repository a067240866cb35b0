"""Averages of one extraction of a run over its samples, for its report."""

from typing import Any

import pandas as pd

from lk.extraction import Samples
from lk.games import OUTPUT
from lk.interactions import Interactions
from lk.metrics.intervals import jackknife
from lk.runs import Run
from lk.studies.averages import averages, total
from lk.studies.low_signal import low_signal, marked
from lk.studies.profile import profile
from lk.studies.ranking import strongest_of
from lk.studies.run_facts import class_name, optional_table
from lk.studies.shown_samples import shown_samples
from lk.studies.surprises import surprises

RATIOS = ("completeness", "redundancy")
UNITS = {"TrueClass": "nats", "PredictedClass": "nats", "NamedClass": "nats", "Logit": "logits"}


def unit_of(score: str) -> str:
    """Unit of a score by the name of its class; `score` where it has none.

    Example:
        >>> unit_of("TrueClass"), unit_of("Unit")
        ('nats', 'score')
    """
    return UNITS.get(score, "score")


class ExtractionAverages:
    """One extraction of a run, read for its report.

    Args:
        run: The run.
        name: Name of the extraction.
    """

    def __init__(self, run: Run, name: str) -> None:
        self.run, self.name = run, name
        folder = run.extraction(name)
        self.settings: dict[str, Any] = run.settings(name)
        self.samples = Samples.load(folder / "samples.safetensors")
        files = run.extracted(name)
        if not files:
            raise FileNotFoundError(
                f"expected a checkpoint in extraction {name!r} of run {run.id}, got none. Make one with analyze.py "
                f"extract {run.path}."
            )
        self.final = Interactions.load(list(files.values())[-1])
        self.unit = unit_of(class_name(self.settings.get("score")))
        weights = jackknife(self.final.n_samples)
        collected: dict[str, list[pd.DataFrame]] = {}
        self.seconds: list[dict[str, float]] = []
        before, first = None, self.final
        groups = shown_samples(self.final, self.samples)
        drawn: dict[str, list[pd.DataFrame]] = {name: [] for name in groups}
        for path in files.values():
            found = Interactions.load(path)
            first = found if before is None else first
            for key, frame in averages(found, weights, before, self.final).items():
                collected.setdefault(key, []).append(frame)
            for figure, chosen in groups.items():
                drawn[figure].append(strongest_of(found, chosen))
            self.seconds.append(dict(found.origin.seconds))
            before = found
        tables = {key: pd.concat(frames, ignore_index=True) for key, frames in collected.items()}
        self.games = run.read_table(f"{name}/games")
        probes = optional_table(run, "probes") if self.settings.get("score") and self.unit != "score" else None
        self.low_signal = low_signal(self.games, probes)
        self.tables = {key: marked(frame, self.low_signal) for key, frame in tables.items()}
        self.probes = marked(probes[probes["step"].isin(files)], self.low_signal) if probes is not None else None
        self.last = {key: frame[frame["step"] == frame["step"].max()] for key, frame in self.tables.items()}
        self.strongest = {
            key: marked(pd.concat(frames, ignore_index=True), self.low_signal) for key, frames in drawn.items()
        }
        self.n, self.profile = self.final.n_players, profile(self.final, weights)
        ends = self.low_signal[self.low_signal["step"].isin((first.step, self.final.step)) & self.low_signal["marked"]]
        hidden = set(ends["layer"]) - {OUTPUT} | set(ends.loc[ends["step"] == self.final.step, "layer"])
        self.surprises = surprises(first, self.final, self.profile, weights, hidden)

    def maps(self) -> pd.DataFrame:
        """What the layer by checkpoint maps show."""
        counts, strengths, shares = self.tables["counts"], self.tables["strengths"], self.tables["shares"]
        # The output against itself is 1 and 0 by definition; its row stays empty.
        itself = [total(shares, quantity=quantity, reference="output") for quantity in RATIOS]
        return pd.concat(
            [
                total(counts).assign(quantity="count"),
                total(strengths, quantity="salient").assign(quantity="strength"),
                *(frame.assign(mean=frame["mean"].where(frame["layer"] != OUTPUT)) for frame in itself),
                total(shares, quantity="completeness", reference="final output").assign(quantity="final"),
                self.tables["reach"].assign(quantity="reach"),
            ],
            ignore_index=True,
        )
