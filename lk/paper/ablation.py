"""Salient interactions of the same games under other kappas, solvers, tie-breaks and thresholds.

They show whether the number is a property of the network or of the solver.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from lk.decomposition import Decomposition, decompose, decompose_path
from lk.interactions import salient
from lk.paper.final_checkpoint import FinalCheckpoint, evenly
from lk.paper.stored_results import Result, stored_table, stored_tensors
from lk.transforms import number_of_players

SOLVERS: dict[str, dict[str, Any]] = {
    "canonical": {},
    "opposite lean": {"tie_break": "high"},
    "vertex": {"method": "path", "canonical": False},
    "no canonical rule": {"canonical": False, "tie_break": "none"},
    "published": {"method": "sgd"},
}
RANKS = 400


@dataclass(frozen=True)
class Ablation:
    """Settings of the study; it works on stored values and passes nothing through a network.

    Args:
        kappas: Bounds of the residual, relative to |v(N) - v(empty)|, for the canonical answer.
        solvers: Ways to decompose at the extraction's own kappa, among those of `SOLVERS`.
        samples: How many samples the solvers get, evenly spread.
        games: How many samples the kappas get, evenly spread; default all. At kappa = 0 a game of 12 players takes
            seconds.

    Raises:
        ValueError: A solver is unknown, or a kappa negative.
    """

    kappas: tuple[float, ...] = (0.0, 0.03, 0.04, 0.05)
    solvers: tuple[str, ...] = tuple(SOLVERS)
    samples: int = 20
    games: int | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.solvers if name not in SOLVERS]
        if unknown or not self.kappas or min(self.kappas) < 0 or self.samples < 1:
            raise ValueError(
                f"expected kappas of at least 0, solvers among {', '.join(SOLVERS)}, and at least 1 sample, got "
                f"kappas={list(self.kappas)}, solvers={list(self.solvers)}, samples={self.samples}. Leave them out for "
                "the defaults."
            )

    def along(self, final: FinalCheckpoint) -> tuple[Tensor, Result]:
        """The canonical answer at every kappa, by the path, for the output's games; stored once computed.

        Returns:
            Effects `(kappas, 2, 2**n, samples)`, and one row per kappa and sample: kappa, place, sample and the columns
            of `rows`.
        """
        kappas = "-".join(f"{kappa:g}" for kappa in self.kappas) + (f"-games={self.games}" if self.games else "")
        name = f"ablation/kappas={kappas}.safetensors"
        place, layer = list(final.places.items())[-1]
        total = len(final.samples.y)
        places = evenly(total, self.games or total)
        own = self.kappas.index(min(self.kappas, key=lambda kappa: abs(kappa - final.extraction.kappa)))

        settings = {"kappas": list(self.kappas), "games": self.games}
        found: list[Decomposition] = []

        def compute_effects() -> dict[str, Tensor]:
            found.extend(decompose_path(final.values[:, layer, places], list(self.kappas), final.extraction.gap))
            return {"effects": torch.stack([stacked(answer) for answer in found]).float()}

        def compute_table() -> Result:
            if not found:
                compute_effects()
            parts = [
                rows(answer, found[own], final).assign(
                    kappa=kappa, place=place, sample=final.samples.index[places].tolist()
                )
                for kappa, answer in zip(self.kappas, found, strict=True)
            ]
            return Result(pd.concat(parts, ignore_index=True), {})

        effects = stored_tensors(final, name, settings, compute_effects)["effects"]
        if found:  # both are of one decomposition
            final.run.table(f"{final.extraction.name}/kappas").unlink(missing_ok=True)
        return effects, stored_table(final, "kappas", settings, compute_table)

    def ranked(self, final: FinalCheckpoint) -> pd.DataFrame:
        """Effects at the output at every kappa, in the order that the extraction's own kappa gives.

        The paper's figure 11.

        Effects are relative to their sample's strongest; those that are salient at no kappa are left out.

        Returns:
            Columns kappa, rank (divided by the number of samples), effect, place, n.
        """
        effects, (table, _) = self.along(final)
        own = self.kappas.index(min(self.kappas, key=lambda kappa: abs(kappa - final.extraction.kappa)))
        scaled = (effects / effects[own].abs().amax((0, 1))).flatten(1)
        # Most effects are zero at every kappa: the flat middle of the curve is left out.
        seen = scaled[:, (scaled.abs() > final.interactions.salience_ratio).any(0)]
        order = seen[own].sort(descending=True, stable=True).indices
        shown = torch.linspace(0, max(len(order) - 1, 0), min(RANKS, len(order))).round().long()
        samples = effects.shape[-1]
        parts = [
            pd.DataFrame({"rank": (shown + 1).numpy() / samples, "effect": found[order[shown]].numpy(), "kappa": kappa})
            for kappa, found in zip(self.kappas, seen, strict=True)
        ]
        return pd.concat(parts, ignore_index=True).assign(place=table["place"].iloc[0], n=samples)

    def by_solver(self, final: FinalCheckpoint) -> Result:
        """Every solver on the output's games of some samples.

        Returns:
            Columns solver, place, sample, per_sample and per_layer (salient interactions under either threshold; the
            latter is taken over these samples), objective, agreement (intersection over union with the canonical
            salient set), certified.
        """

        def compute() -> Result:
            places = evenly(len(final.samples.y), self.samples)
            name, layer = list(final.places.items())[-1]
            values, parts = final.values[:, layer, places], []
            reference = decompose(values, final.extraction.kappa, final.extraction.gap)
            for solver in self.solvers:
                found = reference if solver == "canonical" else solved(values, final, solver)
                parts.append(
                    rows(found, reference, final).assign(
                        solver=solver, place=name, sample=final.samples.index[places].tolist()
                    )
                )
            return Result(pd.concat(parts, ignore_index=True), {})

        settings = {"solvers": list(self.solvers), "samples": self.samples}
        return stored_table(final, "solvers", settings, compute)


def solved(values: Tensor, final: FinalCheckpoint, solver: str) -> Decomposition:
    """One solver's answer; the published rule proves nothing, and says nothing about it here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*games are not proven")
        return decompose(values, final.extraction.kappa, final.extraction.gap, **SOLVERS[solver])


def stacked(found: Decomposition) -> Tensor:
    """Both kinds, `(2, 2**n, samples)`, with the empty coalition set to 0."""
    both = torch.stack([found.and_, found.or_])
    both[:, 0] = 0
    return both


def rows(found: Decomposition, reference: Decomposition, final: FinalCheckpoint) -> pd.DataFrame:
    """Counts, objective and agreement of each sample."""
    ratio = final.interactions.salience_ratio
    effects = stacked(found)
    chosen, chosen_other = salient(effects, ratio), salient(stacked(reference), ratio)
    either = (chosen | chosen_other).sum((0, 1))
    return pd.DataFrame(
        {
            "per_sample": chosen.sum((0, 1)).numpy(),
            "per_layer": salient(effects, ratio, "per_layer").sum((0, 1)).numpy(),
            "objective": found.objective.numpy(),
            "agreement": ((chosen & chosen_other).sum((0, 1)) / either.where(either > 0, torch.nan)).numpy(),
            "certified": found.certified.numpy(),
            "possible": 2 * (len(found.and_) - 1) - number_of_players(found.and_),
        }
    )
