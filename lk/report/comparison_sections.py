"""Further sections of a comparison of runs, one question each."""

import numpy as np
import pandas as pd

from lk import charts, plots
from lk.extraction.tables import KINDS
from lk.games import OUTPUT
from lk.metrics.intervals import SEEDS
from lk.pages.glossary import METHOD
from lk.pages.page import Section
from lk.plots.style import of_samples, wide
from lk.report.comparison_start import DEPTH, EPOCH, Figures, panel
from lk.studies.alignment import SAME, Aligned
from lk.studies.grouping import seeded
from lk.studies.layer_steps import DROPPED, LEARNED
from lk.studies.pairs import MOST_PAIRS, PLACES
from lk.studies.run_facts import highest_order
from lk.text import number, signed, significant

MOST_ORDERS = 4  # matrices side by side


def what_section(figures: Figures, layers: pd.DataFrame, orders: pd.DataFrame) -> Section:
    """Salient interactions by depth and over epochs, and salient strength by order at the output."""
    section, n = Section("How many interactions, and how complex"), figures.aligned.final[0].n_players
    rows, ylabel = layers[layers["quantity"] == "count"], "salient interactions per sample"
    figures.hang(
        section,
        "salient",
        "Salient interactions per sample",
        f"Mean number of interactions stronger than the salience line, of {2 * (2**n - 1) - n:,} possible.",
        [
            panel(rows[rows["last"]], "Finished networks", DEPTH, ylabel, "depth"),
            panel(rows[rows["layer"] == OUTPUT], "Output, over training", EPOCH, ylabel, "epoch"),
        ],
        2,
    )
    top, parts = highest_order(n), []
    rows = orders[orders["order"].between(1, top) & (orders["quantity"] == "salient")]
    for kind in KINDS:
        own = rows[(rows["kind"] == kind) & ((rows["order"] > 1) | (kind == "and"))]
        parts.append(panel(own, f"{kind.upper()} interactions", "order", "strength / mean |v(N) − v(∅)|", "order"))
    figures.hang(
        section,
        "orders",
        "Strength by order at the output",
        f"Salient strength of each order, divided by the network's mean |v(N) − v(∅)|; orders up to {top}. OR effects "
        "of one player are counted as AND.",
        parts,
        2,
    )
    return section


def where_section(figures: Figures, layers: pd.DataFrame, steps: pd.DataFrame, described: list[str]) -> Section:
    """Completeness and redundancy by depth and over epochs, and what changes from each layer to the next."""
    section, parts = Section("Where targets are learned and where noise is dropped"), []
    for quantity, ylabel in (
        ("completeness", "share of the output's strength"),
        ("redundancy", "share of the layer's strength"),
    ):
        rows = layers[(layers["quantity"] == quantity) & (layers["layer"] != OUTPUT)]
        name = quantity.capitalize()
        parts.append(panel(rows[rows["last"]], f"{name} by depth", DEPTH, ylabel, "depth"))
        parts.append(panel(rows[rows["middle"]], f"{name}, half depth", EPOCH, ylabel, "epoch"))
    figures.hang(
        section,
        "ratios",
        "Completeness and redundancy",
        "All kinds and orders together, against the output of the same network at the same checkpoint. Completeness: "
        "share of the output's salient strength that the layer holds. Redundancy: share of the layer's salient "
        "strength that the output lacks. The output itself (1 and 0) is not drawn. Half depth: the intermediate "
        "layer, over training.",
        parts,
        2,
    )
    between = "relative depth, halfway between two layers"
    figures.hang(
        section,
        "steps",
        "Steps between layers of the finished networks",
        "Left: how much of the output's salient strength each layer holds that the layer before did not. Right: how "
        "much smaller the share is that the output lacks; below zero redundancy grows. All kinds and orders together; "
        "both layers of a step are measured on the same samples. The last step leads to the output, whose completeness "
        "is 1 and redundancy 0 by definition.",
        [
            panel(steps[steps["quantity"] == LEARNED], "Newly learned", between, "gain of completeness", "depth"),
            panel(steps[steps["quantity"] == DROPPED], "Dropped", between, "fall of redundancy", "depth"),
        ],
        2,
    )
    section.text += described
    return section


def iou_section(figures: Figures, each: pd.DataFrame, of_sorts: pd.DataFrame) -> Section:
    """Whether the networks hold the same interactions."""
    section = Section("Whether the networks hold the same interactions")
    top = highest_order(figures.aligned.final[0].n_players)
    single = not len(of_sorts)
    rows = (
        each.assign(line=each["run_a"] + " and " + each["run_b"]) if single else of_sorts.assign(line=of_sorts["pairs"])
    )
    note = f"{of_samples(rows)}, bands: 95 % intervals over samples"
    if rows["line"].nunique() <= MOST_PAIRS:
        rows = rows[(rows["order"] <= top) & ((rows["order"] > 1) | (rows["kind"] == "and"))].assign(run="")
        parts = [
            panel(own[own["place"] == place], f"{kind.upper()}, {place}", "order", "intersection over union", "order")
            for kind, own in ((kind, rows[rows["kind"] == kind]) for kind in KINDS)
            for place in PLACES
        ]
        how = "" if single else " Means over pairs of runs."
        frame = pd.concat(parts, ignore_index=True)
        figures.gallery.hang(
            section,
            "iou",
            "Intersection over union of the salient sets",
            "Share of the interactions salient in either network that are salient in both, by order; sign and size are "
            "ignored. Dashed: chance level, the mean over random sets of the same sizes. "
            f"Samples on which both sets are empty are left out.{how}",
            charts.run_lines(frame, list(dict.fromkeys(frame["line"])), 2, note),
        )
    if single:
        matrices(figures, each, section)
    return section


def matrices(figures: Figures, table: pd.DataFrame, section: Section) -> None:
    """The same by pair of runs, as matrices."""
    rows = table[table["order"] <= min(MOST_ORDERS, highest_order(figures.aligned.final[0].n_players))]
    rows = rows.assign(mean=rows["mean"].where((rows["order"] > 1) | (rows["kind"] == "and")))
    for name, place in (("iou_output", "output"), ("iou_intermediate", "intermediate layer")):
        figures.gallery.hang(
            section,
            name,
            f"Pairs of runs: {place}",
            "Mean IoU of the salient sets of each pair below the diagonal, the chance level of the same pair above it; "
            "a panel per order. A pair agrees where its cell is brighter than the mirrored one.",
            plots.iou_matrix(rows[rows["place"] == place], figures.aligned.names),
        )


def stability_section(figures: Figures, table: pd.DataFrame) -> Section:
    """Whether interactions keep their effect under small noise."""
    section = Section("How stable the interactions are")
    rows = table[(table["order"] > 1) | (table["kind"] == "and")]
    parts = [
        panel(own[own["place"] == place], f"{kind.upper()}, {place}", "order", "|mean| / std", "order")
        for kind, own in ((kind, rows[rows["kind"] == kind]) for kind in KINDS)
        for place in PLACES
    ]
    figures.hang(
        section,
        "stability",
        "Stability of salient interactions under noise in the input",
        "Mean of an effect over noisy copies of a sample, divided by its standard deviation over them; averaged over "
        "the salient interactions of each order, then over samples.",
        parts,
        2,
        note=f"{of_samples(table)}, 95 % intervals",
        log=wide(rows["mean"]),
    )
    return section


def method_section(aligned: Aligned, found: pd.DataFrame) -> Section:
    """All sentences, and what they rest on."""
    section = Section("All sentences and their evidence")
    rows = [
        (
            row["question"] + (" †" if row["marked"] else ""),
            row["a"],
            row["b"],
            number(row["mean_a"]),
            number(row["mean_b"]),
            signed(row["difference"]),
            f"{number(row['low'])} to {number(row['high'])}" if np.isfinite(row["low"]) else "none",
            significant(row["p"]),
            significant(row["p_holm"]),
        )
        for row in found.to_dict("records")
    ]
    section.table(
        ("question", "a", "b", "mean of a", "mean of b", "difference", "95 % interval", "p", "p after Holm"), rows
    )
    section.text += list(found["text"])
    named = seeded(aligned.members) is not None
    section.text += [
        f"{METHOD} Both sides of a difference are measured on the same {len(aligned.kept)} common samples. p values "
        f"are two-sided, of the same distribution as the interval, and corrected over all {len(found)} sentences of "
        "this page (Holm).",
        (
            "Architectures are named, because each has three training seeds or more; the variance over the seeds of "
            "each is added (Welch)."
        )
        if named
        else f"The sentences speak of single runs: an architecture is named from {SEEDS} training seeds of each on.",
        (
            "Checked to be equal in all runs: data set, inputs, labels, division into players, filler, and the "
            f"settings {', '.join(SAME)}."
        ),
    ]
    return section
