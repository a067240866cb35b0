"""Tables of aligned runs, one per question: accuracy, layers, orders; each by run and by line."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lk.extraction.tables import KINDS, depths, intermediate
from lk.interactions import Interactions
from lk.metrics.intervals import SEEDS, Array, jackknife
from lk.metrics.wilson import wilson
from lk.studies.alignment import Aligned
from lk.studies.averages import BOTH, strengths
from lk.studies.compared import QUANTITIES
from lk.studies.grouping import line_table

Lines = Mapping[str, Sequence[int]]


def accuracy(aligned: Aligned, lines: Lines) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test accuracy by epoch, and accuracy of each layer's probe in the finished network.

    Intervals of a probe of one run are Wilson's over the test samples; those of a line are over its training runs.

    Returns:
        Two tables with columns line, run (empty: mean of the line's runs), mean, low, high; epoch; or layer, depth,
        marked. Empty where no run has such a table.
    """
    curves, probed = [], []
    for line, places in lines.items():
        for member in (aligned.members[i] for i in places):
            if member.training is not None:
                rows = member.training[member.training["quantity"] == "test/accuracy"]
                own = rows.assign(mean=rows["value"], low=np.nan, high=np.nan)
                curves.append(own[["epoch", "mean", "low", "high"]].assign(line=line, run=member.name))
            if member.probes is not None:
                rows = member.probes[member.probes["step"] == member.probes["step"].max()]
                low, high = wilson(rows["accuracy"].to_numpy(float), rows["samples"].to_numpy(float))
                own = rows.assign(mean=rows["accuracy"], low=low, high=high, marked=rows["at_chance"].astype(bool))
                own = own[["layer", "depth", "samples", "chance", "marked", "mean", "low", "high"]]
                probed.append(own.assign(line=line, run=member.name))
    found = []
    for frames, keys in ((curves, ["epoch"]), (probed, ["layer", "depth"])):
        table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        found.append(pd.concat([over_runs(table, keys), table], ignore_index=True) if len(table) else table)
    return found[0], found[1]


def over_runs(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Means of each line over its runs, with Student's t intervals over them from three runs on.

    Only where all runs of the line have the row.
    """
    means = []
    for line, rows in table.groupby("line", sort=False):
        runs = rows["run"].nunique()
        if runs < 2:
            continue
        for _, own in rows.groupby(list(keys), sort=False):
            if len(own) == runs:
                row = own.iloc[0].to_dict() | mean_over(own["mean"].to_numpy(float)) | {"line": line, "run": ""}
                means.append(row | ({"marked": bool(own["marked"].any())} if "marked" in own else {}))
    return pd.DataFrame(means)


def mean_over(values: Array) -> dict[str, float]:
    """Mean of training runs with Student's t interval, none below three runs.

    Example:
        >>> {key: round(value, 2) for key, value in mean_over(np.array([1.0, 2.0, 3.0])).items()}
        {'mean': 2.0, 'low': -0.48, 'high': 4.48}
    """
    from scipy.special import stdtrit

    half = np.nan
    if len(values) >= SEEDS:
        half = float(stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / len(values) ** 0.5)
    return {"mean": float(values.mean()), "low": float(values.mean()) - half, "high": float(values.mean()) + half}


def layer_table(aligned: Aligned, lines: Lines) -> pd.DataFrame:
    """Salient count, completeness and redundancy by depth and epoch.

    A line has the epochs that all its runs have.

    Returns:
        Columns line, run (empty: mean of the line's runs), runs, step, epoch, layer, depth, quantity (`count`,
        `completeness`, `redundancy`, and `held`: the share of the finished output's strength), mean, low, high, n,
        marked, middle (the intermediate layer), last (the line's last checkpoint).
    """
    parts = []
    for line, places in lines.items():
        found, members = aligned.final[places[0]], [aligned.members[i] for i in places]
        courses = [{point.epoch: point for point in member.course} for member in members]
        common = sorted(set.intersection(*(set(course) for course in courses)))
        for epoch in common:
            points = {i: course[epoch] for i, course in zip(places, courses, strict=True)}
            step = points[places[0]].step
            measured = {i: point.layers for i, point in points.items()}
            table = line_table({line: places}, aligned, measured, layer_axes, step=step, epoch=epoch)
            bad = [
                flagged(member.low_signal, point.step) for member, point in zip(members, points.values(), strict=True)
            ]
            marks = {"": set.union(*bad), **{member.name: own for member, own in zip(members, bad, strict=True)}}
            marked = [layer in marks[run] for run, layer in zip(table["run"], table["layer"], strict=True)]
            table = table.assign(depth=table["layer"].map(depths(found.layers)), marked=marked)
            middle = table["layer"] == intermediate(found.layers)
            parts.append(table.assign(middle=middle, last=epoch == common[-1]))
    return pd.concat(parts, ignore_index=True)


def layer_axes(found: Interactions) -> dict[str, Sequence[object]]:
    """Axes of `Measured.layers`."""
    return {"quantity": QUANTITIES, "layer": found.layers}


def flagged(low_signal: pd.DataFrame, step: int) -> set[str]:
    """Layers that are marked at a checkpoint."""
    return set(low_signal.loc[low_signal["marked"] & (low_signal["step"] == step), "layer"])


def order_table(aligned: Aligned, lines: Lines) -> pd.DataFrame:
    """Strength by order at the output of the finished networks.

    Returns:
        Columns line, run (empty: mean of the line's runs), runs, quantity (`salient`: relative to the mean total
        effect; `share`: of the network's whole), kind, order, mean, low, high, n.
    """
    weights, measured = jackknife(len(aligned.kept)), []
    for found in aligned.final:
        own = strengths(found, weights)
        measured.append(np.stack([own[name][..., found.output] for name in ("salient", "share")], 1))

    def axes(found: Interactions) -> dict[str, Sequence[object]]:
        return {"quantity": ("salient", "share"), "kind": (*KINDS, BOTH), "order": range(found.n_players + 1)}

    return line_table(lines, aligned, dict(enumerate(measured)), axes)
