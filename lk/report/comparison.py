"""The page that compares runs: the answer in one figure and three sentences, then one figure per question."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from lk.pages.glossary import GLOSSARY, STUDY_GLOSSARY
from lk.pages.page import Gallery, Section, render
from lk.report.comparison_sections import (
    iou_section,
    method_section,
    stability_section,
    what_section,
    where_section,
)
from lk.report.comparison_start import Figures, Lines, runs_section, sample_section, start_section, training_section
from lk.runs import Run
from lk.storage.files import writing
from lk.studies.alignment import Aligned, align
from lk.studies.answers import on_few
from lk.studies.differences import asked, difference_table
from lk.studies.extraction_averages import UNITS
from lk.studies.grouping import lines_of
from lk.studies.headline import headline
from lk.studies.layer_steps import layer_steps
from lk.studies.naming import run_ids
from lk.studies.pairs import iou
from lk.studies.run_facts import class_name
from lk.studies.run_tables import accuracy, layer_table, order_table
from lk.studies.stability_by_order import has_stability, stability_by_order
from lk.studies.unequal_training import on_unequal, trained, unequal

MOST_NAMED = 3  # marked runs
STAGES = 4  # aligned, pairs, differences, page: steps of `write_comparison` beside one per run


def folder_of(runs: Sequence[Run]) -> Path:
    """`comparisons/<ids>` beside the runs; many or long ids are hashed, so that the name stays a file name."""
    name = "-vs-".join(run_ids(runs)).replace("/", "-")
    if len(name) > 100:
        name = f"{len(runs)}-runs-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return runs[0].path.parent / "comparisons" / name


def write_comparison(
    runs: Sequence[Run], extraction: str = "default", done: Callable[[], object] = lambda: None
) -> Path:
    """Compare runs and write the page, its figures and its tables.

    Args:
        runs: Two runs or more that explain the same samples with the same players and settings.
        extraction: Name of the extraction to compare.
        done: Called after each of `len(runs) + STAGES` steps.

    Returns:
        The HTML file, `comparisons/<ids>/report.html` beside the runs.

    Raises:
        FileNotFoundError: A run has no such extraction.
        ValueError: The runs do not fit together; names what differs.
    """
    aligned = align(runs, extraction)
    done()
    for member in aligned.members:
        _ = member.course
        done()
    folder, lines = folder_of(runs), lines_of(aligned)
    tables, described = measured(aligned, lines, done)
    for name, frame in tables.items():
        if len(frame):
            with writing(folder / "tables" / f"{name}.parquet") as temporary:
                frame.to_parquet(temporary, index=False)
    less = unequal(trained(aligned, lines))
    found = headline(aligned, lines, tables["sentences"], less)
    warnings = [text for text in (on_few(len(aligned.kept)), on_marks(aligned), on_unequal(less)) if text]
    path = render(
        folder / "report.html",
        title=f"{titled(lines)} on {class_name(runs[0].config['data'])} compared",
        subtitle=f"{len(runs)} runs: {', '.join(aligned.names)}" if len(runs) <= 4 else f"{len(runs)} runs",
        answers=[*found, *warnings],
        sections=sections_of(aligned, lines, tables, described, Gallery(folder / "figures")),
        config="",
        glossary={**GLOSSARY, **{word: STUDY_GLOSSARY[word] for word in ("intermediate layer", "IoU", "stability")}},
    )
    done()
    return path


def measured(aligned: Aligned, lines: Lines, done: Callable[[], object]) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """All tables of the comparison by name, and what the steps between layers say of each line."""
    curves, probes = accuracy(aligned, lines)
    steps, described = layer_steps(aligned, lines)
    pairs, of_sorts = iou(aligned, lines)
    done()
    sentences = difference_table(aligned)
    done()
    tables = {
        "layers": layer_table(aligned, lines),
        "orders": order_table(aligned, lines),
        "iou": pairs,
        "iou_by_sort": of_sorts,
        "steps": steps,
        "stability": stability_by_order(aligned, lines) if has_stability(aligned) else pd.DataFrame(),
        "sentences": sentences,
        "training": curves,
        "probes": probes,
    }
    return tables, described


def sections_of(
    aligned: Aligned, lines: Lines, tables: Mapping[str, pd.DataFrame], described: list[str], gallery: Gallery
) -> list[Section]:
    """The sections of the page, the answer first."""
    training = trained(aligned, lines)
    less = unequal(training)
    figures = Figures(aligned, lines, gallery, less)
    unit = UNITS.get(class_name(aligned.members[0].run.settings(aligned.extraction).get("score")), "score")
    stable = tables["stability"]
    return [
        start_section(figures, tables),
        sample_section(figures, unit),
        training_section(figures, training, tables["training"], tables["probes"]),
        what_section(figures, tables["layers"], tables["orders"]),
        where_section(figures, tables["layers"], tables["steps"], described),
        iou_section(figures, tables["iou"], tables["iou_by_sort"]),
        *([stability_section(figures, stable)] if len(stable) else []),
        method_section(aligned, tables["sentences"]),
        runs_section(aligned),
    ]


def titled(lines: Lines) -> str:
    """What is compared, in a few words.

    Example:
        >>> titled({"MLP": [0], "ViT": [1]}), titled(dict.fromkeys("abcdef", [0]))
        ('MLP and ViT', '6 networks')
    """
    names = list(lines)
    return f"{', '.join(names[:-1])} and {names[-1]}" if 2 <= len(names) <= 4 else f"{len(names)} networks"


def on_marks(aligned: Aligned) -> str:
    """Runs in which a layer that sentences are about is marked; the reader must know before anything else."""
    bad = {member.name: sorted(marks) for member in aligned.members if (marks := member.marks & asked(member.final))}
    if not bad:
        return ""
    named = "; ".join(f"{run} ({', '.join(layers)})" for run, layers in list(bad.items())[:MOST_NAMED])
    more = f" and {len(bad) - MOST_NAMED} more runs" if len(bad) > MOST_NAMED else ""
    return (
        f"Marked †: {named}{more}. What these layers are said to know may be noise, so no difference that depends on "
        "them is stated."
    )
