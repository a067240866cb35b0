"""Salient interactions per sample under several settings, against the number that the paper reports (Cheng et al. 2024, Section 3.1)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lk.plots.style import RUNS, THRESHOLD, footnote, grid, short, styled
from lk.text import number, significant

WIDE = 30  # ratio of counts from which on the axis is logarithmic


@styled
def paper_counts(frame: pd.DataFrame) -> Figure:
    """A row per setting, a panel per network: a box and a dot per sample, a diamond and a number at the mean.

    The paper's mean is a vertical line. The axis is logarithmic from 1 on where counts span more than a factor of 30.

    Args:
        frame: Columns setting, group (what the setting belongs to, such as `kappa`, `solver`, `threshold`), network, count (one row per
            sample), paper (the paper's mean, or NaN).
    """
    rows = frame[frame["count"].notna()]
    settings = frame.drop_duplicates(["group", "setting"])[["group", "setting"]].sort_values(
        "group",
        key=lambda groups: groups.map({group: i for i, group in enumerate(dict.fromkeys(groups))}),
        kind="stable",
    )
    groups, networks = list(dict.fromkeys(settings["group"])), list(dict.fromkeys(frame["network"]))
    colours = {group: RUNS[(0, 3, 4, 5, 6)[i % 5]] for i, group in enumerate(groups)}
    # A gap between groups.
    heights = np.arange(len(settings)) + 0.6 * np.array([groups.index(group) for group in settings["group"]])
    figure, axes = grid(1, len(networks), height=1.5 + 0.42 * (float(heights[-1]) + 1), sharey=True)
    positive = rows.loc[rows["count"] > 0, "count"]
    log = bool(len(positive)) and bool(positive.max() > WIDE * positive.min())
    for panel, network in zip(axes[0], networks, strict=True):
        own = rows[rows["network"] == network]
        # The paper's line lies within the axis, however few interactions there are.
        limits(panel, pd.concat([rows["count"], rows["paper"].dropna()]), log)
        for height, (group, setting) in zip(heights, settings.itertuples(index=False), strict=True):
            counts = own.loc[(own["group"] == group) & (own["setting"] == setting), "count"].to_numpy(float)
            if len(counts):
                distribution(panel, height, counts, colours[group])
        for value in own["paper"].dropna().unique():
            panel.axvline(value, color=THRESHOLD, linestyle="--", linewidth=1.4)
            panel.annotate(
                f"paper: {significant(value, 3)}", (value, 0.0), (3, 2), xycoords=("data", "axes fraction"), textcoords="offset points", va="bottom",
                color=THRESHOLD, fontsize=9,
            )  # fmt: skip
        panel.set(title=short(network, 24), xlabel="salient interactions per sample")
        panel.grid(axis="y", visible=False)
    labels = [f"{group}: {setting}" for group, setting in settings.itertuples(index=False)]
    axes[0, 0].set_yticks(heights, [short(label, 34) for label in labels])
    axes[0, 0].set_ylim(float(heights[-1]) + 1.1, -0.7)
    sizes = rows.groupby(["network", "group", "setting"]).size()
    n = (
        "no samples"
        if not len(sizes)
        else f"n = {sizes.min()} samples"
        if sizes.min() == sizes.max()
        else f"n = {sizes.min()} to {sizes.max()} samples"
    )
    footnote(
        figure,
        [],
        f"{n} per row; dots: samples, box: 25 to 75 % with median, whiskers: 5 to 95 %, diamond and number: mean",
    )
    return figure


def limits(panel: Axes, counts: pd.Series, log: bool) -> None:
    """Range and ticks of the counts, with room for a number on the right."""
    low, high = (float(counts.min()), float(counts.max())) if len(counts) else (0.0, 1.0)
    if not log:
        panel.set_xlim(0, 1.22 * max(high, 1.0))
        return
    panel.set_xscale("symlog", linthresh=1.0, linscale=0.3)  # a count may be 0
    panel.set_xlim(0 if low < 1 else 0.7 * low, 1.9 * high)
    ticks = [tick for tick in (0, *(a * 10**k for k in range(6) for a in (1, 2, 5))) if low <= tick <= 1.5 * high]
    if len(ticks) > 7:
        ticks = [tick for tick in ticks if f"{tick}"[0] in "01"]
    panel.set_xticks(ticks, [f"{tick}" for tick in ticks])
    panel.set_xticks([], minor=True)


def distribution(panel: Axes, height: float, counts: np.ndarray, colour: str) -> None:
    """Box, dots and mean of one setting at a height."""
    # Dots stand apart by their number, not by chance: the same data give the same figure.
    shift = (np.arange(len(counts)) * 0.618 % 1.0 - 0.5) * 0.5
    panel.plot(counts, height + shift, "o", color=colour, markersize=2.6, alpha=0.45, markeredgewidth=0)
    q05, q25, q50, q75, q95 = np.quantile(counts, (0.05, 0.25, 0.5, 0.75, 0.95))
    panel.bxp(
        [{"whislo": q05, "q1": q25, "med": q50, "q3": q75, "whishi": q95}], positions=[height], orientation="horizontal", widths=0.6,
        showfliers=False, manage_ticks=False, medianprops={"color": "#222222", "linewidth": 1.8}, boxprops={"color": "#444444"},
        whiskerprops={"color": "#444444"}, capprops={"color": "#444444"},
    )  # fmt: skip
    mean = float(counts.mean())
    panel.plot(mean, height, "D", color="#000000", markersize=5, zorder=4)
    panel.annotate(
        number(mean, 1),
        (max(q95, float(counts.max())), height),
        (6, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
    )
