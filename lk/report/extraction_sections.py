"""Sections of a report about one extraction: layers, strongest interactions, salience, change, training."""

from collections.abc import Hashable
from typing import Any

import pandas as pd

from lk import charts
from lk.games import OUTPUT
from lk.pages.page import Gallery, Section
from lk.plots.overlap import compared_layers
from lk.plots.style import left_out
from lk.report.checks_section import checks_section, proven_canonical
from lk.report.sample_section import sample_section
from lk.studies.averages import total
from lk.studies.extraction_averages import RATIOS, ExtractionAverages
from lk.studies.low_signal import FLOOR, FLOOR_OF_OUTPUT, marked
from lk.studies.ranking import ranked
from lk.studies.run_facts import highest_order
from lk.text import epochs, of, percent, significant, spanned


def extraction_sections(extraction: ExtractionAverages, gallery: Gallery, suffix: str) -> list[Section]:
    """All that is known from the interactions.

    Args:
        extraction: What was read.
        gallery: Where figures go.
        suffix: Behind the titles; empty where the run has one extraction only.
    """
    prefix = "" if not suffix else f"{extraction.name}-"
    return [
        overview_section(extraction, gallery, suffix, prefix),
        sample_section(extraction, gallery, suffix, prefix),
        salience_section(extraction, gallery, suffix, prefix),
        output_section(extraction, gallery, suffix, prefix),
        training_section(extraction, gallery, suffix, prefix),
        checks_section(extraction, suffix),
    ]


def overview_section(extraction: ExtractionAverages, gallery: Gallery, suffix: str, prefix: str) -> Section:
    """One row per layer, and its probe."""
    section = Section(f"Layer by layer{suffix}")
    overview_table(extraction, section)
    if extraction.probes is not None and len(extraction.probes):
        gallery.hang(
            section,
            f"{prefix}probes",
            "Probe accuracy and calibration by layer",
            "A linear classifier, the probe, is fitted to each layer of the frozen network; the output is the network "
            "itself.",
            charts.probe_lines(extraction.probes),
        )
    return section


def salience_section(extraction: ExtractionAverages, gallery: Gallery, suffix: str, prefix: str) -> Section:
    """How strengths are distributed, over interactions and over orders."""
    section = Section(f"How many interactions are salient{suffix}")
    ratio, strengths = float(extraction.settings.get("salience_ratio", 0.05)), extraction.tables["strengths"]
    gallery.hang(
        section,
        f"{prefix}sorted",
        "Sorted strengths of all interactions",
        "All AND and OR effects of the last checkpoint, from strong to weak, relative to the strongest of their "
        f"sample; dashed: the salience line at {significant(ratio)}. A curve crosses it at the mean number of salient "
        "interactions per sample. Few interactions carry the score; the rest is close to zero.",
        charts.sorted_lines(marked(ranked(extraction.final), extraction.low_signal), ratio),
    )
    gallery.hang(
        section,
        f"{prefix}orders",
        "Strength by order",
        "Summed strength of all effects of an order (the number of players that act together), averaged over samples "
        "and divided by the layer's mean |v(N) − v(∅)|. OR effects of one player are counted as AND."
        + spaced(left_out(list(extraction.final.layers))),
        charts.order_bars(strengths),
    )
    gallery.hang(
        section,
        f"{prefix}heat",
        "Salient strength by layer and order",
        f"Summed strength of the salient effects of an order, in {extraction.unit}, averaged over samples. Lighter is "
        "stronger.",
        charts.layer_order_cells(extraction.tables["salient_strength"], extraction.unit),
    )
    return section


def output_section(extraction: ExtractionAverages, gallery: Gallery, suffix: str, prefix: str) -> Section:
    """What each layer shares with the output and with the layer before it."""
    section, shares = Section(f"What each layer shares with the output{suffix}"), extraction.tables["shares"]
    top, orders = highest_order(extraction.n), orders_left_out(extraction)
    gallery.hang(
        section,
        f"{prefix}ratios",
        "Completeness and redundancy by layer",
        "Completeness: share of the output's salient strength that a layer already holds. Redundancy: share of a "
        "layer's salient strength that the output lacks. Ratios of averages; one curve per order, and one for all "
        f"orders together. The output itself (1 and 0) is not drawn.{orders}",
        charts.ratio_lines(shares, top),
    )
    gallery.hang(
        section,
        f"{prefix}overlap-output",
        "Overlap with the output",
        "Salient strength by order. Grey: shared with the output. Orange: in the layer only, forgotten later. Blue: in "
        "the output only, emerges later; it is drawn downwards, its length is its strength. Grey + orange is the "
        "layer, grey + blue is the output of the same checkpoint, which itself is not drawn."
        f"{orders}{spaced(left_out(compared_layers(shares, 'output')))}",
        charts.overlap_bars(shares, "output", highest=top),
    )
    if (shares["reference"] == "layer before").any():
        gallery.hang(
            section,
            f"{prefix}overlap-layer",
            "From one layer to the next",
            "Each layer against the layer before it: grey is kept, blue is newly emerged, orange (drawn downwards) is "
            f"forgotten.{orders}{spaced(left_out(compared_layers(shares, 'layer before')))}",
            charts.overlap_bars(shares, "layer before", highest=top),
        )
    return section


def training_section(extraction: ExtractionAverages, gallery: Gallery, suffix: str, prefix: str) -> Section:
    """What changed between checkpoints."""
    section = Section(f"How it came about during training{suffix}")
    if extraction.games["step"].nunique() < 2:
        section.text.append("There is one checkpoint only, so nothing can be said about training.")
        return section
    top, orders, unit = highest_order(extraction.n), orders_left_out(extraction), extraction.unit
    some = spaced(left_out(list(extraction.final.layers)))
    gallery.hang(
        section,
        f"{prefix}maps",
        "Layers by checkpoints",
        "Salient interactions per sample, their strength, completeness and redundancy against the output of the same "
        "checkpoint, completeness against the finished network's output (the output against itself stays empty), and "
        "the size of the game, mean |v(N) − v(∅)|. Framed: the checkpoint shown.",
        charts.layer_epoch_cells(
            extraction.maps(),
            (
                ("count", "salient interactions per sample", ""),
                ("strength", "salient strength / mean |v(N) − v(∅)|", ""),
                ("reach", f"mean |v(N) − v(∅)| ({unit})", unit),
                ("completeness", "completeness, same checkpoint", ""),
                ("redundancy", "redundancy, same checkpoint", ""),
                ("final", "completeness, finished output", ""),
            ),
        ),
    )
    gallery.hang(
        section,
        f"{prefix}epochs",
        "Strength by order over epochs",
        "Salient strength of each order, AND and OR together, relative to the layer's mean |v(N) − v(∅)| at that "
        f"checkpoint.{orders}{some}",
        charts.epoch_lines(extraction.tables["strengths"], highest=top),
    )
    gallery.hang(
        section,
        f"{prefix}overlap-checkpoint",
        "From the checkpoint before",
        "Each layer against itself at the checkpoint before: grey is kept, blue is newly emerged, orange (drawn "
        f"downwards) is forgotten.{orders}{some}",
        charts.overlap_bars(extraction.tables["shares"], "checkpoint before", highest=top),
    )
    return section


def orders_left_out(extraction: ExtractionAverages) -> str:
    """Which orders figures leave out, and what these hold; empty where all are shown."""
    top, strengths = highest_order(extraction.n), extraction.last["strengths"]
    if top >= extraction.n:
        return ""
    above = strengths[
        (strengths["kind"] == "both")
        & (strengths["quantity"] == "share")
        & (strengths["layer"] == OUTPUT)
        & (strengths["order"] > top)
    ]
    return (
        f" Orders above {top} are left out; they hold {percent(above['mean'].sum())} of the output's salient strength "
        "at the last checkpoint."
    )


def spaced(sentence: str) -> str:
    """A sentence to be put behind another, if there is one."""
    return f" {sentence}" if sentence else ""


def overview_table(extraction: ExtractionAverages, section: Section) -> None:
    """One row per layer of the last checkpoint."""
    games = extraction.games[extraction.games["step"] == extraction.games["step"].max()]
    counts, shares, probes = extraction.last["counts"], extraction.last["shares"], extraction.probes
    accuracy = (
        {}
        if probes is None
        else probes[probes["step"] == probes["step"].max()].set_index("layer")["accuracy"].to_dict()
    )
    marks = extraction.low_signal[extraction.low_signal["step"] == extraction.low_signal["step"].max()].set_index(
        "layer"
    )
    rows = []
    for layer in extraction.final.layers:
        count, reach = (of_layer(frame, layer) for frame in (total(counts), extraction.last["reach"]))
        against = [
            spanned(of_layer(total(shares, quantity=quantity, reference="output"), layer)) if layer != OUTPUT else "–"
            for quantity in RATIOS
        ]
        dagger = " †" if layer in marks.index and marks.loc[layer, "marked"] else ""
        certified = games.loc[games["layer"] == layer, "certified"]
        canonical = proven_canonical(games[games["layer"] == layer])
        hit = percent(accuracy[layer]) if layer in accuracy else "–"
        rows.append(
            (
                layer + dagger,
                hit,
                spanned(reach),
                spanned(count, 1),
                *against,
                of(int(certified.sum()), len(certified)),
                canonical,
            )
        )
    header = (
        "layer",
        "probe accuracy",
        f"mean |v(N) − v(∅)|, {extraction.unit}",
        "salient per sample",
        "completeness",
        "redundancy",
        "certified",
        "canonical",
    )
    section.table(
        header,
        rows,
        f"Last checkpoint (epoch {epochs(games['epoch'].iloc[0])}); n = {extraction.final.and_.shape[2]} samples, 95 % "
        "intervals in brackets.",
    )
    section.text.append(
        "Marked † are layers whose probe is at chance (one-sided binomial test, 5 %), or whose mean |v(N) − v(∅)| is "
        f"below {FLOOR} {extraction.unit} or "
        f"{percent(FLOOR_OF_OUTPUT, 0)} of the output's: what they are said to know may be noise."
    )


def of_layer(rows: pd.DataFrame, layer: str) -> dict[Hashable, Any]:
    """The row of one layer."""
    return dict(rows[rows["layer"] == layer].iloc[0])
