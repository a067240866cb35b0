"""Stability of interactions under small input noise, of compared runs, from tables (Cheng et al. 2024, Eq. 10)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from lk.extraction.tables import KINDS
from lk.metrics.intervals import Array, jackknife
from lk.studies.alignment import Aligned
from lk.studies.averages import weighted_mean
from lk.studies.grouping import line_table
from lk.studies.pairs import PLACES
from lk.studies.run_facts import highest_order


def has_stability(aligned: Aligned) -> bool:
    """Whether every run has the table, for its finished network."""
    return all(len(member.stability) for member in aligned.members)


def by_sample(aligned: Aligned) -> Array:
    """Stability in the finished networks, `(runs, places, kinds, orders, samples)`, NaN where it is not known.

    Samples are those of `aligned.kept`; one that is missing in a run is left out in all, so that differences stay
    paired.
    """
    orders, rows = range(1, highest_order(aligned.final[0].n_players) + 1), []
    full = pd.MultiIndex.from_product([PLACES, KINDS, orders, aligned.kept])
    for member in aligned.members:
        values = member.stability.groupby(["place", "kind", "order", "sample"])["stability"].mean().reindex(full)
        rows.append(values.to_numpy(float).reshape(len(PLACES), len(KINDS), len(orders), -1))
    found = np.stack(rows)
    found[~np.isfinite(found)] = np.nan
    missing = np.isnan(found).all((1, 2, 3)).any(0)
    found[..., missing] = np.nan
    return found


def stability_by_order(aligned: Aligned, lines: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """Curves by order.

    Returns:
        Columns line, run (empty: mean of the line's runs), runs, place (`intermediate layer`, `output`), kind, order,
        mean, low, high, n (samples known in all runs).
    """
    found = by_sample(aligned)
    samples = int(np.isfinite(found).any((1, 2, 3)).all(0).sum())
    means = weighted_mean(jackknife(len(aligned.kept)), torch.from_numpy(found))
    axes = {"place": PLACES, "kind": KINDS, "order": range(1, found.shape[3] + 1)}
    measured = dict(enumerate(np.moveaxis(means, 1, 0)))
    return line_table(lines, aligned, measured, lambda _: axes, samples)


def mean_log_stability(aligned: Aligned, weights: Array, place: str) -> Array:
    """One number per run: log10 of the mean stability of each kind and order, averaged over those that all runs know.

    Where enough samples carry some of them for an interval, these are taken alone.

    The logarithm, because stability falls by powers with the order: a plain mean would speak of single players only.

    Returns:
        Shape `(rows, runs)`.
    """
    found = weighted_mean(weights, torch.from_numpy(by_sample(aligned)[:, PLACES.index(place)]))
    cells = np.log10(np.where(found > 0, found, np.nan)).reshape(*found.shape[:2], -1)
    often, known = np.isfinite(cells).all((0, 1)), np.isfinite(cells[0]).all(0)
    cells = cells[:, :, often if often.any() else known]
    return np.asarray(cells.mean(2)) if cells.shape[2] else np.full(cells.shape[:2], np.nan)
