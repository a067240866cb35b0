"""The figures of Cheng et al. (ICML 2024) with our data, each with its Parquet table, and the page that holds them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lk.metrics.intervals import SEEDS
from lk.pages.glossary import GLOSSARY, METHOD, STUDY_GLOSSARY
from lk.pages.page import Gallery, Section, render
from lk.paper import plots, sparsity_plots
from lk.paper.attributions import player_names
from lk.paper.page_tables import (
    accuracy_rows,
    claim_rows,
    cost_rows,
    count_rows,
    count_settings,
    sparsity_rows,
    verdict_rows,
)
from lk.paper.studies import PaperStudies
from lk.paper.verdicts import held
from lk.storage.files import writing
from lk.studies.run_facts import highest_order
from lk.studies.verdict import HOLDS
from lk.text import significant


class Drawing:
    """Draws the figures that were asked for; a study runs when its first figure needs it.

    Args:
        studies: The studies.
        figures: Numbers of the figures in the paper, and `counts`.
    """

    def __init__(self, studies: PaperStudies, figures: Sequence[str]) -> None:
        self.studies, self.figures, self.folder = studies, figures, studies.paper.folder
        self.gallery = Gallery(self.folder / "figures")

    def keep(self, name: str, table: pd.DataFrame) -> pd.DataFrame:
        """The table of a figure, written beside it."""
        with writing(self.folder / "tables" / f"{name}.parquet") as temporary:
            table.to_parquet(temporary, index=False)
        return table

    def hang(self, section: Section, name: str, title: str, caption: str, figure: Figure) -> None:
        """One figure."""
        self.gallery.hang(section, f"figure-{name}", title, caption, figure)

    def wanted(self, *figures: str) -> list[str]:
        """Those of the figures that were asked for."""
        return [figure for figure in figures if figure in self.figures]

    # ---- sections
    def sparsity(self) -> Section:
        """Figure 2, and what the number of salient interactions depends on."""
        section, studies = Section("How many interactions are salient"), self.studies
        if self.wanted("2"):
            self.hang(
                section,
                "2",
                "The paper's figure 2: strengths in descending order",
                "All AND and OR effects at the output, of all samples of the first run of each network, relative to "
                "the strongest of their sample. Above the line they are salient.",
                sparsity_plots.paper_strengths(self.keep("figure-2", studies.strengths)),
            )
        if self.wanted("counts"):
            table = self.keep("counts", count_settings(studies))
            section.table(("network", "setting", "", "mean", "median", "middle half", "n"), list(count_rows(table)))
            self.hang(
                section,
                "counts",
                "The number of salient interactions by threshold, kappa and solver",
                "One point per sample, at the output."
                + (" The line is the paper's mean." if studies.paper.count else ""),
                sparsity_plots.paper_counts(table),
            )
            section.table(
                ("network", "layer", "strength above order n/2 (median)", "monotone (A2)", "p of A3 (median)", "games"),
                sparsity_rows(self.keep("sparsity", studies.sparsity)),
                "The three conditions of the sparsity theorem (Ren et al., ICLR 2024), checked on every game; AND "
                "effects alone.",
            )
        if self.wanted("11"):
            frame = studies.ranked
            self.keep("figure-11", frame)
            for network, own in frame.groupby("network", sort=False):
                self.hang(
                    section,
                    f"11-{slug(str(network))}",
                    f"The paper's figure 11: effects at several kappas, {network}",
                    "Effects at the output that are salient at one of the kappas, sorted by their value at the "
                    "extraction's own.",
                    sparsity_plots.paper_kappa(own),
                )
        return section

    def layers(self) -> Section:
        """Figures 3, 7 and 10."""
        section = Section("What layers share with the output, forget, and form anew")
        # The paper's figure 10 is figure 3 of a network on a table.
        for kind, overlap, ratios in (
            ("and", self.wanted("3a", "10"), self.wanted("3b", "10")),
            ("or", self.wanted("7"), self.wanted("7")),
        ):
            if overlap or ratios:
                table = self.keep("figure-3-7", self.studies.shares)
            number = {"and": ("3a", "3b"), "or": ("7a", "7b")}[kind]
            if overlap:
                self.hang(
                    section,
                    number[0],
                    f"The paper's figure {number[0]}: overlapping, forgotten, newly emerged ({kind.upper()})",
                    "Salient strength of each order, relative to the layer's mean |v(N) − v(∅)|, against the output of "
                    "the same network.",
                    plots.paper_overlap(table, kind),
                )
            if ratios:
                self.hang(
                    section,
                    number[1],
                    f"The paper's figure {number[1]}: completeness and redundancy ({kind.upper()})",
                    "Completeness: share of the output's strength that the layer holds. Redundancy: share of the "
                    "layer's strength that the output lacks.",
                    plots.paper_ratios(table, kind),
                )
        return section

    def networks(self) -> Section:
        """Figures 4 and 8."""
        section = Section("Do networks agree")
        if not self.wanted("4", "8"):
            return section
        table = self.keep("figure-4-8", self.studies.agreement[0])
        if not len(table):
            section.text.append(
                "One network, or no two samples that two networks both classify correctly: nothing to compare."
            )
            return section
        iou = table[(table["quantity"] == "iou") & (table["order"] <= highest_order(self.studies.n))]
        for figure, kind in zip(
            self.wanted("4", "8"), [k for k, f in (("and", "4"), ("or", "8")) if self.wanted(f)], strict=True
        ):
            self.hang(
                section,
                figure,
                f"The paper's figure {figure}: agreement of networks by order ({kind.upper()})",
                "Intersection over union of the salient sets, on the samples that both networks of a pair "
                "classify correctly.",
                plots.paper_agreement(iou, kind),
            )
        return section

    def noise(self) -> Section:
        """Figures 5, 9 and 12."""
        section = Section("Which interactions survive noise")
        if self.studies.paper.stability is None:
            section.text.append("No noise was added: inputs are no real numbers, or the study has no `stability`.")
            return section
        if self.wanted("5", "9"):
            table = self.keep("figure-5-9", self.studies.stability_by_order[0])
            shown = table[table["order"] <= highest_order(self.studies.n)]
            for figure, kind in (("5", "and"), ("9", "or")):
                if self.wanted(figure):
                    self.hang(
                        section,
                        figure,
                        f"The paper's figure {figure}: stability by order ({kind.upper()})",
                        f"Gaussian noise of deviation {significant(self.studies.paper.stability.sigma)} on the input, "
                        f"{self.studies.paper.stability.draws} draws per sample; salient sets of the clean samples; "
                        "first run of each network.",
                        plots.paper_stability(shown[shown["lean"] == "low"], kind),
                    )
        if self.wanted("12"):
            self.hang(
                section,
                "12",
                "The paper's figure 12: how large the noise is",
                "The control: noise on a coalition relative to the coalition itself.",
                plots.paper_noise_share(self.keep("figure-12", self.studies.noise_share)),
            )
        return section

    def single(self) -> Section:
        """Figure 6."""
        section = Section("Interactions beside other attributions")
        if not self.wanted("6"):
            return section
        table = self.keep("figure-6", self.studies.attributions)
        for network, own in self.studies.checkpoints.items():
            for place in self.studies.paper.explained:
                rows = table[(table["network"] == network) & (table["sample"] == int(own[0].samples.index[place]))]
                self.hang(
                    section,
                    f"6-{slug(network)}-{place}",
                    f"The paper's figure 6: {network}, test sample {int(own[0].samples.index[place])}",
                    "The strongest interactions, Shapley values of the same game, and integrated gradients from the "
                    "masked sample.",
                    plots.paper_attributions(rows, player_names(own[0], place)),
                )
        return section

    def accuracy(self) -> Section:
        """Test and probe accuracy."""
        section, table = Section("The networks, and what their layers' classifiers know"), self.studies.accuracy
        if len(table):
            self.keep("accuracy", table)
            section.table(
                ("network", "seeds", "test accuracy", "accuracy of the layers' classifiers (%)"),
                accuracy_rows(table),
            )
        games = self.studies.games
        section.text.append(
            f"{len(games):,} games of {self.studies.n} players; {int(games['certified'].sum()):,} of the "
            "decompositions are certified."
        )
        return section

    def cost(self) -> Section:
        """What the studies of this page took; asked for last, when they are done."""
        section, cost = Section("What it took"), self.keep("cost", self.studies.cost(bool(self.wanted("counts"))))

        section.table(
            (
                "network",
                "run",
                "study",
                "masked samples",
                "wall time (s)",
                "playing (s)",
                "masked samples per second",
                "bare forward loop, per second",
            ),
            cost_rows(cost),
            "Per second: while the network is passed; the rest is decomposition and fitting. The bare loop was timed "
            "when this page was made.",
        )
        return section

    def findings(self) -> Section:
        """The eight findings, with their intervals and controls."""
        section = Section("The paper's findings")
        table, verdicts = self.keep("findings", self.studies.findings), self.keep("verdicts", self.studies.verdicts)
        controls = [
            name
            for name in verdicts.columns
            if name not in ("finding", "network", "verdict", "after_holm", "n", "seeds")
        ]
        section.table(
            ("finding", "network", "seeds", "n", "verdict", "after Holm", *controls),
            verdict_rows(verdicts, controls),
            f"A part holds where the 95 % interval of its contrast lies above zero. {METHOD} The variance over seeds "
            f"is added where there are {SEEDS} or more. After Holm: a part that does not stand when p is "
            "corrected for all parts of this page counts as undecided. A finding that holds survives random labels and "
            "the untrained network where it exceeds what they show; under the other controls the verdict is given "
            "anew. Controls are read in one run of each network. n: samples; for IoU and stability those that have low "
            "and high orders to compare.",
        )
        section.table(
            ("finding", "claim", "network", "contrast (95 % interval)", "verdict", *controls),
            claim_rows(table, controls),
            "Every contrast is above zero where the claim holds. Random labels and untrained network: by how much the "
            "contrast exceeds the one they show; other controls: the contrast itself.",
        )
        return section


def slug(name: str) -> str:
    """A name as part of a file name."""
    return "".join(c if c.isalnum() else "-" for c in name.lower())


def write_paper(studies: PaperStudies, figures: Sequence[str]) -> Path:
    """Draw the figures that are asked for, and write the page.

    Args:
        studies: The studies; each is run when a figure first needs it.
        figures: Their numbers in the paper, and `counts`.

    Returns:
        The HTML file, `report.html` in the study's folder.
    """
    drawing = Drawing(studies, figures)
    sections = [
        part()
        for part in (
            drawing.accuracy,
            drawing.sparsity,
            drawing.layers,
            drawing.networks,
            drawing.noise,
            drawing.single,
        )
    ]
    answers = []
    # The findings need every study; a single figure is drawn without them.
    if set(figures) >= {"3a", "4"}:
        sections.insert(0, drawing.findings())
        sections.append(drawing.cost())
        answers = list(held(studies.verdicts))
        count = int((studies.verdicts["after_holm"] == HOLDS).sum())
        answers.insert(
            0,
            f"{count} of {len(studies.verdicts)} verdicts on the paper's findings are positive after Holm's "
            "correction.",
        )
    names = ", ".join(f"{name} ({len(own)} seed{'s' * (len(own) != 1)})" for name, own in studies.checkpoints.items())
    shown = [section for section in sections if section.text or section.tables or section.pictures]
    return render(
        studies.paper.folder / "report.html",
        title=f"Layerwise change of knowledge: {studies.paper.folder.name}",
        subtitle=names,
        answers=answers or ["Some figures only: the findings need all of them."],
        sections=shown,
        config="",
        glossary={**GLOSSARY, **STUDY_GLOSSARY},
    )
