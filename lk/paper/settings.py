"""Everything that Cheng et al. (ICML 2024) measure, for the networks of one data set; a study that is stopped goes on where it was."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from lk.extraction import Extraction
from lk.extraction.tables import KINDS, depths
from lk.games import Players
from lk.games.maskers import Masker
from lk.interactions import Interactions
from lk.metrics.comparison import shares
from lk.metrics.holm import holm
from lk.metrics.intervals import jackknife
from lk.metrics.sparsity_conditions import sparsity_conditions
from lk.paper.ablation import Ablation
from lk.paper.attributions import attributions
from lk.paper.controls import LEAN, Controls
from lk.paper.cost import cost, spent
from lk.paper.findings import findings
from lk.paper.generalisation import generalisation, stability_findings
from lk.paper.stability import Stability
from lk.paper.subject import Subject, subject
from lk.paper.verdicts import summary
from lk.probes import PaperSGD, Recipe
from lk.runs import Run
from lk.scores import Score
from lk.studies.averages import tidy
from lk.studies.flags import doubts
from lk.studies.ranking import ranked
from lk.studies.reading import highest_order, optional_table

Result = TypeVar("Result", pd.DataFrame, Interactions)

FIGURES = ("2", "3a", "3b", "4", "5", "6", "7", "8", "9", "10", "11", "12", "counts")


@dataclass(frozen=True)
class Architecture:
    """A network of the study.

    Args:
        name: As in the figures; the paper's own names (`MLP-7`, `ResNet-20`, `BERT`) also choose what is claimed for it.
        runs: Run folders, one per training seed.
        layers: Layers to read, from input to output; default the network's own list.
        probes: How the linear classifiers are fitted; default the unique optimum.
        batch_size: Masked samples per forward pass.
        published: The paper's own recipe for this network, for the control "published probes"; default that of MLP-7 on MNIST.
    """

    name: str
    runs: list[str]
    layers: list[str] | None = None
    probes: Recipe | None = None
    batch_size: int = 64
    published: PaperSGD | None = None


class Paper:
    """Settings of all studies on one data set, and the studies.

    Args:
        folder: Where figures, tables and the page go.
        networks: What is compared.
        players: Who can be absent.
        masker: What fills the gap; default the training mean.
        score: What the games are played for; default the log-odds of the true class.
        kappa: Bound of the residual, relative to |v(N) - v(empty)|.
        count: The paper's mean number of salient interactions per sample, for reference (21.8 for MNIST, 45.6 for CIFAR-10).
        stability: Noise on the input; none for text.
        ablation: Kappas and solvers.
        controls: Controls of the probes, and the opposite lean.
        explained: Positions of samples whose interactions are drawn beside Shapley values and integrated gradients.
        name: Name of the extraction inside each run.

    Raises:
        ValueError: No network is given, or two have one name.
    """

    def __init__(
        self,
        folder: str,
        networks: list[Architecture],
        players: Players,
        masker: Masker | None = None,
        score: Score | None = None,
        kappa: float = 0.04,
        count: float | None = None,
        stability: Stability | None = None,
        ablation: Ablation | None = None,
        controls: Controls | None = None,
        explained: list[int] | None = None,
        name: str = "paper",
    ) -> None:
        names = [network.name for network in networks]
        if not networks or len(set(names)) < len(names) or not all(network.runs for network in networks):
            raise ValueError(
                f"Given networks {names}; expected at least one, each with a name of its own and at least one run."
            )
        self.folder, self.networks, self.players, self.masker, self.score = (
            Path(folder),
            networks,
            players,
            masker,
            score,
        )
        self.kappa, self.count, self.name, self.explained = kappa, count, name, explained or [0]
        self.stability, self.ablation, self.controls = stability, ablation or Ablation(), controls or Controls()

    def extraction(self, network: Architecture) -> Extraction:
        """How a network is read."""
        return Extraction(
            self.players, self.masker, self.score, network.probes, layers=network.layers, kappa=self.kappa, batch_size=network.batch_size,
            name=self.name,
        )  # fmt: skip

    def runs(self) -> dict[str, list[Run]]:
        """The runs of each network; a missing folder is an error before any work."""
        return {network.name: [Run(path) for path in network.runs] for network in self.networks}

    def subjects(
        self, trust: bool = False, data_dir: str | None = None, say: Callable[[str], None] = lambda _: None
    ) -> "dict[str, list[Subject]]":
        """Read every run: probes, games and interactions of its last checkpoint."""
        self.runs()
        found: dict[str, list[Subject]] = {}
        for network in self.networks:
            for path in network.runs:
                start = time.perf_counter()
                own = subject(Run(path), self.extraction(network), trust, data_dir)
                found.setdefault(network.name, []).append(own)
                say(
                    f"{network.name}, {own.run.id}: {len(own.samples.y)} samples, 2^{own.n} masked samples each, {time.perf_counter() - start:.0f} s"
                )
        return found


class Studied:
    """The studies on subjects that are read; each table is made when it is first asked for.

    Args:
        paper: The settings.
        subjects: Name of each network to the subjects of its runs.
        say: Says what was done.
    """

    def __init__(
        self, paper: Paper, subjects: dict[str, list[Subject]], say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.paper, self.subjects, self.say = paper, subjects, say
        self.spent: list[dict[str, Any]] = []
        self.n = next(iter(subjects.values()))[0].n

    def __iter__(self) -> Iterator[tuple[str, Subject]]:
        for name, own in self.subjects.items():
            yield from ((name, each) for each in own)

    def timed(
        self, study: str, network: str, one: Subject, make: Callable[[Subject], Result], played: int = 0
    ) -> Result:
        """One study of one run; what it took is kept for the table of costs, and said where it was not stored.

        Args:
            study: Its name.
            network: Name of the network.
            one: The run.
            make: Makes the study's table or interactions, or reads them.
            played: How many masked samples it passes through the network.
        """
        start = time.perf_counter()
        made = make(one)
        if (now := time.perf_counter() - start) > 2:
            self.say(f"{study}, {one.run.id}: {now:.0f} s")
        self.spent.append(spent(study, network, one, made, played))
        return made

    # ---- one network at a time
    @cached_property
    def accuracy(self) -> pd.DataFrame:
        """Test accuracy of the output and of every layer's classifier: network, run, layer, depth, accuracy, chance, samples."""
        parts = []
        for name, one in self:
            table = optional_table(one.run, "probes")
            if table is not None:
                own = table[table["step"] == one.step]
                parts.append(own.assign(network=name, run=one.run.id))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    @cached_property
    def games(self) -> pd.DataFrame:
        """All games of the last checkpoints, one row per layer and sample, with both salient counts."""
        parts = [
            one.run.read_table(f"{self.paper.name}/games")
            .query("step == @one.step")
            .assign(network=name, run=one.run.id)
            for name, one in self
        ]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def strengths(self) -> pd.DataFrame:
        """Strengths at the output in descending order (figure 2)."""
        parts = []
        for name, own in self.subjects.items():
            # One seed: the curve of a network, not of an average of networks.
            frame = ranked(own[0].interactions)
            frame = frame[frame["layer"] == "output"]
            parts.append(frame.assign(network=name, tau=own[0].extraction.salience_ratio))
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def shares(self) -> pd.DataFrame:
        """Overlap, forgotten, new, completeness and redundancy by layer and order, mean over runs (figures 3 and 7).

        The four highest orders are left out, as in the paper; order 0 is all orders together, these four too.
        """
        parts = []
        for name, own in self.subjects.items():
            marks = pd.concat(
                [
                    doubts(one.run.read_table(f"{self.paper.name}/games"), optional_table(one.run, "probes"))
                    for one in own
                ]
            )
            bad = set(marks.loc[marks["marked"], "layer"])
            first = own[0].interactions
            hidden, last = first.layers[:-1], first.output
            weights = jackknife(first.n_samples)
            found = [shares(one.interactions, range(last), one.interactions, [last] * last, weights) for one in own]
            for quantity in ("overlap", "forgotten", "new", "completeness", "redundancy"):
                each = np.stack([getattr(one, quantity) for one in found], 1)
                axes = {"kind": (*KINDS, "both"), "order": range(first.n_players + 1), "layer": hidden}
                frame = tidy(each.mean(1), axes, first.n_samples, [each[0]])
                frame["marked"] = [layer in bad for layer in frame["layer"]]
                parts.append(
                    frame.assign(
                        network=name, quantity=quantity, depth=frame["layer"].map(depths(first.layers)), seeds=len(own)
                    )
                )
        table = pd.concat(parts, ignore_index=True)
        return table[table["order"] <= highest_order(self.n)].reset_index(drop=True)

    @cached_property
    def stability(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Stability by order, and finding 7 (figures 5 and 9); empty where the study has no noise."""
        settings, curves, found = self.paper.stability, [], []
        if settings is None:
            return pd.DataFrame(), pd.DataFrame()
        for name, own in self.subjects.items():
            if settings.networks is not None and name not in settings.networks:
                continue
            tables = [
                self.timed("stability", name, one, settings.measure, settings.played(one))
                for one in own[: settings.seeds]
            ]
            curve, finding = stability_findings(name, tables, self.n)
            curves.append(curve)
            found.append(finding)
        return pd.concat(curves, ignore_index=True), pd.concat(found, ignore_index=True)

    @cached_property
    def noise_share(self) -> pd.DataFrame:
        """The control of stability (figure 12): the same for all networks, as it is about inputs alone."""
        settings = self.paper.stability
        one = next(iter(self.subjects.values()))[0]
        return settings.shares(one) if settings is not None else pd.DataFrame()

    @cached_property
    def kappas(self) -> pd.DataFrame:
        """Salient counts at every kappa, per sample, of the first run of each network."""
        parts = [
            self.timed("kappas", name, own[0], lambda one: self.paper.ablation.along(one)[1]).assign(
                network=name, run=own[0].run.id
            )
            for name, own in self.subjects.items()
        ]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def solvers(self) -> pd.DataFrame:
        """Salient counts by solver, per sample, of the first run of each network."""
        parts = [
            self.timed("solvers", name, own[0], self.paper.ablation.by_solver).assign(network=name, run=own[0].run.id)
            for name, own in self.subjects.items()
        ]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """Effects at every kappa in one order (figure 11)."""
        parts = [self.paper.ablation.ranked(own[0]).assign(network=name) for name, own in self.subjects.items()]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def attributions(self) -> pd.DataFrame:
        """Interactions beside Shapley values and integrated gradients (figure 6)."""
        parts = [attributions(own[0], self.paper.explained).assign(network=name) for name, own in self.subjects.items()]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def sparsity(self) -> pd.DataFrame:
        """The sparsity theorem's conditions on each game at the intermediate layer and the output."""
        parts = []
        for name, one in self:
            for place, layer in one.places.items():
                found = sparsity_conditions(one.values[:, layer].double())
                half = one.n // 2
                parts.append(
                    pd.DataFrame(
                        {
                            "strength_above_half": found.above[half].numpy(), "monotone": found.monotone.numpy(),
                            "violation": found.violation.numpy(), "p": found.power.numpy(), "sample": one.samples.index.tolist(),
                        }
                    ).assign(network=name, run=one.run.id, place=place)
                )  # fmt: skip
        return pd.concat(parts, ignore_index=True)

    # ---- all networks together
    @cached_property
    def agreement(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """IoU and signed Jaccard by order of all pairs, and finding 6 (figures 4 and 8)."""
        return generalisation({name: [one.interactions for one in own] for name, own in self.subjects.items()})

    @cached_property
    def controlled(self) -> dict[str, dict[str, tuple[list[Interactions], list[Interactions]]]]:
        """Network to control to the interactions of each run under it, and the real ones on the same samples."""
        settings, published = self.paper.controls, {network.name: network.published for network in self.paper.networks}
        found: dict[str, dict[str, tuple[list[Interactions], list[Interactions]]]] = {}
        for name, own in self.subjects.items():
            found[name] = {}
            for control in settings.names if settings.networks is None or name in settings.networks else ():
                # One run tells; a control of every seed would double the work of the study.
                places = settings.places(own[0], control)
                played = 0 if control == LEAN else len(places) * 2**self.n
                read = partial(settings.interactions, name=control, published=published[name])
                under = self.timed(control, name, own[0], read, played)
                found[name][control] = ([under], [own[0].interactions.select(places)])
        return found

    @cached_property
    def findings(self) -> pd.DataFrame:
        """All parts of the eight findings, with intervals and controls; p is corrected over all that is measured on the page."""
        parts = [
            findings(name, [one.interactions for one in own], self.controlled[name], own[0].inputs)
            for name, own in self.subjects.items()
        ]
        table = pd.concat([*parts, self.agreement[1], self.stability[1]], ignore_index=True)
        leaning = {name: under[LEAN][0] for name, under in self.controlled.items() if LEAN in under}
        if len(leaning) > 1:
            table = pd.concat([table, generalisation(leaning)[1].assign(condition=LEAN)], ignore_index=True)
        measured = (table["condition"] == "as measured") & table["p"].notna()
        table.loc[measured, "p_holm"] = holm(table.loc[measured, "p"].tolist())
        return table.sort_values("finding", kind="stable").reset_index(drop=True)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """One row per finding and network: the verdict, and whether it survives each control."""
        return summary(self.findings)

    @property
    def cost(self) -> pd.DataFrame:
        """What every study took that was asked for so far (see `lk.paper.cost`)."""
        return cost(self.spent, list(self))
