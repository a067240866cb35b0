"""The report of one run: what was trained, what each layer knows, how it came about, and how far to trust it."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from lk import plots
from lk.certification.page import certificate_sections
from lk.extraction import Samples
from lk.games import OUTPUT
from lk.metrics.wilson import wilson
from lk.pages.glossary import GLOSSARY, GROUP_GLOSSARY, GROUP_SOURCE, METHOD, SOURCE
from lk.pages.page import Gallery, Section, render
from lk.plots.overlap import compared_layers
from lk.plots.style import left_out
from lk.report.comparison import write_comparison
from lk.report.training_segments import on_segments, segments_section
from lk.runs import Run
from lk.runs.segments import read_segments
from lk.studies.answers import finished, on_epochs, on_few, on_layers, on_low_signal, on_proof, on_salience
from lk.studies.averages import total
from lk.studies.environment import TABLE
from lk.studies.low_signal import FLOOR, FLOOR_OF_OUTPUT, marked
from lk.studies.ranking import ranked, strongest_of
from lk.studies.run_facts import (
    RATIOS,
    ExtractionAverages,
    arguments,
    class_name,
    highest_order,
    optional_table,
    parameters,
    test_accuracy,
)
from lk.text import epochs, number, of, percent, short, significant, spanned

LONGEST = 60  # characters of a name in a title


def write_report(runs: list[Run]) -> Path:
    """Write the report of a run to its folder; of several runs, their comparison.

    Everything is read from the run's files: tables, interactions, samples, configuration.

    Args:
        runs: One run, or several.

    Returns:
        The HTML file.
    """
    if not runs:
        raise ValueError("Given no run; expected at least one.")
    if len(runs) > 1:
        return write_comparison(runs)
    run = runs[0]
    gallery = Gallery(run.figures)
    readings = [
        ExtractionAverages(run, name)
        for name in run.extractions
        if run.extracted(name) and run.table(f"{name}/games").is_file()
    ]
    segments, size = read_segments(run.path), parameters(run)
    first = [text for text in (on_segments(segments),) if text]
    answers = [on_training(run, size)]
    sections = [training_section(run, size, readings, gallery)]
    for reading in readings:
        prefix = "" if reading.name == "default" else f"{reading.name}: "
        doubt, said = extraction_answers(reading)
        # What the reader must know before anything else, or after everything else.
        (first if len(finished(reading.low_signal)) else said).append(doubt)
        answers += [prefix + text for text in said]
        sections += extraction_sections(reading, gallery, "" if len(readings) == 1 else f" ({reading.name})")
    proven, certified = certificate_sections(run, gallery)
    answers += proven
    sections += certified
    is_group = class_name(run.config["data"]) == "GroupTable"
    if not readings and not certified:
        making = "No certificates were made; analyze.py certify makes them." if is_group else ""
        answers.append(making or "No interactions were extracted; analyze.py extract makes them.")
    if readings:
        sections.append(settings_section(readings))
    sections += [
        section for section in (segments_section(segments), environment_section(run, readings)) if section is not None
    ]
    about = "what it computes, and what is proven" if is_group and not readings else "what each layer knows"
    title = f"{class_name(run.config['model'].get('network'))} on {data_name(run)}: {about}"
    words = {**(GROUP_GLOSSARY if is_group else {}), **(GLOSSARY if readings or not is_group else {})}
    return render(
        run.report,
        glossary=words,
        source=GROUP_SOURCE if is_group and not readings else SOURCE,
        title=title,
        subtitle=f"Run {run.id}",
        answers=[*first, *answers],
        sections=sections,
        config=yaml.safe_dump(run.config, sort_keys=False),
    )


def extraction_answers(reading: ExtractionAverages) -> tuple[str, list[str]]:
    """Which layers are marked, and what is said of the others; nothing is said of interactions where the output is marked."""
    at = dict(zip(reading.games["step"], reading.games["epoch"], strict=True))
    doubt = on_low_signal(reading.low_signal, at, reading.probes, reading.unit)
    marks = set(finished(reading.low_signal)["layer"])
    if OUTPUT in marks:
        return doubt, []
    samples = reading.final.and_.shape[2]
    said = [
        on_few(samples),
        on_salience(reading.last["counts"], reading.n),
        on_layers(reading.profile, marks) if samples > 1 else "",
        on_epochs(reading.tables["shares"]),
        on_proof(reading.games, reading.final.gap),
    ]
    return doubt, [text for text in said if text]


def on_training(run: Run, size: int | None) -> str:
    """What was trained and how well."""
    accuracy = test_accuracy(run)
    network, data = class_name(run.config["model"].get("network")), data_name(run)
    text = f"{network}{f' with {size:,} parameters' if size else ''} was trained on {data}"
    training = optional_table(run, "training")
    if training is not None and len(training):
        text += f" for {epochs(training['epoch'].max())} epochs ({int(training['step'].max()):,} steps)"
    seeds = int((run.config["model"].get("network", {}).get("init_args") or {}).get("seeds") or 1)
    together = f", the mean of {seeds} networks that were trained at once" if seeds > 1 else ""
    if not accuracy:
        return f"{text}."
    hit, split = accuracy
    probes = optional_table(run, "probes")
    interval = ""
    if not together and probes is not None and len(probes):
        # The test split may be larger than what the probes were tried on: the interval is then wider than need be.
        samples = int(probes["samples"].max())
        low, high = wilson(np.array([hit]), np.array([samples]))
        interval = f" ({number(100 * low[0], 1)} to {number(100 * high[0], 1)}; n ≥ {samples:,})"
    return f"{text}; it is right on {percent(hit)}{interval} of the {split}{together}."


def data_name(run: Run) -> str:
    """The data set, a group table by its group."""
    group = (run.config["data"].get("init_args") or {}).get("group")
    return class_name(run.config["data"]) if group is None else f"the multiplication table of {arguments(group)}"


def training_section(run: Run, size: int | None, readings: Sequence[ExtractionAverages], gallery: Gallery) -> Section:
    """Curves, configuration, probes."""
    section = Section("What was trained, and how well")
    config = run.config
    trainer = config.get("trainer") or {}
    rows = [
        ("data", arguments(config["data"])),
        ("network", arguments(config["model"].get("network"))),
        ("parameters", f"{size:,}" if size else "–"),
        ("optimiser", arguments(config.get("optimizer"))),
        ("learning-rate schedule", arguments(config.get("lr_scheduler")) if config.get("lr_scheduler") else "constant"),
        ("epochs", trainer.get("max_epochs", "–")),
        ("seed", config.get("seed_everything", "–")),
    ]
    section.table(("setting", "value"), rows)
    data_table(run, section)
    training = optional_table(run, "training")
    if training is not None and len(training):
        epochs = readings[0].games.drop_duplicates("step")[["step", "epoch"]] if readings else None
        gallery.hang(
            section,
            "training",
            "Training curves",
            "Mean loss and accuracy at the end of each epoch. Training values are means over the epoch, while the weights still changed; of "
            "networks that are trained at once, those of its last step."
            + (" Ticks on the lower edge: checkpoints at which all layers were read." if readings else ""),
            plots.training_curves(training, epochs),
        )
    else:
        section.text.append("This run has no table of training curves.")
    return section


def data_table(run: Run, section: Section) -> None:
    """How each column of a table was read, and what was left out of the data."""
    facts = optional_table(run, "data")
    if facts is None:
        return
    section.text += [note for note in facts["note"] if note]
    columns = facts[facts["note"] == ""].drop(columns="note")
    if len(columns):
        section.table(list(map(str, columns)), columns.to_numpy().tolist(), "How each column of the data was read.")


def extraction_sections(reading: ExtractionAverages, gallery: Gallery, suffix: str) -> list[Section]:
    """All that is known from the interactions."""
    prefix = "" if not suffix else f"{reading.name}-"
    top, n, last = highest_order(reading.n), reading.n, reading.last
    counted = f"n = {reading.final.and_.shape[2]} samples"
    above = last["strengths"]
    above = above[
        (above["kind"] == "both") & (above["quantity"] == "share") & (above["layer"] == OUTPUT) & (above["order"] > top)
    ]
    orders = (
        ""
        if top >= n
        else f" Orders above {top} are left out; they hold {percent(above['mean'].sum())} of the output's salient strength."
    )
    layers = list(reading.final.layers)
    some = spaced(left_out(layers))
    overview = Section(f"Layer by layer{suffix}")
    overview_table(reading, overview)
    if reading.probes is not None and len(reading.probes):
        gallery.hang(
            overview, f"{prefix}probes", "Probe accuracy and calibration by layer",
            "A linear classifier is fitted to each layer of the frozen network; the output is the network itself. Lines: checkpoints, "
            "light to dark. "
            f"Whiskers: 95 % Wilson intervals over {int(reading.probes['samples'].max()):,} test samples. Dotted: always naming the "
            "most frequent class."
            + spaced(left_out([epochs(epoch) for epoch in reading.probes.drop_duplicates("step")["epoch"]], what="checkpoints (by epoch)")),
            plots.probe_accuracy(reading.probes),
        )  # fmt: skip
    pictures = Section(f"The strongest interactions on the samples{suffix}")
    sample_pictures(reading, pictures, gallery, prefix)
    few = Section(f"How many interactions are salient{suffix}")
    ratio = float(reading.settings.get("salience_ratio", 0.05))
    gallery.hang(
        few, f"{prefix}sorted", "Sorted strengths of all interactions",
        "All AND and OR effects of the last checkpoint in descending order, relative to the strongest of their sample; dashed: the "
        f"salience line at {significant(ratio)}. "
        "A curve crosses it at the mean number of salient interactions per sample. Few interactions carry the score; the rest is close "
        "to zero.",
        plots.sorted_strengths(marked(ranked(reading.final), reading.low_signal), ratio),
    )  # fmt: skip
    gallery.hang(
        few, f"{prefix}orders", "Strength by order",
        "Summed strength of all effects of an order (the number of players that act together), averaged over samples and divided by "
        "the layer's mean "
        "|v(N) − v(∅)|. Positive effects speak for the class, negative ones against it. OR effects of one player are counted as AND."
        + some,
        plots.strength_by_order(last["strengths"]),
    )  # fmt: skip
    change = Section(f"What each layer shares with the output{suffix}")
    gallery.hang(
        change, f"{prefix}overlap-output", "Overlap with the output",
        "Salient strength by order at the last checkpoint. Grey: shared with the output. Orange: in the layer only, forgotten later. "
        "Blue: in the output only, "
        "emerges later; it is drawn downwards, its length is its strength. Grey + orange is the layer, grey + blue is the output, which "
        f"itself is not drawn.{orders}{spaced(left_out(compared_layers(last['shares'], 'output')))}",
        plots.overlap(last["shares"], "output", highest=top),
    )  # fmt: skip
    gallery.hang(
        change, f"{prefix}ratios", "Completeness and redundancy by layer",
        "Completeness: share of the output's salient strength that a layer already holds. Redundancy: share of a layer's salient "
        "strength that the output lacks. "
        f"Ratios of averages; one curve per order, black for all orders together. The output itself (1 and 0) is not drawn.{orders}",
        plots.ratios(last["shares"], top),
    )  # fmt: skip
    if (last["shares"]["reference"] == "layer before").any():
        gallery.hang(
            change, f"{prefix}overlap-layer", "From one layer to the next",
            f"Each layer against the layer before it: grey is kept, blue is newly emerged, orange (drawn downwards) is forgotten.{orders}"
            + spaced(left_out(compared_layers(last["shares"], "layer before"))),
            plots.overlap(last["shares"], "layer before", highest=top),
        )  # fmt: skip
    time = Section(f"How it came about during training{suffix}")
    if reading.games["step"].nunique() > 1:
        gallery.hang(
            time, f"{prefix}maps", "Layers by checkpoints",
            "Salient interactions per sample, their strength, completeness and redundancy against the output of the same checkpoint, "
            "completeness against "
            f"the finished network's output (the output against itself stays empty), and the size of the game, mean |v(N) − v(∅)| in {reading.unit}.",
            plots.layer_epoch_maps(
                reading.maps(),
                (
                    ("count", "salient interactions per sample"), ("strength", "salient strength / mean |v(N) − v(∅)|"),
                    ("completeness", "completeness, against the same checkpoint"),
                    ("redundancy", "redundancy, against the same checkpoint"),
                    ("final", "completeness, against the finished output"), ("reach", f"mean |v(N) − v(∅)| ({reading.unit})"),
                ),
            ),
        )  # fmt: skip
        gallery.hang(
            time, f"{prefix}epochs", "Strength by order over epochs",
            "Salient strength of each order, AND and OR together, relative to the layer's mean |v(N) − v(∅)| at that "
            f"checkpoint.{orders}{some}",
            plots.order_over_epochs(reading.tables["strengths"], highest=top),
        )  # fmt: skip
        gallery.hang(
            time, f"{prefix}overlap-checkpoint", "From the checkpoint before to the last",
            "Each layer of the last checkpoint against itself at the checkpoint before: grey is kept, blue is newly emerged, orange "
            f"(drawn downwards) is forgotten.{orders}{some}",
            plots.overlap(last["shares"], "checkpoint before", highest=top),
        )  # fmt: skip
    else:
        time.text.append("There is one checkpoint only, so nothing can be said about training.")
    for section in (pictures, few, change, time):
        section.text.append(f"All averages: {counted}. {METHOD}")
    return [overview, pictures, few, change, time, agreement_section(reading, suffix)]


def spaced(sentence: str) -> str:
    """A sentence to be put behind another, if there is one."""
    return f" {sentence}" if sentence else ""


def proven_canonical(games: pd.DataFrame) -> str:
    """How many games have an answer proven to be the canonical one; a dash where that was not stored."""
    known = games["canonical"].dropna() if "canonical" in games else pd.Series(dtype="boolean")
    return of(int(known.sum()), len(known)) if len(known) else "–"


def overview_table(reading: ExtractionAverages, section: Section) -> None:
    """One row per layer of the last checkpoint."""
    games = reading.games[reading.games["step"] == reading.games["step"].max()]
    counts, shares, probes = reading.last["counts"], reading.last["shares"], reading.probes
    accuracy = (
        {}
        if probes is None
        else probes[probes["step"] == probes["step"].max()].set_index("layer")["accuracy"].to_dict()
    )
    marks = reading.low_signal[reading.low_signal["step"] == reading.low_signal["step"].max()].set_index("layer")
    rows = []
    for layer in reading.final.layers:
        count, reach = (of_layer(frame, layer) for frame in (total(counts), reading.last["reach"]))
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
        f"mean |v(N) − v(∅)|, {reading.unit}",
        "salient per sample",
        "completeness",
        "redundancy",
        "certified",
        "canonical",
    )
    section.table(
        header,
        rows,
        f"Last checkpoint (epoch {epochs(games['epoch'].iloc[0])}); n = {reading.final.and_.shape[2]} samples, 95 % intervals in brackets.",
    )
    section.text.append(
        f"Marked † are layers whose probe is at chance (one-sided binomial test, 5 %), or whose mean |v(N) − v(∅)| is below {FLOOR} "
        f"{reading.unit} or "
        f"{percent(FLOOR_OF_OUTPUT, 0)} of the output's: what they are said to know may be noise."
    )


def of_layer(rows: pd.DataFrame, layer: str) -> dict[Hashable, Any]:
    """The row of one layer."""
    return dict(rows[rows["layer"] == layer].iloc[0])


def sample_pictures(reading: ExtractionAverages, section: Section, gallery: Gallery, prefix: str) -> None:
    """The strongest interactions of some samples at the output, and of one sample layer by layer."""
    samples, final = reading.samples, reading.final
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
        ("samples", across, "Strongest interactions at the output", f"The five strongest of four samples at the last checkpoint. {what}"),
        (
            "layers", along, f"Strongest interactions of one sample, layer by layer: {short(label, LONGEST)}",
            f"Sample no. {int(samples.index[subject])} of the test split{whole}, read at {len(few)} of {len(layers)} layers of the last "
            f"checkpoint. {what}",
        ),
    )  # fmt: skip
    for file, frame, title, caption in titles:
        frame = marked(frame, reading.low_signal)
        if samples.x.ndim == 4 and samples.x.shape[1] in (1, 3) and len(frame):
            figure = plots.on_images(frame, samples.x.numpy(), samples.owner[:, 0].numpy(), reading.unit)
            extra = " Solid green: AND, acts when all outlined patches are there. Dashed purple: OR, acts when any is. Other patches are paled."
        elif len(frame):
            figure = plots.ranked_effects(frame, [samples.names(i) for i in range(len(samples.y))], reading.unit)
            extra = " Plain green: AND, acts when all are there. Hatched purple: OR, acts when any is."
        else:
            continue
        if samples.words:
            extra += f" {players_of(samples, sorted(set(frame['image'])))}"
        gallery.hang(section, f"{prefix}strongest-{file}", title, caption + extra, figure)


def players_of(samples: Samples, shown: Sequence[int]) -> str:
    """The words that are players in each of the shown sentences."""
    return "Players: " + "; ".join(f"no. {int(samples.index[i])}: {', '.join(samples.words[i])}" for i in shown) + "."


def agreement_section(reading: ExtractionAverages, suffix: str) -> Section:
    """Certificates, universal matching, and where the time went."""
    section = Section(f"Checks and times{suffix}")
    games = reading.games.copy()
    games["gap"] = (games["objective"] - games["lower_bound"]) / games["lower_bound"].where(games["lower_bound"] > 0)
    rows = []
    for _, found in games.groupby("step", sort=True):
        right = found.groupby("sample")["correct"].first()
        rows.append(
            (
                epochs(found["epoch"].iloc[0]), of(int(found["certified"].sum()), len(found)), proven_canonical(found), percent(found["gap"].max(), 3),
                significant(found["matching_error"].max()), of(int(right.sum()), len(right)),
            )
        )  # fmt: skip
    section.table(
        ("epoch", "certified games", "canonical games", "largest gap", "largest matching error", "explained samples classified correctly"), rows,
        "Gap: strength found above the proven lower bound, relative to it. Matching error: largest difference between a value and its "
        "reconstruction from the interactions, relative to the total strength.",
    )  # fmt: skip
    stages = list(dict.fromkeys(key for seconds in reading.seconds for key in seconds))
    if stages:
        total = {stage: sum(seconds.get(stage, 0.0) for seconds in reading.seconds) for stage in stages}
        whole = sum(total.values())
        spent = [
            (
                stage,
                f"{number(value, 1)} s",
                f"{number(value / len(reading.seconds))} s",
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


def settings_section(readings: Sequence[ExtractionAverages]) -> Section:
    """Exact settings of each extraction."""
    section = Section("Settings")
    for reading in readings:
        rows = [
            (key, arguments(value) if isinstance(value, Mapping) else "default" if value is None else value)
            for key, value in reading.settings.items()
        ]
        section.table(
            ("setting", "value"),
            rows,
            f"Extraction {reading.name}; samples (test indices): {', '.join(map(str, reading.samples.index.tolist()))}.",
        )
    return section


def environment_section(run: Run, readings: Sequence[ExtractionAverages]) -> Section | None:
    """Threads, device and versions that computed each part; of a run without that table, the versions that interactions hold."""
    section, table = Section("What computed it"), optional_table(run, TABLE)
    if table is not None and len(table):
        header = ("part", "from step", *(column for column in table.columns if column not in ("what", "step")))
        section.table(header, [tuple(row) for row in table[["what", "step", *header[2:]]].itertuples(index=False)])
        section.text.append(
            "Training includes what its callbacks read. The number of threads and the device change the order of sums, and with it their last "
            "digits; training amplifies that. Between one and two threads, completeness of one layer of configs/digits.yaml was 0.646 and 0.613 "
            "with the same seed: more than rounding, and no interval over samples covers it. Compare runs of one environment, or several "
            "training seeds."
        )
        return section
    for reading in readings:
        used = list(reading.final.origin.versions.items())
        section.table(
            ("package", "version"), used, f"Versions that made the interactions of extraction {reading.name}."
        )
    return section if section.tables else None
