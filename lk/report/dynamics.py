"""The page on the dynamics of interactions over training, and the section of it in the report of one run."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lk.games import OUTPUT
from lk.metrics.intervals import SEEDS
from lk.pages.glossary import GLOSSARY
from lk.pages.page import Gallery, Section, render
from lk.report.comparison import folder_of
from lk.report.dynamics_sections import (
    confusing_section,
    generalisation_sections,
    history_section,
    order_section,
    phase_section,
    runs_section,
    verdict_section,
)
from lk.runs import Run
from lk.storage.files import writing
from lk.studies.dynamics import configurations
from lk.studies.dynamics_tables import Tables, change_tables, tables_of
from lk.studies.dynamics_verdicts import claim_table, claim_verdicts
from lk.studies.trajectory import LEAST_CHECKPOINTS
from lk.studies.verdict import told

WORDS = {
    "order centre": "Mean order of the salient interactions, weighted by their strength.",
    "phase 1": (
        "Ends at the first checkpoint, below the initial network's order centre, from which the order centre rises "
        "twice in a row by more than its standard error; where there is none, at the lowest order centre."
    ),
    "generalisation share g": "Share of the other networks of a configuration that hold an interaction with the same "
    "sign.",
    "reliable": "Present at the end and 90 % of the time since it was first seen, and held by half of the other "
    "networks.",
    "withdrawn": "Absent at the end, last seen in phase 1.",
    "forgotten": "Absent at the end, lost after phase 1, held by half of the other networks.",
    "betraying": "First seen after phase 1, present at the end, held by fewer than half of the other networks.",
    "fluctuating": "At least three changes of presence after phase 1, and none of the above.",
    "confusing sample": (
        "Its interactions of high order are strong and cancel each other: both above the 90th percentile of the "
        "samples that are classified correctly."
    ),
}


def write_dynamics(
    runs: Sequence[Run],
    random_labels: Sequence[Run] = (),
    extraction: str = "default",
    training: str = "train",
    opposite: bool = True,
) -> Path:
    """Study how interactions change over training, and write the page, its figures and its tables.

    Args:
        runs: Runs; those that differ in their seed alone are one configuration, and each other's reference networks.
        random_labels: Runs of the same networks, trained on random labels: the control.
        extraction: Name of the extraction.
        training: Name of an extraction of training samples, used where a run has it.
        opposite: Decompose the output's values again with the opposite tie-break, as a control; stored in the runs.

    Returns:
        The HTML file, `dynamics/<ids>/report.html` beside the runs.

    Raises:
        FileNotFoundError: A run has no such extraction.
        ValueError: A run is named twice, has too few checkpoints, or does not fit to its configuration.
    """
    found = configurations(runs, extraction, training)
    control = configurations(random_labels, extraction, training) if random_labels else []
    names = folder_of(runs)
    folder = names.parent.parent / "dynamics" / names.name
    claims = claim_table(found, control, opposite)
    tables = {**stacked([tables_of(one) for one in found]), "claims": claims, "verdicts": claim_verdicts(claims)}
    for name, frame in tables.items():
        with writing(folder / "tables" / f"{name}.parquet") as temporary:
            frame.to_parquet(temporary, index=False)
    gallery = Gallery(folder / "figures")
    sections = [
        verdict_section(tables),
        runs_section(found, control),
        phase_section(tables, gallery),
        order_section(tables, gallery),
        history_section(tables, gallery, found),
        *generalisation_sections(tables, gallery),
        confusing_section(tables),
    ]
    return render(
        folder / "report.html",
        title="How interactions change over training",
        subtitle=", ".join(f"{one.name} ({len(one.runs)} seed{'s' * (len(one.runs) != 1)})" for one in found),
        answers=answers(tables["verdicts"]),
        sections=sections,
        config="",
        glossary={**GLOSSARY, **WORDS},
    )


def dynamics_section(run: Run, extraction: str, gallery: Gallery) -> list[Section]:
    """The section on dynamics in the report of one run: phases and life histories; none with too few checkpoints.

    Checkpoints at which the output says little (probe at chance, small total effect) do not count for life histories.
    """
    if len(run.extracted(extraction)) < LEAST_CHECKPOINTS:
        return []
    found = configurations([run], extraction)
    tables = change_tables(found[0], found[0].measured)
    parts = [phase_section(tables, gallery, f"{extraction}-")]
    own = found[0].trajectories[0]
    telling = int(own.informative[:, own.layers.index(OUTPUT)].sum())
    if telling >= LEAST_CHECKPOINTS:
        parts.append(history_section(tables, gallery, found, f"{extraction}-"))
    section = Section(f"How interactions change over training{'' if extraction == 'default' else f' ({extraction})'}")
    for part in parts:
        section.text += part.text
        section.tables += part.tables
        section.pictures += part.pictures
    if telling < LEAST_CHECKPOINTS:
        section.text.append(
            f"Life histories need {LEAST_CHECKPOINTS} checkpoints at which the output says something; this run has "
            f"{telling}. Save more of them: every_n_epochs of SaveCheckpoints."
        )
    section.text.append("Generalisation and verdicts need several seeds: analyze.py dynamics RUN RUN RUN.")
    return [section]


def stacked(tables: Sequence[Tables]) -> Tables:
    """Tables of several configurations, one below the other."""
    joined = {}
    for name in tables[0]:
        parts = [each[name] for each in tables if len(each[name])]
        joined[name] = pd.concat(parts, ignore_index=True) if parts else tables[0][name]
    return joined


def answers(verdicts: pd.DataFrame) -> list[str]:
    """One sentence per claim: where it holds after Holm's correction, and where not."""
    named = verdicts["network"].where(verdicts["seeds"] >= SEEDS, verdicts["network"] + " (fewer than 3 runs)")
    return [
        f"{str(claim)[0].upper()}{str(claim)[1:]}: {told(own['network'], own['after_holm'])}."
        for claim, own in verdicts.assign(network=named).groupby("claim", sort=False)
    ]
