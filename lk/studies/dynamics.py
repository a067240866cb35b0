"""What the dynamics study measures of one network: a layer over all checkpoints, beside its reference networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lk.interactions import Interactions
from lk.metrics.intervals import Array, jackknife
from lk.runs import Run
from lk.studies.confusing_samples import Confusion, confusion
from lk.studies.held_strength import HeldStrength, held_strength
from lk.studies.life_history import Lives, histories, lives, of_same_class, share_held
from lk.studies.noise_curve import fitted_noise
from lk.studies.phases import loss_gap, lowest, order_centre, phase_end
from lk.studies.run_facts import class_name, optional_table
from lk.studies.trajectory import Trajectory, check_same_games, same_players, trajectory

LEAST_REFERENCES = 2  # networks besides the one that is looked at


@dataclass(frozen=True, eq=False)
class Configuration:
    """Runs that differ in their seed alone.

    Attributes:
        name: Network and data set.
        extraction: Name of the extraction.
        runs: The runs.
        trajectories: Interactions of each.
        gaps: Gap of the losses by epoch, of each.
        aligned: Whether player i is the same part of the input in every sample.
        training: Effects of training samples at some checkpoints of each run, by step; empty where there are none.
    """

    name: str
    extraction: str
    runs: tuple[Run, ...]
    trajectories: tuple[Trajectory, ...]
    gaps: tuple[pd.DataFrame, ...]
    aligned: bool = False
    training: tuple[dict[int, Tensor], ...] = ()

    @property
    def samples(self) -> int:
        """Number of samples that are explained."""
        return self.trajectories[0].effects.shape[-1]

    @property
    def measured(self) -> "dict[str, list[LayerDynamics]]":
        """Every layer of every run."""
        return {layer: self.layers(layer) for layer in self.trajectories[0].layers}

    @property
    def holders(self) -> str:
        """Who decides whether an interaction counts as held, for captions."""
        if len(self.runs) > LEAST_REFERENCES:
            return f"the {len(self.runs) - 1} other networks"
        return (
            "other samples of the class, in the same network" if self.aligned else "nobody (fewer than three networks)"
        )

    def layers(self, layer: str, trajectories: Sequence[Trajectory] | None = None) -> "list[LayerDynamics]":
        """One layer of every run, each with the others as its reference networks.

        Args:
            layer: Name of the layer.
            trajectories: Other interactions of the same runs, as under another threshold; default those measured.
        """
        own = [one.at(layer) for one in trajectories or self.trajectories]
        last = torch.stack([one.signs[-1, :, :, 0] for one in own])
        others = [[i for i in range(len(own)) if i != place] for place in range(len(own))]
        known = len(own) > LEAST_REFERENCES
        return [
            LayerDynamics(one, last[rest] if known else None, gap, aligned=self.aligned)
            for one, rest, gap in zip(own, others, self.gaps, strict=True)
        ]


class LayerDynamics:
    """One layer of one network over its checkpoints.

    Args:
        own: Interactions of the layer alone.
        references: Signs of the salient interactions of the reference networks' last checkpoints,
            `(networks, 2, 2**n, samples)`; None where there are fewer than two.
        gap: Gap of the losses, columns epoch and gap.
        checkpoint: Where measures of one checkpoint look: -1 the last, 0 the untrained network.
        aligned: Whether player i is the same part of the input in every sample.
    """

    def __init__(
        self,
        own: Trajectory,
        references: Tensor | None,
        gap: pd.DataFrame,
        checkpoint: int = -1,
        aligned: bool = False,
    ) -> None:
        self.own, self.references, self.gap = own, references, gap
        self.checkpoint, self.aligned = checkpoint, aligned
        self.n, self.weights = own.n, jackknife(own.effects.shape[-1])

    @property
    def untrained(self) -> "LayerDynamics":
        """The same, with the initial network where measures of one checkpoint look at the last."""
        return LayerDynamics(self.own, self.references, self.gap, 0, self.aligned)

    @cached_property
    def centre(self) -> Tensor:
        """Order centre of each checkpoint and sample, `(checkpoints, samples)`."""
        return order_centre(self.own.effects, self.own.chosen)[:, 0]

    @cached_property
    def end(self) -> int | None:
        """Last checkpoint of phase 1 by the rule of `phase_end`; none where the rule finds none."""
        return phase_end(self.centre, self.own.informative[:, 0])

    @property
    def lowest(self) -> int:
        """The informative checkpoint with the lowest order centre."""
        return int(self.seen[lowest(self.centre[self.seen])])

    @property
    def border(self) -> int:
        """Last checkpoint of phase 1; the one with the lowest order centre where the rule finds none."""
        return self.lowest if self.end is None else self.end

    @cached_property
    def held(self) -> HeldStrength | None:
        """Salient strength and what reference networks hold of it, each `(checkpoints, n + 1, samples)`."""
        if self.references is None:
            return None
        signs = self.own.signs
        found = [
            held_strength(effects[:, :, 0], sign[:, :, 0], self.references)
            for effects, sign in zip(self.own.effects, signs, strict=True)
        ]
        return HeldStrength(*(torch.stack(part) for part in zip(*found, strict=True)))

    @cached_property
    def alone(self) -> Tensor | None:
        """Share of the salient strength that no reference network holds, `(checkpoints, samples)`."""
        if self.held is None:
            return None
        total = self.held.total.sum(1)
        return self.held.alone.sum(1) / total.where(total > 0, torch.nan)

    @cached_property
    def lives(self) -> Lives:
        """Lives of all interactions over the informative checkpoints, each `(2, 2**n, samples)`."""
        return lives(self.own.signs[self.seen, :, :, 0], self.own.logs[self.seen])

    @cached_property
    def seen(self) -> Tensor:
        """Positions of the informative checkpoints; of all where there are fewer than two."""
        places = self.own.informative[:, 0].nonzero()[:, 0]
        return places if len(places) > 1 else torch.arange(len(self.own.steps))

    @cached_property
    def shared(self) -> Tensor:
        """Share of the reference networks that hold each interaction with the sign of its last presence.

        Without reference networks, of the other samples of its class where players are the same in all; NaN where not.
        """
        holders = self.references
        if holders is None and self.aligned:
            holders = of_same_class(self.own.signs[-1, :, :, 0], self.own.labels)
        nothing = torch.full(self.lives.last.shape, torch.nan, dtype=torch.float64)
        return nothing if holders is None else share_held(self.lives.sign, holders)

    @cached_property
    def histories(self) -> Tensor:
        """Life history of each interaction, `(2, 2**n, samples)`, see `lk.studies.life_history`.

        Where nobody tells what is held, only withdrawn, fluctuating and other are told apart.
        """
        return histories(self.lives, int((self.seen < self.border).sum()), self.shared)

    @cached_property
    def noise(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Fit of the theoretical curve to each checkpoint, see `fitted_noise`; the first axis is the checkpoint."""
        last = self.own.effects[-1, :, :, 0]
        found = [fitted_noise(effects[:, :, 0], last) for effects in self.own.effects]
        return tuple(torch.stack(part) for part in zip(*found, strict=True))  # type: ignore[return-value]

    @cached_property
    def confusion(self) -> Confusion:
        """Confusing samples of the checkpoint that is looked at."""
        at = self.checkpoint
        return confusion(self.own.effects[at, :, :, 0], self.own.chosen[at, :, :, 0], self.own.correct)

    def gap_at(self, places: Sequence[int]) -> Array:
        """Gap of the losses at some checkpoints, between epochs by straight lines; NaN before the first epoch ends."""
        epochs = np.array([self.own.epochs[place] for place in places])
        if not len(self.gap):
            return np.full(len(epochs), np.nan)
        found = np.interp(epochs, self.gap["epoch"], self.gap["gap"])
        return np.where(epochs >= self.gap["epoch"].min(), found, np.nan)


def key_of(run: Run) -> str:
    """The configuration without what seeds and folders change, as text."""
    config = run.config
    trained = {key: (config.get("trainer") or {}).get(key) for key in ("max_epochs", "max_steps")}
    return str([config["data"], config["model"], config.get("optimizer"), config.get("lr_scheduler"), trained])


def configurations(runs: Sequence[Run], extraction: str = "default", training: str = "train") -> list[Configuration]:
    """Runs grouped by configuration, read and checked.

    Args:
        runs: The runs.
        extraction: Name of the extraction.
        training: Name of an extraction of training samples, used where a run has it and players are the same in every
            sample.

    Raises:
        FileNotFoundError: A run has no such extraction.
        ValueError: A run is named twice, or runs of one configuration do not fit together.
    """
    if len({run.path.resolve() for run in runs}) < len(runs) or not runs:
        raise ValueError(f"expected different runs, got {', '.join(run.id for run in runs) or 'none'}. Name each once.")
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(key_of(run), []).append(run)
    found, names = [], set[str]()
    for own in grouped.values():
        name = f"{class_name(own[0].config['model'].get('network'))} on {class_name(own[0].config['data'])}"
        name = next(text for text in (name, *(f"{name} ({i})" for i in range(2, 99))) if text not in names)
        names.add(name)
        read = tuple(trajectory(run, extraction) for run in own)
        check_same_games(read)
        tables = [optional_table(run, "training") for run in own]
        gaps = tuple(loss_gap(pd.DataFrame(columns=["epoch", "quantity", "value"]) if t is None else t) for t in tables)
        aligned = all(same_players(run, extraction) for run in own)
        train = training_effects(own, training) if aligned else ()
        found.append(Configuration(name, extraction, tuple(own), read, gaps, aligned, train))
    return found


def training_effects(runs: Sequence[Run], training: str) -> tuple[dict[int, Tensor], ...]:
    """Output effects of training samples by step, of each run; empty where a run lacks them or players differ."""
    if not all(run.extracted(training) and same_players(run, training) for run in runs):
        return ()
    found = []
    for run in runs:
        stored = {step: Interactions.load(path) for step, path in run.extracted(training).items()}
        found.append({step: one.effects[:, :, one.output] for step, one in stored.items()})
    return tuple(found)
