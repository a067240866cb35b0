"""Align runs for a comparison: the same samples, players and game, at the layers of each run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from lk.extraction import Samples
from lk.extraction.tables import intermediate
from lk.interactions import Interactions
from lk.runs import Run
from lk.studies.compared import Compared
from lk.studies.naming import architecture_names, run_ids, run_names

SAME = ("players", "masker", "score", "probes", "background", "kappa", "salience_ratio")


def comparable(setting: object) -> object:
    """A setting without how features are pooled.

    That belongs to the architecture (a convolution has maps to pool, a linear layer none).
    """
    if isinstance(setting, dict) and isinstance(setting.get("init_args"), dict):
        return {**setting, "init_args": {key: value for key, value in setting["init_args"].items() if key != "pooling"}}
    return setting


@dataclass(frozen=True)
class Aligned:
    """Runs on their common samples.

    Attributes:
        members: The runs, each with its interactions on `kept`.
        extraction: Name of the extraction.
        common: Indices (into the test split) of the samples that all runs explain.
        kept: Those that all finished networks classify correctly; everything is measured on them.
        samples: Inputs, labels and players of `kept`.
    """

    members: tuple[Compared, ...]
    extraction: str
    common: tuple[int, ...]
    kept: tuple[int, ...]
    samples: Samples

    @property
    def final(self) -> tuple[Interactions, ...]:
        """For each run, the interactions of its last checkpoint on `kept`."""
        return tuple(member.final for member in self.members)

    @property
    def names(self) -> tuple[str, ...]:
        """What figures and sentences call each run."""
        return tuple(member.name for member in self.members)


def differ(a: Run, b: Run, what: str, left: object, right: object, advice: str) -> ValueError:
    """The error of two runs that do not fit together."""
    return ValueError(f"expected runs {a.id} and {b.id} to share {what}, got {left} and {right}. {advice}")


class Opened(NamedTuple):
    """Settings and samples of an extraction of a run."""

    run: Run
    settings: dict[str, Any]
    samples: Samples


def opened(run: Run, extraction: str) -> Opened:
    """Settings and samples of an extraction.

    Raises:
        FileNotFoundError: The run has no such extraction.
    """
    if not run.extracted(extraction):
        known = ", ".join(run.extractions) or "none"
        raise FileNotFoundError(
            f"expected an extraction of run {run.id}, got name={extraction!r}. Known: {known}. Make it with analyze.py "
            f"extract {run.path}."
        )
    samples = Samples.load(run.extraction(extraction) / "samples.safetensors")
    return Opened(run, run.settings(extraction), samples)


def check_settings(first: Opened, other: Opened) -> None:
    """Refuse runs of different data sets, classes or settings."""
    for what, left, right in (
        ("the data set", *(str(one.run.config["data"]["class_path"]) for one in (first, other))),
        ("the classes", first.samples.classes, other.samples.classes),
    ):
        if left != right:
            raise differ(first.run, other.run, what, left, right, "Compare runs on one data set.")
    for key in SAME:
        a, b = (one.settings.get(key) for one in (first, other))  # earlier versions stored fewer settings
        if comparable(a) != comparable(b):
            advice = (
                f"Extract again with the same {key} under another name (analyze.py extract --extraction.name), then "
                "compare that."
            )
            raise differ(first.run, other.run, f"the extraction's setting {key!r}", a, b, advice)


def check_samples(first: Opened, other: Opened, common: Sequence[int]) -> None:
    """Refuse runs whose common samples differ in input, label, players or filler."""
    rows, places = (positions(one.samples, common) for one in (first, other))
    for name, key in (
        ("the input", "x"),
        ("the label", "y"),
        ("the division into players", "owner"),
        ("what fills absent players", "filler"),
    ):
        left, right = getattr(first.samples, key)[rows], getattr(other.samples, key)[places]
        if left.shape != right.shape:
            shapes = tuple(left.shape[1:]), tuple(right.shape[1:])
            raise differ(first.run, other.run, name, *shapes, "Compare runs with the same inputs and players.")
        wrong = (left != right).reshape(len(common), -1).any(1)
        if bool(wrong.any()):
            what = f"{name} of sample {common[int(torch.nonzero(wrong)[0])]}"
            count = f"another ({int(wrong.sum())} of {len(common)} samples differ)"
            raise differ(first.run, other.run, what, "one", count, "Compare runs on one data set.")


def positions(samples: Samples, chosen: Sequence[int]) -> list[int]:
    """Positions of samples, given by their index into the test split."""
    place = {index: i for i, index in enumerate(samples.index.tolist())}
    return [place[index] for index in chosen]


def align(runs: Sequence[Run], extraction: str = "default") -> Aligned:
    """Check that the runs played the same games, and select the samples that all classify correctly.

    Raises:
        FileNotFoundError: A run has no such extraction.
        ValueError: Fewer than two runs, or data, samples, players or settings differ; names what.
    """
    names = ", ".join(run.id for run in runs) or "none"
    if len(runs) < 2 or len({run.path.resolve() for run in runs}) < len(runs):
        raise ValueError(f"expected two different runs or more, got {names}. Name each run once.")
    first, *others = (opened(run, extraction) for run in runs)
    for other in others:
        check_settings(first, other)
    found = [first, *others]
    shared = set.intersection(*(set(one.samples.index.tolist()) for one in found))
    if not shared:
        left, right = (one.samples.index.tolist() for one in (first, found[-1]))
        raise differ(runs[0], runs[-1], "an explained sample", left, right, "Use the same data.seed.")
    common = [int(i) for i in first.samples.index.tolist() if int(i) in shared]
    for other in others:
        check_samples(first, other, common)
    final = [Interactions.load(list(run.extracted(extraction).values())[-1]) for run in runs]
    rows = [positions(one.samples, common) for one in found]
    correct = torch.stack([own.presumed_correct[places] for own, places in zip(final, rows, strict=True)]).all(0)
    if not bool(correct.any()):
        counts = [int(own.presumed_correct[places].sum()) for own, places in zip(final, rows, strict=True)]
        least = runs[counts.index(min(counts))].id
        raise ValueError(
            f"expected a common sample classified correctly by all of {names}, got none of {len(common)} (fewest by "
            f"{least}: {min(counts)}). Leave it out, train it longer, or extract more samples."
        )
    kept = tuple(i for i, ok in zip(common, correct.tolist(), strict=True) if ok)
    chosen = [tuple(positions(own.samples, kept)) for own in found]
    ids, named = run_ids(runs), run_names(runs)
    architectures = architecture_names(runs, [own.layers for own in final])
    members = tuple(
        Compared(runs[i], ids[i], named[i], architectures[i], extraction, places, final[i].select(places))
        for i, places in enumerate(chosen)
    )
    return Aligned(members, extraction, tuple(common), kept, first.samples.select(chosen[0]))


def middle_of(found: Interactions) -> int:
    """Position of the intermediate layer."""
    return found.layers.index(intermediate(found.layers))
