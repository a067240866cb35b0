"""Sections of a comparison of runs, one question each."""

import numpy as np
import pandas as pd

from lk import plots
from lk.extraction.tables import intermediate
from lk.games import OUTPUT
from lk.metrics.intervals import SEEDS
from lk.metrics.wilson import wilson
from lk.pages.glossary import METHOD
from lk.pages.page import Gallery, Section
from lk.plots.style import of_samples, wide
from lk.runs import Run
from lk.studies.alignment import SAME, Aligned
from lk.studies.differences import seeded
from lk.studies.layer_steps import DROPPED, LEARNED
from lk.studies.run_facts import architecture, highest_order, optional_table, parameters, test_accuracy
from lk.studies.stability_by_order import PLACES
from lk.text import epochs, number, percent, signed, significant

MOST_PAIRS = 6
MOST_ORDERS = 4  # matrices side by side
DEPTH = "relative depth (0: first layer read, 1: output)"


def lines(frame: pd.DataFrame, panel: str, xlabel: str, ylabel: str, x: str) -> pd.DataFrame:
    """A table as the panel of a figure."""
    return frame.assign(panel=panel, xlabel=xlabel, ylabel=ylabel, x=frame[x], line=frame["run"])


def ids(aligned: Aligned) -> list[str]:
    """Names of the runs: one colour each, in all figures of the page."""
    return [run.id for run in aligned.runs]


def accuracy_cell(run: Run) -> str:
    """Test accuracy of the finished network, with its Wilson interval where it is known over how many samples."""
    probes = optional_table(run, "probes")
    if probes is not None:
        rows = probes[(probes["layer"] == OUTPUT) & (probes["step"] == probes["step"].max())]
        if len(rows):
            hit, samples = rows["accuracy"].to_numpy(float)[-1:], rows["samples"].to_numpy(float)[-1:]
            low, high = wilson(hit, samples)
            return (
                f"{percent(hit[0])} ({number(100 * low[0], 1)} to {number(100 * high[0], 1)}; {int(samples[0]):,} "
                "samples)"
            )
    found = test_accuracy(run)
    return f"{percent(found[0])} ({found[1]})" if found else "–"


def runs_section(aligned: Aligned, curves: pd.DataFrame, probes: pd.DataFrame, gallery: Gallery) -> Section:
    """What is compared, and how accurate it is."""
    section = Section("Which runs, and how accurate they are")
    rows = []
    for run, found in zip(aligned.runs, aligned.final, strict=True):
        size, hit = parameters(run), accuracy_cell(run)
        rows.append(
            (
                run.id,
                architecture(run),
                run.config.get("seed_everything", "–"),
                f"{size:,}" if size else "–",
                epochs(found.epoch),
                hit,
                len(found.layers),
                intermediate(found.layers),
            )
        )
    header = ("run", "network", "seed", "parameters", "epochs", "test accuracy", "layers read", "intermediate layer")
    section.table(
        header,
        rows,
        "Accuracy of the finished network, with its 95 % Wilson interval where the number of samples is known.",
    )
    parts = []
    if len(curves):
        parts.append(
            lines(
                curves.assign(mean=curves["value"], low=np.nan, high=np.nan),
                "Test accuracy over training",
                "epoch",
                "test accuracy",
                "epoch",
            )
        )
    if len(probes):
        low, high = wilson(probes["accuracy"].to_numpy(float), probes["samples"].to_numpy(float))
        frame = probes.assign(mean=probes["accuracy"], low=low, high=high, marked=probes["at_chance"].astype(bool))
        parts.append(lines(frame, "Probe accuracy by depth", DEPTH, "test accuracy", "depth"))
    if parts:
        gallery.hang(
            section,
            "accuracy",
            "Accuracy",
            "Left: the network on the test split at the end of each epoch. Right: the linear classifier of each layer "
            "of the finished network, with 95 % "
            "Wilson intervals over the test samples; the output is the network itself. Dashed: chance.",
            plots.run_lines(pd.concat(parts, ignore_index=True), names=ids(aligned)),
        )
    return section


def counts_section(aligned: Aligned, layers: pd.DataFrame, gallery: Gallery, note: str) -> Section:
    """Salient interactions by depth and over epochs."""
    section = Section("How many interactions are salient")
    rows = layers[layers["quantity"] == "count"]
    last = rows[rows["step"] == rows.groupby("run")["step"].transform("max")]
    parts = [
        lines(last, "Finished networks, by depth", DEPTH, "salient interactions per sample", "depth"),
        lines(
            rows[rows["layer"] == OUTPUT],
            "Output, over training",
            "epoch of the checkpoint",
            "salient interactions per sample",
            "epoch",
        ),
    ]
    gallery.hang(
        section,
        "salient",
        "Salient interactions per sample",
        "Mean number of interactions stronger than the salience line, of "
        f"{2 * (2 ** aligned.final[0].n_players - 1) - aligned.final[0].n_players:,} possible.",
        plots.run_lines(pd.concat(parts, ignore_index=True), note=note, names=ids(aligned)),
    )
    return section


def ratios_section(aligned: Aligned, layers: pd.DataFrame, gallery: Gallery, note: str) -> Section:
    """Completeness and redundancy by depth and over epochs."""
    section = Section("Where the output's interactions are learned")
    parts = []
    for quantity, ylabel in (
        ("completeness", "share of the output's strength"),
        ("redundancy", "share of the layer's strength"),
    ):
        rows = layers[(layers["quantity"] == quantity) & (layers["layer"] != OUTPUT)]
        last = rows[rows["step"] == rows.groupby("run")["step"].transform("max")]
        parts.append(lines(last, f"{quantity.capitalize()} by depth", DEPTH, ylabel, "depth"))
        middle = lines(
            rows[rows["middle"]],
            f"{quantity.capitalize()} of the intermediate layer, over training",
            "epoch of the checkpoint",
            ylabel,
            "epoch",
        )
        parts.append(middle)
    gallery.hang(
        section,
        "ratios",
        "Completeness and redundancy",
        "All kinds and orders together, against the output of the same network at the same checkpoint. Completeness: "
        "share of the output's salient strength "
        "that the layer holds. Redundancy: share of the layer's salient strength that the output lacks. The output "
        "itself (1 and 0) is not drawn.",
        plots.run_lines(pd.concat(parts, ignore_index=True), note=note, names=ids(aligned)),
    )
    return section


def steps_section(aligned: Aligned, steps: pd.DataFrame, described: list[str], gallery: Gallery, note: str) -> Section:
    """What changes from each layer to the next."""
    section = Section("Where targets are learned and where noise is dropped")
    parts = [
        lines(
            steps[steps["quantity"] == quantity], title, "relative depth, halfway between two layers", ylabel, "depth"
        )
        for quantity, title, ylabel in (
            (LEARNED, "Newly learned, from layer to layer", "gain of completeness"),
            (DROPPED, "Dropped, from layer to layer", "fall of redundancy"),
        )
    ]
    gallery.hang(
        section,
        "steps",
        "Steps between layers of the finished networks",
        "Left: how much of the output's salient strength each layer holds that the layer before did not. Right: how "
        "much smaller the share is that the output lacks; below zero redundancy grows. All kinds and orders together; "
        "both layers of a step are measured on the same samples. The last step leads to the output, whose completeness "
        "is 1 and redundancy 0 by definition.",
        plots.run_lines(pd.concat(parts, ignore_index=True), note=note, names=ids(aligned)),
    )
    section.text += described
    return section


def orders_section(aligned: Aligned, orders: pd.DataFrame, gallery: Gallery, note: str) -> Section:
    """Salient strength by order at the output."""
    section = Section("How complex the interactions are")
    top = highest_order(aligned.final[0].n_players)
    rows = orders[(orders["order"] > 0) & (orders["order"] <= top)]
    parts = []
    for kind in ("and", "or"):
        own = rows[(rows["kind"] == kind) & (rows["quantity"] == "salient")]
        own = own[(own["order"] > 1) | (kind == "and")]
        parts.append(lines(own, f"{kind.upper()}: salient strength", "order", "strength / mean |v(N) − v(∅)|", "order"))
    own = rows[(rows["kind"] == "both") & (rows["quantity"] == "share")]
    parts.append(lines(own, "Both: share of the salient strength", "order", "share", "order"))
    gallery.hang(
        section,
        "orders",
        "Strength by order at the output",
        f"Salient strength of each order, divided by the network's mean |v(N) − v(∅)|; orders up to {top}. OR effects "
        "of one player are counted as AND.",
        plots.run_lines(pd.concat(parts, ignore_index=True), columns=3, note=note, names=ids(aligned)),
    )
    return section


def iou_section(aligned: Aligned, table: pd.DataFrame, of_sorts: pd.DataFrame, gallery: Gallery, note: str) -> Section:
    """Whether the networks hold the same interactions."""
    section = Section("Whether the networks hold the same interactions")
    top = highest_order(aligned.final[0].n_players)
    rows, how = table.assign(run=table["run_a"] + " and " + table["run_b"]), ""
    if rows["run"].nunique() > MOST_PAIRS:
        rows, how = of_sorts.assign(run=of_sorts["pairs"]), " Means over pairs of runs; whiskers over samples."
    rows = rows[(rows["order"] <= top) & ((rows["order"] > 1) | (rows["kind"] == "and"))]
    parts = [
        lines(
            rows[(rows["kind"] == kind) & (rows["place"] == place)],
            f"{kind.upper()}: {place}",
            "order",
            "IoU of salient sets",
            "order",
        )
        for kind in ("and", "or")
        for place in ("intermediate layer", "output")
    ]
    gallery.hang(
        section,
        "iou",
        "Intersection over union of the salient sets",
        "Share of the interactions salient in either network that are salient in both, by order; sign and size are "
        "ignored. Dashed: chance level, from the "
        "overlap a·b/C of two random sets of the same sizes a and b among C candidates. "
        f"Samples on which both sets are empty are left out.{how}",
        plots.run_lines(pd.concat(parts, ignore_index=True), note=f"{note}; dashed: chance"),
    )
    matrices(aligned, table, section, gallery)
    return section


def matrices(aligned: Aligned, table: pd.DataFrame, section: Section, gallery: Gallery) -> None:
    """The same by pair of runs, as matrices."""
    rows = table[table["order"] <= min(MOST_ORDERS, highest_order(aligned.final[0].n_players))]
    rows = rows.assign(mean=rows["mean"].where((rows["order"] > 1) | (rows["kind"] == "and")))
    for name, place in (("iou_output", "output"), ("iou_intermediate", "intermediate layer")):
        gallery.hang(
            section,
            name,
            f"Pairs of runs: {place}",
            "Mean IoU of the salient sets of each pair below the diagonal, the chance level of the same pair above it; "
            "a panel per order. A pair agrees where its cell is brighter than the mirrored one.",
            plots.iou_matrix(rows[rows["place"] == place], ids(aligned)),
        )


def stability_section(aligned: Aligned, table: pd.DataFrame, gallery: Gallery) -> Section:
    """Whether interactions keep their effect under small noise."""
    section = Section("How stable the interactions are")
    rows = table[(table["order"] > 1) | (table["kind"] == "and")]
    parts = [
        lines(
            rows[(rows["kind"] == kind) & (rows["place"] == place)],
            f"{kind.upper()}: {place}",
            "order",
            "|mean| / std",
            "order",
        )
        for kind in ("and", "or")
        for place in PLACES
    ]
    gallery.hang(
        section,
        "stability",
        "Stability of salient interactions under noise in the input",
        "Mean of an effect over noisy copies of a sample, divided by its standard deviation over them; averaged over "
        "the salient interactions of each order, then over samples.",
        plots.run_lines(
            pd.concat(parts, ignore_index=True),
            note=f"{of_samples(table)}, whiskers: 95 % intervals over samples",
            names=ids(aligned),
            log=wide(rows["mean"]),
        ),
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
    named = seeded(aligned.runs) is not None
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
