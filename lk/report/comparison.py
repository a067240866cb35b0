"""The page that compares runs: one figure per question, and sentences with their evidence."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lk.metrics.intervals import LEVEL
from lk.pages.page import Gallery, render
from lk.report.comparison_sections import (
    counts_section,
    iou_section,
    method_section,
    orders_section,
    ratios_section,
    runs_section,
    stability_section,
    steps_section,
)
from lk.runs import Run
from lk.storage.files import writing
from lk.studies.alignment import Aligned, align
from lk.studies.differences import asked, difference_table
from lk.studies.layer_steps import layer_steps
from lk.studies.low_signal import low_signal_layers
from lk.studies.run_facts import class_name
from lk.studies.run_tables import accuracy, iou, layer_tables
from lk.studies.stability_by_order import has_stability, stability_by_order

MOST_ANSWERS = 12  # sentences at the top of the page


def folder_of(runs: Sequence[Run]) -> Path:
    """`comparisons/<ids>` beside the runs; many or long ids are hashed, so that the name stays a file name."""
    name = "-vs-".join(run.id for run in runs)
    if len(name) > 100:
        name = f"{len(runs)}-runs-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return runs[0].path.parent / "comparisons" / name


def write_comparison(runs: Sequence[Run], extraction: str = "default") -> Path:
    """Compare runs and write the page, its figures and its tables.

    Args:
        runs: Two runs or more that explain the same samples with the same players and settings.
        extraction: Name of the extraction to compare.

    Returns:
        The HTML file, `comparisons/<ids>/report.html` beside the runs.

    Raises:
        FileNotFoundError: A run has no such extraction.
        ValueError: The runs do not fit together; names what differs.
    """
    aligned = align(runs, extraction)
    folder = folder_of(runs)
    curves, probes = accuracy(runs)
    steps, described = layer_steps(aligned)
    pairs, of_sorts = iou(aligned)
    stable = stability_by_order(aligned) if has_stability(aligned) else pd.DataFrame()
    tables = {
        **layer_tables(aligned),
        "iou": pairs,
        "steps": steps,
        "stability": stable,
        "sentences": difference_table(aligned),
        "training": curves,
        "probes": probes,
    }
    for name, frame in tables.items():
        if len(frame):
            with writing(folder / "tables" / f"{name}.parquet") as temporary:
                frame.to_parquet(temporary, index=False)
    gallery = Gallery(folder / "figures")
    note = f"n = {len(aligned.kept)} samples, whiskers: 95 % intervals"
    sections = [
        runs_section(aligned, curves, probes, gallery),
        counts_section(aligned, tables["layers"], gallery, note),
        ratios_section(aligned, tables["layers"], gallery, note),
        steps_section(aligned, steps, described, gallery, note),
        orders_section(aligned, tables["orders"], gallery, note),
        iou_section(aligned, tables["iou"], of_sorts, gallery, note),
        *([stability_section(aligned, stable, gallery)] if len(stable) else []),
        method_section(aligned, tables["sentences"]),
    ]
    found = tables["sentences"]
    shown = found[(found["p_holm"] < LEVEL) & ~found["marked"]]
    answers = on_marks(aligned) + list(shown.nsmallest(MOST_ANSWERS, "p_holm").sort_index()["text"])
    silent = list(found.loc[(found["p_holm"] >= LEVEL) & ~found["marked"], "question"].unique())
    if not len(shown):
        answers.append("No difference is shown by the common samples: see the sentences below.")
    if len(shown) > MOST_ANSWERS:
        answers.append(f"{len(shown) - MOST_ANSWERS} more differences are shown: see all sentences below.")
    if silent:
        answers.append(f"No difference shown for some or all pairs in: {'; '.join(silent)}.")
    answers.append(
        f"Everything is measured on {len(aligned.kept)} samples that all {len(runs)} finished networks read rightly, "
        f"of {len(aligned.common)} that all explain."
    )
    title = f"{len(runs)} runs on {class_name(runs[0].config['data'])} compared"
    return render(
        folder / "report.html",
        title=title,
        subtitle=", ".join(run.id for run in runs),
        answers=answers,
        sections=sections,
        config="",
    )


def on_marks(aligned: Aligned) -> list[str]:
    """Runs in which a layer that sentences are about is marked; the reader must know before anything else."""
    bad = {
        run.id: sorted(marks)
        for run, found in zip(aligned.runs, aligned.final, strict=True)
        if (marks := low_signal_layers(run, aligned.extraction) & asked(found))
    }
    if not bad:
        return []
    named = "; ".join(f"{run} ({', '.join(layers)})" for run, layers in bad.items())
    return [
        (
            f"Marked †: {named}. What these layers are said to know may be noise, so no difference that depends on "
            "them is stated."
        )
    ]
