"""The section of a report that sets completeness beside CKA, effective rank and kNN accuracy."""

import numpy as np
import pandas as pd

from lk import plots
from lk.games import OUTPUT
from lk.metrics import rank_correlation
from lk.pages.page import Gallery, Section
from lk.studies.averages import total
from lk.studies.extraction_averages import ExtractionAverages
from lk.studies.low_signal import marked
from lk.studies.run_facts import optional_table
from lk.text import number

NAMES = {"cka_output": "CKA with the output", "knn_accuracy": "kNN accuracy", "effective_rank": "effective rank"}
FEWEST = 8  # pairs of layer and checkpoint from which a correlation is told


def companion_section(extraction: ExtractionAverages, gallery: Gallery, suffix: str) -> Section | None:
    """Figure, one sentence and a table; nothing for an extraction without companions."""
    table = optional_table(extraction.run, f"{extraction.name}/companions")
    if table is None or not len(table):
        return None
    beside = joined(extraction, table)
    section = Section(f"Completeness beside other measures of layers{suffix}")
    last = beside[beside["step"] == beside["step"].max()]
    samples = int(table["samples"].max())
    gallery.hang(
        section,
        f"{'' if not suffix else extraction.name + '-'}companions",
        "Completeness, CKA, kNN accuracy and effective rank by layer",
        "Last checkpoint. Completeness: interactions of the output that a layer holds, with its 95 % interval. CKA: "
        "debiased linear CKA with the logits. kNN: share of samples whose class is that of most of their 5 nearest "
        "others. Effective rank: exponential of the entropy of the singular values. The three are of "
        f"{samples} test samples, unmasked.",
        plots.companions(marked(last, extraction.low_signal)),
    )
    section.text.append(agreement(beside))
    return section


def joined(extraction: ExtractionAverages, table: pd.DataFrame) -> pd.DataFrame:
    """One row per hidden layer and checkpoint: completeness with its interval, and its companions."""
    shares = total(extraction.tables["shares"], quantity="completeness", reference="output")
    shares = shares[shares["layer"] != OUTPUT][["step", "layer", "mean", "low", "high"]]
    return shares.rename(columns={"mean": "completeness"}).merge(table, on=["step", "layer"])


def agreement(beside: pd.DataFrame) -> str:
    """Which companions rank layers and checkpoints as completeness does, in one sentence."""
    kinds: dict[str, list[str]] = {"together": [], "against": [], "open": []}
    for column, name in NAMES.items():
        both = beside[["completeness", column]].dropna()
        value, low, high = rank_correlation(*(both[key].to_numpy(np.float64) for key in ("completeness", column)))
        if len(both) < FEWEST or np.isnan(value):
            continue
        kind = "together" if low > 0 else "against" if high < 0 else "open"
        kinds[kind].append(f"{name} ({number(value)}, {number(low)} to {number(high)})")
    starts = {"together": "rises with", "against": "falls with", "open": "shows no clear relation to"}
    said = [f"{starts[kind]} {' and '.join(names)}" for kind, names in kinds.items() if names]
    if not said:
        return f"Fewer than {FEWEST} pairs of layer and checkpoint: no correlation is told."
    return (
        f"Over {len(beside)} pairs of layer and checkpoint, completeness {'; it '.join(said)}: rank correlation with "
        "95 % interval, which takes the pairs for independent."
    )
