"""The studies of Cheng et al. (ICML 2024) on the networks of one data set; a stopped study resumes where it was."""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
import pandas as pd

from lk.extraction.tables import KINDS, depths
from lk.interactions import Interactions
from lk.metrics.comparison import shares
from lk.metrics.holm import holm
from lk.metrics.intervals import jackknife
from lk.metrics.sparsity_conditions import sparsity_conditions
from lk.paper.attributions import attributions
from lk.paper.controls import LEAN
from lk.paper.cost import cost, spent
from lk.paper.final_checkpoint import FinalCheckpoint
from lk.paper.findings import findings
from lk.paper.generalisation import generalisation, stability_findings
from lk.paper.settings import Paper
from lk.paper.stored_results import Result
from lk.paper.verdicts import verdict_table
from lk.studies.averages import tidy
from lk.studies.low_signal import low_signal
from lk.studies.ranking import ranked
from lk.studies.run_facts import highest_order, optional_table

R = TypeVar("R")


class PaperStudies:
    """The studies on the final checkpoints of a data set's networks; each table is computed on first access.

    Args:
        paper: The settings.
        checkpoints: Name of each network to the final checkpoints of its runs.
        say: Called with a line for every study that took more than two seconds.
    """

    def __init__(
        self, paper: Paper, checkpoints: dict[str, list[FinalCheckpoint]], say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.paper, self.checkpoints, self.say = paper, checkpoints, say
        self.n = next(iter(checkpoints.values()))[0].n

    def __iter__(self) -> Iterator[tuple[str, FinalCheckpoint]]:
        for name, own in self.checkpoints.items():
            yield from ((name, final) for final in own)

    @property
    def first(self) -> dict[str, FinalCheckpoint]:
        """The first run of each network."""
        return {name: own[0] for name, own in self.checkpoints.items()}

    def announced(self, study: str, final: FinalCheckpoint, compute: Callable[[FinalCheckpoint], R]) -> R:
        """What a study of one run computes or reads; said where it took more than two seconds."""
        start = time.perf_counter()
        found = compute(final)
        if (seconds := time.perf_counter() - start) > 2:
            self.say(f"{study}, {final.run.id}: {seconds:.0f} s")
        return found

    def by_network(self, tables: Mapping[str, pd.DataFrame], run: bool = False) -> pd.DataFrame:
        """Tables of the first run of each network as one, with the column network, and run if asked for."""
        named = ({"network": name, "run": self.first[name].run.id} if run else {"network": name} for name in tables)
        parts = [table.assign(**columns) for table, columns in zip(tables.values(), named, strict=True)]
        return pd.concat(parts, ignore_index=True)

    # ---- one network at a time
    @cached_property
    def accuracy(self) -> pd.DataFrame:
        """Test accuracy of the output and of every layer's classifier.

        Network, run, layer, depth, accuracy, chance, samples.
        """
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
        for name, own in self.checkpoints.items():
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
        for name, own in self.checkpoints.items():
            marks = pd.concat(
                [
                    low_signal(one.run.read_table(f"{self.paper.name}/games"), optional_table(one.run, "probes"))
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
    def noisy(self) -> dict[str, list[Result]]:
        """Tables of the stability study: those of the first runs of each network that gets it.

        Empty without the study.
        """
        settings = self.paper.stability
        if settings is None:
            return {}
        return {
            name: [self.announced("stability", final, settings.measure) for final in own[: settings.seeds]]
            for name, own in self.checkpoints.items()
            if settings.networks is None or name in settings.networks
        }

    @cached_property
    def stability_by_order(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Stability by order, and finding 7 (figures 5 and 9); empty without the study."""
        found = [
            stability_findings(name, [result.table for result in results], self.n)
            for name, results in self.noisy.items()
        ]
        if not found:
            return pd.DataFrame(), pd.DataFrame()
        curves, findings_ = zip(*found, strict=True)
        return pd.concat(curves, ignore_index=True), pd.concat(findings_, ignore_index=True)

    @cached_property
    def noise_share(self) -> pd.DataFrame:
        """The control of stability (figure 12): the same for all networks, because it concerns inputs alone."""
        settings = self.paper.stability
        return settings.shares(next(iter(self.first.values()))) if settings is not None else pd.DataFrame()

    @cached_property
    def kappa_results(self) -> dict[str, Result]:
        """Salient counts at every kappa, per sample, of the first run of each network."""
        along = self.paper.ablation.along
        return {name: self.announced("kappas", final, along)[1] for name, final in self.first.items()}

    @property
    def kappas(self) -> pd.DataFrame:
        """`kappa_results` as one table."""
        return self.by_network({name: result.table for name, result in self.kappa_results.items()}, run=True)

    @cached_property
    def solver_results(self) -> dict[str, Result]:
        """Salient counts by solver, per sample, of the first run of each network."""
        by_solver = self.paper.ablation.by_solver
        return {name: self.announced("solvers", final, by_solver) for name, final in self.first.items()}

    @property
    def solvers(self) -> pd.DataFrame:
        """`solver_results` as one table."""
        return self.by_network({name: result.table for name, result in self.solver_results.items()}, run=True)

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """Effects at every kappa in one order (figure 11)."""
        return self.by_network({name: self.paper.ablation.ranked(final) for name, final in self.first.items()})

    @cached_property
    def attributions(self) -> pd.DataFrame:
        """Interactions beside Shapley values and integrated gradients (figure 6)."""
        chosen = self.paper.explained
        return self.by_network({name: attributions(final, chosen) for name, final in self.first.items()})

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
                            "strength_above_half": found.above[half].numpy(),
                            "monotone": found.monotone.numpy(),
                            "violation": found.violation.numpy(),
                            "p": found.power.numpy(),
                            "sample": one.samples.index.tolist(),
                        }
                    ).assign(network=name, run=one.run.id, place=place)
                )
        return pd.concat(parts, ignore_index=True)

    # ---- all networks together
    @cached_property
    def agreement(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """IoU and signed Jaccard by order of all pairs, and finding 6 (figures 4 and 8)."""
        return generalisation({name: [one.interactions for one in own] for name, own in self.checkpoints.items()})

    @cached_property
    def controlled(self) -> dict[str, dict[str, tuple[list[Interactions], list[Interactions]]]]:
        """Network to control to the interactions of each run under it, and the real ones on the same samples."""
        settings, published = self.paper.controls, {network.name: network.published for network in self.paper.networks}
        found: dict[str, dict[str, tuple[list[Interactions], list[Interactions]]]] = {}
        for name, own in self.checkpoints.items():
            found[name] = {}
            for control in settings.names if settings.networks is None or name in settings.networks else ():
                # One run tells; a control of every seed would double the work of the study.
                places = settings.places(own[0], control)
                compute = partial(settings.interactions, name=control, published=published[name])
                under = self.announced(control, own[0], compute)
                found[name][control] = ([under], [own[0].interactions.select(places)])
        return found

    @cached_property
    def findings(self) -> pd.DataFrame:
        """All parts of the eight findings, with intervals and controls.

        p is corrected over all that is measured on the page.
        """
        parts = [
            findings(name, [one.interactions for one in own], self.controlled[name], own[0].inputs)
            for name, own in self.checkpoints.items()
        ]
        table = pd.concat([*parts, self.agreement[1], self.stability_by_order[1]], ignore_index=True)
        leaning = {name: under[LEAN][0] for name, under in self.controlled.items() if LEAN in under}
        if len(leaning) > 1:
            table = pd.concat([table, generalisation(leaning)[1].assign(condition=LEAN)], ignore_index=True)
        measured = (table["condition"] == "as measured") & table["p"].notna()
        table.loc[measured, "p_holm"] = holm(table.loc[measured, "p"].tolist())
        return table.sort_values("finding", kind="stable").reset_index(drop=True)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """One row per finding and network: the verdict, and whether it survives each control."""
        return verdict_table(self.findings)

    def cost(self, ablation: bool = True) -> pd.DataFrame:
        """What the studies took (see `lk.paper.cost`).

        Args:
            ablation: Whether kappas and solvers are among them.
        """
        rows = []
        for name, results in self.noisy.items():
            for final, result in zip(self.checkpoints[name], results, strict=False):  # the first runs only
                assert self.paper.stability is not None
                rows.append(spent("stability", name, final, result.seconds, self.paper.stability.played(final)))
        for name, controls in self.controlled.items():
            for control, ((under,), _) in controls.items():
                played = 0 if control == LEAN else under.n_samples * 2**self.n
                rows.append(spent(control, name, self.first[name], under.origin.seconds, played))
        if ablation:
            for study, found in (("kappas", self.kappa_results), ("solvers", self.solver_results)):
                rows += [spent(study, name, self.first[name], result.seconds) for name, result in found.items()]
        return cost(rows, list(self))
