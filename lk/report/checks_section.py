"""Section of a report: certificates, universal matching, and where the time went."""

import pandas as pd

from lk.pages.glossary import METHOD
from lk.pages.page import Section
from lk.studies.extraction_averages import ExtractionAverages
from lk.studies.surprises import RULE
from lk.text import epochs, number, of, percent, significant


def checks_section(extraction: ExtractionAverages, suffix: str) -> Section:
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
    section.text.append(f"All averages are over n = {extraction.final.and_.shape[2]} samples. {METHOD} {RULE}")
    return section


def proven_canonical(games: pd.DataFrame) -> str:
    """How many games have an answer proven to be the canonical one; a dash where that was not stored."""
    known = games["canonical"].dropna() if "canonical" in games else pd.Series(dtype="boolean")
    return of(int(known.sum()), len(known)) if len(known) else "–"
