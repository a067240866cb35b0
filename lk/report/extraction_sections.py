"""Sections of a report about one extraction: layers, strongest interactions, salience, change, training, checks."""

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from lk import plots
from lk.extraction import Samples
from lk.games import OUTPUT
from lk.pages.glossary import METHOD
from lk.pages.page import Gallery, Section
from lk.plots.overlap import compared_layers
from lk.plots.style import left_out
from lk.studies.averages import total
from lk.studies.extraction_averages import RATIOS, ExtractionAverages
from lk.studies.low_signal import FLOOR, FLOOR_OF_OUTPUT, marked
from lk.studies.ranking import ranked, strongest_of
from lk.studies.run_facts import highest_order
from lk.text import epochs, number, of, percent, short, significant, spanned

LONGEST = 60  # characters of a name in a title


def extraction_sections(extraction: ExtractionAverages, gallery: Gallery, suffix: str) -> list[Section]:
    """All that is known from the interactions."""
    prefix = "" if not suffix else f"{extraction.name}-"
    top, n, last = highest_order(extraction.n), extraction.n, extraction.last
    counted = f"n = {extraction.final.and_.shape[2]} samples"
    above = last["strengths"]
    above = above[
        (above["kind"] == "both") & (above["quantity"] == "share") & (above["layer"] == OUTPUT) & (above["order"] > top)
    ]
    orders = (
        ""
        if top >= n
        else (
            f" Orders above {top} are left out; they hold {percent(above['mean'].sum())} of the output's salient "
            "strength."
        )
    )
    layers = list(extraction.final.layers)
    some = spaced(left_out(layers))
    overview = Section(f"Layer by layer{suffix}")
    overview_table(extraction, overview)
    if extraction.probes is not None and len(extraction.probes):
        gallery.hang(
            overview,
            f"{prefix}probes",
            "Probe accuracy and calibration by layer",
            "A linear classifier is fitted to each layer of the frozen network; the output is the network itself. "
            "Lines: checkpoints, light to dark. "
            f"Whiskers: 95 % Wilson intervals over {int(extraction.probes['samples'].max()):,} test samples. Dotted: "
            "always naming the most frequent class."
            + spaced(
                left_out(
                    [epochs(epoch) for epoch in extraction.probes.drop_duplicates("step")["epoch"]],
                    what="checkpoints (by epoch)",
                )
            ),
            plots.probe_accuracy(extraction.probes),
        )
    pictures = Section(f"The strongest interactions on the samples{suffix}")
    sample_pictures(extraction, pictures, gallery, prefix)
    few = Section(f"How many interactions are salient{suffix}")
    ratio = float(extraction.settings.get("salience_ratio", 0.05))
    gallery.hang(
        few,
        f"{prefix}sorted",
        "Sorted strengths of all interactions",
        "All AND and OR effects of the last checkpoint in descending order, relative to the strongest of their sample; "
        f"dashed: the salience line at {significant(ratio)}. "
        "A curve crosses it at the mean number of salient interactions per sample. Few interactions carry the score; "
        "the rest is close to zero.",
        plots.sorted_strengths(marked(ranked(extraction.final), extraction.low_signal), ratio),
    )
    gallery.hang(
        few,
        f"{prefix}orders",
        "Strength by order",
        "Summed strength of all effects of an order (the number of players that act together), averaged over samples "
        "and divided by the layer's mean "
        "|v(N) − v(∅)|. Positive effects speak for the class, negative ones against it. OR effects of one player are "
        "counted as AND." + some,
        plots.strength_by_order(last["strengths"]),
    )
    change = Section(f"What each layer shares with the output{suffix}")
    gallery.hang(
        change,
        f"{prefix}overlap-output",
        "Overlap with the output",
        "Salient strength by order at the last checkpoint. Grey: shared with the output. Orange: in the layer only, "
        "forgotten later. Blue: in the output only, "
        "emerges later; it is drawn downwards, its length is its strength. Grey + orange is the layer, grey + blue is "
        f"the output, which itself is not drawn.{orders}{spaced(left_out(compared_layers(last['shares'], 'output')))}",
        plots.overlap(last["shares"], "output", highest=top),
    )
    gallery.hang(
        change,
        f"{prefix}ratios",
        "Completeness and redundancy by layer",
        "Completeness: share of the output's salient strength that a layer already holds. Redundancy: share of a "
        "layer's salient strength that the output lacks. "
        "Ratios of averages; one curve per order, black for all orders together. The output itself (1 and 0) is not "
        f"drawn.{orders}",
        plots.ratios(last["shares"], top),
    )
    if (last["shares"]["reference"] == "layer before").any():
        gallery.hang(
            change,
            f"{prefix}overlap-layer",
            "From one layer to the next",
            (
                "Each layer against the layer before it: grey is kept, blue is newly emerged, orange (drawn downwards) "
                f"is forgotten.{orders}"
            )
            + spaced(left_out(compared_layers(last["shares"], "layer before"))),
            plots.overlap(last["shares"], "layer before", highest=top),
        )
    time = Section(f"How it came about during training{suffix}")
    if extraction.games["step"].nunique() > 1:
        gallery.hang(
            time,
            f"{prefix}maps",
            "Layers by checkpoints",
            "Salient interactions per sample, their strength, completeness and redundancy against the output of the "
            "same checkpoint, completeness against "
            "the finished network's output (the output against itself stays empty), and the size of the game, mean "
            f"|v(N) − v(∅)| in {extraction.unit}.",
            plots.layer_epoch_maps(
                extraction.maps(),
                (
                    ("count", "salient interactions per sample"),
                    ("strength", "salient strength / mean |v(N) − v(∅)|"),
                    ("completeness", "completeness, against the same checkpoint"),
                    ("redundancy", "redundancy, against the same checkpoint"),
                    ("final", "completeness, against the finished output"),
                    ("reach", f"mean |v(N) − v(∅)| ({extraction.unit})"),
                ),
            ),
        )
        gallery.hang(
            time,
            f"{prefix}epochs",
            "Strength by order over epochs",
            "Salient strength of each order, AND and OR together, relative to the layer's mean |v(N) − v(∅)| at that "
            f"checkpoint.{orders}{some}",
            plots.order_over_epochs(extraction.tables["strengths"], highest=top),
        )
        gallery.hang(
            time,
            f"{prefix}overlap-checkpoint",
            "From the checkpoint before to the last",
            "Each layer of the last checkpoint against itself at the checkpoint before: grey is kept, blue is newly "
            f"emerged, orange (drawn downwards) is forgotten.{orders}{some}",
            plots.overlap(last["shares"], "checkpoint before", highest=top),
        )
    else:
        time.text.append("There is one checkpoint only, so nothing can be said about training.")
    for section in (pictures, few, change, time):
        section.text.append(f"All averages: {counted}. {METHOD}")
    return [overview, pictures, few, change, time, agreement_section(extraction, suffix)]


def spaced(sentence: str) -> str:
    """A sentence to be put behind another, if there is one."""
    return f" {sentence}" if sentence else ""


def proven_canonical(games: pd.DataFrame) -> str:
    """How many games have an answer proven to be the canonical one; a dash where that was not stored."""
    known = games["canonical"].dropna() if "canonical" in games else pd.Series(dtype="boolean")
    return of(int(known.sum()), len(known)) if len(known) else "–"


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


def sample_pictures(extraction: ExtractionAverages, section: Section, gallery: Gallery, prefix: str) -> None:
    """The strongest interactions of some samples at the output, and of one sample layer by layer."""
    samples, final = extraction.samples, extraction.final
    labels, correct = samples.y.tolist(), final.presumed_correct.tolist()
    # One of each class first, those that the network classifies correctly before others.
    good = sorted(range(len(labels)), key=lambda i: (not correct[i], i))
    turn = {i: sum(labels[j] == labels[i] for j in good[:place]) for place, i in enumerate(good)}
    order = sorted(good, key=lambda i: (turn[i], not correct[i], i))
    shown = sorted(order[:4], key=lambda i: labels[i])

    def name(i: int) -> str:
        wrong = "" if correct[i] else "\nmisread"
        return f"{samples.classes[labels[i]]}\nno. {int(samples.index[i])}{wrong}"

    layers = final.layers
    few = [layers[round(i * (len(layers) - 1) / 4)] for i in range(5)] if len(layers) > 5 else list(layers)
    subject = next((i for i in shown if correct[i]), shown[0])
    across = strongest_of(final, [(name(i), layers[final.output], i) for i in shown])
    along = strongest_of(final, [(layer, layer, subject) for layer in few])
    what = "Numbers are effects on the score; a plus speaks for the class."
    label = samples.classes[labels[subject]]
    whole = "" if short(label, LONGEST) == label else f", of class {label}"
    titles = (
        (
            "samples",
            across,
            "Strongest interactions at the output",
            f"The five strongest of four samples at the last checkpoint. {what}",
        ),
        (
            "layers",
            along,
            f"Strongest interactions of one sample, layer by layer: {short(label, LONGEST)}",
            f"Sample no. {int(samples.index[subject])} of the test split{whole}, read at {len(few)} of {len(layers)} "
            f"layers of the last checkpoint. {what}",
        ),
    )
    for file, frame, title, caption in titles:
        frame = marked(frame, extraction.low_signal)
        if samples.x.ndim == 4 and samples.x.shape[1] in (1, 3) and len(frame):
            figure = plots.on_images(frame, samples.x.numpy(), samples.owner[:, 0].numpy(), extraction.unit)
            extra = (
                " Solid green: AND, acts when all outlined patches are there. Dashed purple: OR, acts when any is. "
                "Other patches are paled."
            )
        elif len(frame):
            figure = plots.ranked_effects(frame, [samples.names(i) for i in range(len(samples.y))], extraction.unit)
            extra = " Plain green: AND, acts when all are there. Hatched purple: OR, acts when any is."
        else:
            continue
        if samples.words:
            extra += f" {players_of(samples, sorted(set(frame['image'])))}"
        gallery.hang(section, f"{prefix}strongest-{file}", title, caption + extra, figure)


def players_of(samples: Samples, shown: Sequence[int]) -> str:
    """The words that are players in each of the shown sentences."""
    return "Players: " + "; ".join(f"no. {int(samples.index[i])}: {', '.join(samples.words[i])}" for i in shown) + "."


def agreement_section(extraction: ExtractionAverages, suffix: str) -> Section:
    """Certificates, universal matching, and where the time went."""
    section = Section(f"Checks and times{suffix}")
    games = extraction.games.copy()
    games["gap"] = (games["objective"] - games["lower_bound"]) / games["lower_bound"].where(games["lower_bound"] > 0)
    rows = []
    for _, found in games.groupby("step", sort=True):
        right = found.groupby("sample")["correct"].first()
        rows.append(
            (
                epochs(found["epoch"].iloc[0]),
                of(int(found["certified"].sum()), len(found)),
                proven_canonical(found),
                percent(found["gap"].max(), 3),
                significant(found["matching_error"].max()),
                of(int(right.sum()), len(right)),
            )
        )
    section.table(
        (
            "epoch",
            "certified games",
            "canonical games",
            "largest gap",
            "largest matching error",
            "explained samples classified correctly",
        ),
        rows,
        "Gap: strength found above the proven lower bound, relative to it. Matching error: largest difference between "
        "a value and its reconstruction from the interactions, relative to the total strength.",
    )
    stages = list(dict.fromkeys(key for seconds in extraction.seconds for key in seconds))
    if stages:
        total = {stage: sum(seconds.get(stage, 0.0) for seconds in extraction.seconds) for stage in stages}
        whole = sum(total.values())
        spent = [
            (
                stage,
                f"{number(value, 1)} s",
                f"{number(value / len(extraction.seconds))} s",
                percent(value / max(whole, 1e-9), 0),
            )
            for stage, value in total.items()
        ]
        section.table(
            ("stage", "all checkpoints", "per checkpoint", "share"),
            spent,
            "Seconds by stage of the extraction, as measured when it ran.",
        )
    return section
