"""What the files of one run say: its training, and one of its extractions with all averages."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lk.extraction import Samples
from lk.games import OUTPUT
from lk.interactions import Interactions
from lk.metrics.intervals import jackknife
from lk.runs import Run
from lk.storage.stored import load_checkpoint, network_weights
from lk.studies.averages import averages, total
from lk.studies.low_signal import low_signal, marked
from lk.studies.profile import profile

RATIOS = ("completeness", "redundancy")
UNITS = {"TrueClass": "nats", "PredictedClass": "nats", "NamedClass": "nats", "Logit": "logits"}


def class_name(config: object) -> str:
    """Last part of a config entry's class path."""
    return (
        str(config["class_path"]).rsplit(".", 1)[-1] if isinstance(config, Mapping) and "class_path" in config else "–"
    )


def arguments(config: object) -> str:
    """A config entry as `Class(argument=value, ...)`, without arguments that are not set."""
    if not isinstance(config, Mapping) or "class_path" not in config:
        return "–"
    given = {
        key: value for key, value in (config.get("init_args") or {}).items() if value is not None and value is not False
    }
    inner = (
        f"{key}={arguments(value) if isinstance(value, Mapping) and 'class_path' in value else value}"
        for key, value in given.items()
    )
    return f"{class_name(config)}({', '.join(inner)})"


def parameters(run: Run) -> int | None:
    """Trainable numbers of the network, counted in the last checkpoint; running statistics are left out."""
    if not run.checkpoints:
        return None
    try:
        weights = network_weights(load_checkpoint(list(run.checkpoints.values())[-1]))
    except ValueError:  # a damaged checkpoint is no reason to go without a report
        return None
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    return sum(int(value.numel()) for key, value in weights.items() if not key.endswith(statistics))


def optional_table(run: Run, name: str) -> pd.DataFrame | None:
    """A table, or none where the run has none."""
    return run.read_table(name) if run.table(name).is_file() else None


def test_accuracy(run: Run) -> tuple[float, str] | None:
    """The finished network's test accuracy, and on what."""
    training, probes = optional_table(run, "training"), optional_table(run, "probes")
    if training is not None:
        rows = training[training["quantity"] == "test/accuracy"]
        if len(rows):
            return float(rows.sort_values("step")["value"].iloc[-1]), "test split"
    if probes is not None:
        rows = probes[(probes["layer"] == OUTPUT) & (probes["step"] == probes["step"].max())]
        if len(rows):
            return float(rows["accuracy"].iloc[-1]), f"{int(rows['samples'].iloc[-1]):,} test samples"
    return None


def highest_order(n: int) -> int:
    """Highest order on figures by order: the four highest hold next to nothing and are left out, as in the paper."""
    return n if n <= 4 else max(3, n - 4)


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
                f"Extraction {name!r} of run {run.id} has no checkpoint yet; make one with analyze.py extract {run.path}."
            )
        self.final = Interactions.load(list(files.values())[-1])
        self.unit = UNITS.get(class_name(self.settings.get("score")), "score")
        weights = jackknife(self.final.n_samples)
        collected: dict[str, list[pd.DataFrame]] = {}
        self.seconds: list[dict[str, float]] = []
        before = None
        for path in files.values():
            found = Interactions.load(path)
            for key, frame in averages(found, weights, before, self.final).items():
                collected.setdefault(key, []).append(frame)
            self.seconds.append(dict(found.origin.seconds))
            before = found
        tables = {key: pd.concat(frames, ignore_index=True) for key, frames in collected.items()}
        self.games = run.read_table(f"{name}/games")
        probes = optional_table(run, "probes") if self.settings.get("score") and self.unit != "score" else None
        self.low_signal = low_signal(self.games, probes)
        self.tables = {key: marked(frame, self.low_signal) for key, frame in tables.items()}
        self.probes = marked(probes[probes["step"].isin(files)], self.low_signal) if probes is not None else None
        self.last = {key: frame[frame["step"] == frame["step"].max()] for key, frame in self.tables.items()}
        self.n, self.profile = self.final.n_players, profile(self.final, weights)

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
