"""The report of one run: training, what each layer knows, certificates, settings, environment."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from lk import charts
from lk.certification.page import certificate_sections
from lk.games import OUTPUT
from lk.pages.glossary import GLOSSARY, GROUP_GLOSSARY, GROUP_SOURCE, SOURCE
from lk.pages.page import Gallery, Section, render
from lk.report.companion_section import companion_section
from lk.report.dynamics import dynamics_section
from lk.report.extraction_sections import extraction_sections
from lk.report.lead import lead
from lk.report.training_segments import on_segments, segments_section
from lk.runs import Run
from lk.runs.segments import read_segments
from lk.studies.answers import finished, on_epochs, on_few, on_layers, on_low_signal, on_proof, on_salience, on_training
from lk.studies.environment import TABLE
from lk.studies.extraction_averages import ExtractionAverages
from lk.studies.run_facts import arguments, class_name, data_name, optional_table, parameters


def write_report(run: Run) -> Path:
    """Write the report of a run to its folder.

    Everything is read from the run's files: tables, interactions, samples, configuration.

    Args:
        run: The run.

    Returns:
        The HTML file.
    """
    gallery = Gallery(run.figures)
    extractions = [
        ExtractionAverages(run, name)
        for name in run.extractions
        if run.extracted(name) and run.table(f"{name}/games").is_file()
    ]
    segments, size = read_segments(run.path), parameters(run)
    first = [text for text in (on_segments(segments),) if text]
    answers, surprising = [on_training(run, size)], list[str]()
    sections = [training_section(run, size, extractions, gallery)]
    for extraction in extractions:
        prefix = "" if extraction.name == "default" else f"{extraction.name}: "
        doubt, said = extraction_answers(extraction)
        # What the reader must know before anything else, or after everything else.
        (first if len(finished(extraction.low_signal)) else said).append(doubt)
        answers += [prefix + text for text in said]
        surprising += [prefix + text for text in extraction.surprises]
        suffix = "" if len(extractions) == 1 else f" ({extraction.name})"
        sections += extraction_sections(extraction, gallery, suffix)
        companions = companion_section(extraction, gallery, suffix)
        sections += [companions] if companions else []
        sections += dynamics_section(run, extraction.name, gallery)
    proven, certified = certificate_sections(run, gallery)
    answers += proven
    sections += certified
    is_group = class_name(run.config["data"]) == "GroupTable"
    if not extractions and not certified:
        making = "No certificates were made; analyze.py certify makes them." if is_group else ""
        answers.append(making or "No interactions were extracted; analyze.py extract makes them.")
    if extractions:
        sections.append(settings_section(extractions))
    sections += [
        section
        for section in (segments_section(segments), environment_section(run, extractions))
        if section is not None
    ]
    about = "what it computes, and what is proven" if is_group and not extractions else "what each layer knows"
    title = f"{class_name(run.config['model'].get('network'))} on {data_name(run)}: {about}"
    words = {**(GROUP_GLOSSARY if is_group else {}), **(GLOSSARY if extractions or not is_group else {})}
    return render(
        run.report,
        glossary=words,
        source=GROUP_SOURCE if is_group and not extractions else SOURCE,
        title=title,
        subtitle=f"Run {run.id}",
        lead=lead(extractions[0]) if extractions else (),
        answers=[*first, *surprising, *answers],
        sections=sections,
        config=yaml.safe_dump(run.config, sort_keys=False),
    )


def extraction_answers(extraction: ExtractionAverages) -> tuple[str, list[str]]:
    """Which layers are marked, and what is said of the others.

    Nothing is said of interactions where the output is marked.
    """
    at = dict(zip(extraction.games["step"], extraction.games["epoch"], strict=True))
    doubt = on_low_signal(extraction.low_signal, at, extraction.probes, extraction.unit)
    marks = set(finished(extraction.low_signal)["layer"])
    if OUTPUT in marks:
        return doubt, []
    samples = extraction.final.and_.shape[2]
    said = [
        on_few(samples),
        on_salience(extraction.last["counts"], extraction.n),
        on_layers(extraction.profile, marks) if samples > 1 else "",
        on_epochs(extraction.tables["shares"]),
        on_proof(extraction.games, extraction.final.gap),
    ]
    return doubt, [text for text in said if text]


def training_section(
    run: Run, size: int | None, extractions: Sequence[ExtractionAverages], gallery: Gallery
) -> Section:
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
        shown = sorted(extractions[0].games["epoch"].unique().tolist()) if extractions else []
        gallery.hang(
            section,
            "training",
            "Training curves",
            "Mean loss and accuracy at the end of each epoch. Training values are means over the epoch, while the "
            "weights still changed; of networks that are trained at once, those of its last step."
            + (" Dotted: the checkpoint shown." if len(shown) > 1 else ""),
            charts.training_lines(training, shown),
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


def settings_section(extractions: Sequence[ExtractionAverages]) -> Section:
    """Exact settings of each extraction."""
    section = Section("Settings")
    for extraction in extractions:
        rows = [
            (key, arguments(value) if isinstance(value, Mapping) else "default" if value is None else value)
            for key, value in extraction.settings.items()
        ]
        section.table(
            ("setting", "value"),
            rows,
            f"Extraction {extraction.name}; samples (test indices): "
            f"{', '.join(map(str, extraction.samples.index.tolist()))}.",
        )
    return section


def environment_section(run: Run, extractions: Sequence[ExtractionAverages]) -> Section | None:
    """Threads, device and versions that computed each part.

    Of a run without that table, the versions that interactions hold.
    """
    section, table = Section("What computed it"), optional_table(run, TABLE)
    if table is not None and len(table):
        header = ("part", "from step", *(column for column in table.columns if column not in ("what", "step")))
        section.table(header, [tuple(row) for row in table[["what", "step", *header[2:]]].itertuples(index=False)])
        section.text.append(
            "Training includes what its callbacks read. The number of threads and the device change how sums are "
            "rounded, which training amplifies. Between one and two threads, completeness of one layer of "
            "configs/digits.yaml was 0.646 and 0.613 with the same seed: more than rounding, and no interval over "
            "samples covers it. Compare runs of one environment, or several training seeds."
        )
        return section
    for extraction in extractions:
        used = list(extraction.final.origin.versions.items())
        section.table(
            ("package", "version"), used, f"Versions that made the interactions of extraction {extraction.name}."
        )
    return section if section.tables else None
