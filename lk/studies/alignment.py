"""Lines runs up: the same samples, the same players, the same game, read at each run's own layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from lk.extraction import Samples
from lk.games import OUTPUT
from lk.interactions import Interactions
from lk.runs import Run

SAME = ("players", "masker", "score", "probes", "background", "kappa", "salience_ratio")


def comparable(setting: object) -> object:
    """A setting without how features are pooled: that belongs to the architecture (a convolution has maps to pool, a linear layer none)."""
    if isinstance(setting, dict) and isinstance(setting.get("init_args"), dict):
        return {**setting, "init_args": {key: value for key, value in setting["init_args"].items() if key != "pooling"}}
    return setting


@dataclass(frozen=True)
class Aligned:
    """Runs on their common samples.

    Attributes:
        runs: The runs.
        extraction: Name of the extraction.
        common: Indices (into the test split) of the samples that all runs explain.
        kept: Those that all finished networks read rightly; everything is measured on them.
        places: For each run, the positions of `kept` in its extraction.
        final: For each run, the interactions of its last checkpoint on `kept`.
    """

    runs: tuple[Run, ...]
    extraction: str
    common: tuple[int, ...]
    kept: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]
    final: tuple[Interactions, ...]


def intermediate(layers: Sequence[str]) -> str:
    """The hidden layer nearest to half of the depth; the output where nothing else was read.

    Example:
        >>> intermediate(["conv1", "conv2", "fc", "output"])
        'conv2'
    """
    hidden = [layer for layer in layers if layer != OUTPUT]
    # In whole numbers: of two layers equally near, the earlier one, whatever a division rounds to.
    return min(hidden, key=lambda layer: abs(2 * layers.index(layer) - (len(layers) - 1))) if hidden else layers[-1]


def differ(a: Run, b: Run, what: str, left: object, right: object, advice: str) -> ValueError:
    """The error of two runs that do not fit together."""
    return ValueError(f"Runs {a.id} and {b.id} cannot be compared: {what} differs ({left} against {right}). {advice}")


def align(runs: Sequence[Run], extraction: str = "default") -> Aligned:
    """Check that the runs played the same games, and select the samples that all read rightly.

    Raises:
        FileNotFoundError: A run has no such extraction.
        ValueError: Fewer than two runs, or data, samples, players or settings differ; names what.
    """
    if len(runs) < 2 or len({run.path.resolve() for run in runs}) < len(runs):
        raise ValueError(
            f"Given {', '.join(run.id for run in runs) or 'no run'}; a comparison needs two different runs or more."
        )
    first = runs[0]
    settings: list[dict[str, Any]] = []
    samples: list[Samples] = []
    for run in runs:
        if not run.extracted(extraction):
            known = ", ".join(run.extractions) or "none"
            raise FileNotFoundError(
                f"Run {run.id} has no extraction {extraction!r}. Known: {known}. Make it with analyze.py extract {run.path}."
            )
        settings.append(run.settings(extraction))
        samples.append(Samples.load(run.extraction(extraction) / "samples.safetensors"))
        source, other = str(first.config["data"]["class_path"]), str(run.config["data"]["class_path"])
        if source != other:
            raise differ(first, run, "the data set", source, other, "Compare runs on one data set.")
        if samples[0].classes != samples[-1].classes:
            raise differ(
                first, run, "the classes", samples[0].classes, samples[-1].classes, "Compare runs on one data set."
            )
        for key in SAME:
            if comparable(settings[0].get(key)) != comparable(settings[-1].get(key)):
                advice = f"Extract again with the same {key} under another name (analyze.py extract --extraction.name), then compare that."
                raise differ(
                    first, run, f"the extraction's setting {key!r}", settings[0].get(key), settings[-1].get(key), advice
                )
    common = set.intersection(*(set(s.index.tolist()) for s in samples))
    if not common:
        raise differ(
            first,
            runs[-1],
            "every explained sample",
            samples[0].index.tolist(),
            samples[-1].index.tolist(),
            "Use the same data.seed.",
        )
    ordered = [int(i) for i in samples[0].index.tolist() if int(i) in common]
    rows = [[s.index.tolist().index(i) for i in ordered] for s in samples]
    for run, own, places in zip(runs[1:], samples[1:], rows[1:], strict=True):
        for name, key in (
            ("the input", "x"),
            ("the label", "y"),
            ("the division into players", "owner"),
            ("what fills absent players", "filler"),
        ):
            left, right = getattr(samples[0], key)[rows[0]], getattr(own, key)[places]
            if left.shape != right.shape:
                raise differ(
                    first,
                    run,
                    name,
                    tuple(left.shape[1:]),
                    tuple(right.shape[1:]),
                    "Compare runs with the same inputs and players.",
                )
            wrong = (left != right).reshape(len(ordered), -1).any(1)
            if bool(wrong.any()):
                index = ordered[int(torch.nonzero(wrong)[0])]
                raise differ(
                    first,
                    run,
                    f"{name} of sample {index}",
                    f"{int(wrong.sum())} samples",
                    f"of {len(ordered)}",
                    "Is it the same data set?",
                )
    final = [Interactions.load(list(run.extracted(extraction).values())[-1]) for run in runs]
    right = [
        all(found.presumed_correct[places[i]] for found, places in zip(final, rows, strict=True))
        for i in range(len(ordered))
    ]
    if not any(right):
        raise ValueError(
            f"No one of the {len(ordered)} common samples is read rightly by all of {', '.join(run.id for run in runs)}; nothing to "
            "compare."
        )
    kept = tuple(i for i, ok in zip(ordered, right, strict=True) if ok)
    positions = tuple(tuple(place for place, ok in zip(places, right, strict=True) if ok) for places in rows)
    selected = tuple(found.select(places) for found, places in zip(final, positions, strict=True))
    return Aligned(tuple(runs), extraction, tuple(ordered), kept, positions, selected)
