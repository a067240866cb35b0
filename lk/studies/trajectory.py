"""The interactions of one run over its checkpoints, on fixed samples and players."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from lk.extraction import Samples
from lk.interactions import Interactions, Origin, interactions_of
from lk.interactions.origin import FIELDS
from lk.interactions.salience import salient
from lk.runs import Run
from lk.storage.digest import digest_tensors
from lk.storage.stored import read_tensors
from lk.studies.alignment import opened
from lk.studies.low_signal import low_signal
from lk.studies.run_facts import optional_table

LEAST_CHECKPOINTS = 4  # an initial network, a fall, a rise
OPPOSITE = "opposite tie-break"
REMEDY = "Delete it and extract again: analyze.py extract RUN."


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Effects of every checkpoint of a run.

    Attributes:
        name: Id of the run.
        steps: Optimiser steps of the checkpoints, ascending; 0 is the initial network.
        epochs: Epochs trained, may be fractions.
        layers: Layer names from input to output.
        effects: AND and OR effects `(checkpoints, 2, 2**n, layers, samples)`, 0 for the empty coalition.
        chosen: Which are salient, booleans of the same shape.
        informative: Whether a layer says something at a checkpoint, `(checkpoints, layers)`: its probe is above chance
            and its mean |v(N) - v(empty)| above the floor (`lk.studies.low_signal`).
        labels: Label of each sample, `(samples,)`.
        correct: Whether the last network classifies each sample correctly, `(samples,)`.
    """

    name: str
    steps: tuple[int, ...]
    epochs: tuple[float, ...]
    layers: tuple[str, ...]
    effects: Tensor
    chosen: Tensor
    informative: Tensor
    labels: Tensor
    correct: Tensor

    @property
    def n(self) -> int:
        """Number of players."""
        return self.effects.shape[2].bit_length() - 1

    @property
    def signs(self) -> Tensor:
        """Sign of the salient effects, int8 of the shape of `effects`; 0 where an effect is not salient."""
        return (self.effects.sign() * self.chosen).to(torch.int8)

    @property
    def logs(self) -> Tensor:
        """log10(1 + step) of each checkpoint: distances between checkpoints are measured on this axis."""
        return torch.log10(1 + torch.tensor(self.steps, dtype=torch.float64))

    def with_ratio(self, ratio: float) -> "Trajectory":
        """The same effects under another threshold of salience."""
        return replace(self, chosen=torch.stack([salient(effects, ratio) for effects in self.effects]))

    def at(self, layer: str) -> "Trajectory":
        """One layer alone."""
        place = [self.layers.index(layer)]
        return replace(
            self,
            layers=(layer,),
            effects=self.effects[:, :, :, place],
            chosen=self.chosen[:, :, :, place],
            informative=self.informative[:, place],
        )


def trajectory(run: Run, extraction: str = "default", opposite: bool = False) -> Trajectory:
    """Read the interactions of every checkpoint of a run.

    Args:
        run: The run.
        extraction: Name of the extraction.
        opposite: Take the output alone, decomposed with high orders preferred among equally sparse answers. This is
            computed from the stored values once, and stored beside them.

    Raises:
        FileNotFoundError: The run has no such extraction.
        ValueError: Fewer than four checkpoints are extracted.
    """
    files = opened(run, extraction).run.extracted(extraction)
    if len(files) < LEAST_CHECKPOINTS:
        raise ValueError(
            f"expected at least {LEAST_CHECKPOINTS} extracted checkpoints of run {run.id}, got {len(files)}. "
            "Train with more of them (SaveCheckpoints), or extract all: analyze.py extract RUN."
        )
    stored = [Interactions.load(path) for path in files.values()]
    if opposite:
        stored = [opposite_output(found, path.parent) for found, path in zip(stored, files.values(), strict=True)]
    table = low_signal(run.read_table(f"{extraction}/games"), optional_table(run, "probes"))
    bad = {(row["step"], row["layer"]) for row in table[table["marked"]].to_dict("records")}
    first, last = stored[0], stored[-1]
    labels = last.labels if last.labels is not None else torch.zeros(last.n_samples, dtype=torch.long)
    return Trajectory(
        run.id,
        tuple(found.step for found in stored),
        tuple(found.epoch for found in stored),
        first.layers,
        torch.stack([found.effects for found in stored]),
        torch.stack([found.salient() for found in stored]),
        torch.tensor([[(found.step, layer) not in bad for layer in first.layers] for found in stored]),
        labels,
        last.presumed_correct,
    )


def opposite_output(found: Interactions, folder: Path) -> Interactions:
    """The output's games, decomposed with high orders preferred; read where it is stored for the same values."""
    values = read_tensors(folder / "values.safetensors", "holds no values", REMEDY)[0]["values"][:, [found.output]]
    settings = {"values": digest_tensors({"values": values}), "kappa": found.kappa, "gap": found.gap}
    path = folder / "controls" / "opposite-tie-break-output.safetensors"
    if path.is_file() and (known := Interactions.load(path)).origin.settings == settings:
        return known
    own = {key: getattr(found, key) for key in FIELDS if key not in ("kappa", "gap", "tie_break")}
    layer = [found.layers[found.output]]
    answer = interactions_of(values, layer, found.kappa, found.gap, tie_break="high", **own)
    answer = replace(answer, origin=Origin(control=OPPOSITE, settings=settings))
    answer.save(path)
    return answer


def same_players(run: Run, extraction: str) -> bool:
    """Whether player i is the same part of the input in every sample, so that effects of different samples compare."""
    samples = Samples.load(run.extraction(extraction) / "samples.safetensors")
    return not samples.words and bool((samples.owner == samples.owner[:1]).all())


def check_same_games(trajectories: Sequence[Trajectory]) -> None:
    """Refuse runs of one configuration that differ in checkpoints, layers or samples.

    Raises:
        ValueError: Names the runs and what differs.
    """
    first = trajectories[0]
    for other in trajectories[1:]:
        for what in ("steps", "layers"):
            left, right = getattr(first, what), getattr(other, what)
            if left != right:
                raise ValueError(
                    f"expected the same {what} in runs of one configuration, got {left} in {first.name} and {right} in "
                    f"{other.name}. Extract the same checkpoints and layers of both."
                )
        if first.effects.shape != other.effects.shape or not torch.equal(first.labels, other.labels):
            raise ValueError(
                f"expected the same samples and players, got different ones in {first.name} and {other.name}. Train "
                "runs of one configuration with the same data.seed."
            )
