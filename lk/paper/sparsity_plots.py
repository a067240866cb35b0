"""Figures 2 and 11 of Cheng et al. (ICML 2024), and salient counts by setting."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lk.plots.style import MARKERS, RUNS, THRESHOLD, footnote, grid, log_scale, of_samples, short, styled
from lk.text import number, significant

__all__ = [
    "paper_counts",
    "paper_kappa",
    "paper_strengths",
]

MOST = 4  # panels side by side
WIDE = 30  # ratio of counts from which on the axis is logarithmic
REFERENCE = 0.04  # kappa
MANY = 1000  # points from which on the markers are pixels in the SVG


# ---- Sorted strengths of several networks, with the salience line (Cheng et al. 2024, Fig. 2).
@styled
def paper_strengths(frame: pd.DataFrame) -> Figure:
    """Strengths of all AND and OR effects of all samples in descending order; one panel per network.

    Ranks are divided by the number of samples: the curve crosses the threshold at the mean number of salient
    interactions per sample.

    Args:
        frame: Columns network, rank (strongest first, divided by the number of samples), strength (relative to the
            maximum that the threshold refers to, 0 to 1), tau (relative to the same), salient (mean number per sample),
            n.
    """
    networks = list(dict.fromkeys(frame["network"]))
    columns = min(MOST, len(networks))
    rows = -(-len(networks) // columns)
    figure, axes = grid(rows, columns, height=0.5 + 3.0 * rows, sharey=True)
    for place, (panel, network) in enumerate(zip(axes.flat, networks, strict=False)):
        own = frame[(frame["network"] == network) & (frame["rank"] > 0) & frame["strength"].notna()].sort_values("rank")
        panel.set(title=short(network, 26), ylim=(0, 1.04))
        if place + columns >= len(networks):
            panel.set_xlabel("rank / number of samples")
        if place % columns == 0:
            panel.set_ylabel("strength / largest strength")
        if not len(own):
            continue
        tau, salient = float(own["tau"].iloc[0]), float(own["salient"].iloc[0])
        panel.plot(own["rank"], own["strength"], color="#888888")
        above = own[own["strength"] > tau]
        panel.plot(above["rank"], above["strength"], color=RUNS[0], linewidth=2.6)
        log_scale(panel, "x")
        panel.axhline(tau, color=THRESHOLD, linestyle="--", linewidth=1.3)
        if salient > 0:
            panel.axvline(salient, color=THRESHOLD, linestyle=":", linewidth=1.3)
        turn = max(salient, float(own["rank"].iloc[0]))
        for text, away, side, height, colour in (
            ("salient", -5, "right", 0.66, RUNS[0]),
            ("noisy", 5, "left", 0.66, "#666666"),
            (f"{number(salient, 1)} per\nsample", 5, "left", 0.86, "#333333"),
        ):
            panel.annotate(
                text,
                (turn, height),
                (away, 0),
                textcoords="offset points",
                ha=side,
                va="center",
                color=colour,
                fontsize=9.5,
                annotation_clip=False,
            )
        panel.annotate(
            f"τ = {significant(tau)}",
            (1, tau),
            (0, 2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=THRESHOLD,
            fontsize=9.5,
        )
    for panel in axes.flat[len(networks) :]:
        panel.remove()
    footnote(figure, [], f"{of_samples(frame)}; dashed: the threshold τ; dotted: salient interactions per sample")
    return figure


# ---- Salient interactions per sample under several settings, and the reported number (Cheng et al. 2024, Section 3.1).
@styled
def paper_counts(frame: pd.DataFrame) -> Figure:
    """A row per setting, a panel per network: a box and a dot per sample, a diamond and a number at the mean.

    The paper's mean is a vertical line. The axis is logarithmic from 1 on where counts span more than a factor of 30.

    Args:
        frame: Columns setting, group (what the setting belongs to, such as `kappa`, `solver`, `threshold`), network,
            count (one row per sample), paper (the paper's mean, or NaN).
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
                f"paper: {significant(value, 3)}",
                (value, 0.0),
                (3, 2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                va="bottom",
                color=THRESHOLD,
                fontsize=9,
            )
        panel.set(title=short(network, 24), xlabel="salient interactions per sample")
        panel.grid(axis="y", visible=False)
    labels = [f"{group}: {setting}" for group, setting in settings.itertuples(index=False)]
    axes[0, 0].set_yticks(heights, [short(label, 34) for label in labels])
    axes[0, 0].set_ylim(float(heights[-1]) + 1.1, -0.7)
    sizes = rows.groupby(["network", "group", "setting"]).size().rename("n").reset_index()
    n = of_samples(sizes) if len(sizes) else "no samples"
    whiskers = "whiskers: 5 to 95 %, diamond and number: mean"
    footnote(figure, [], f"{n} per row; dots: samples, box: 25 to 75 % with median, {whiskers}")
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
        [{"whislo": q05, "q1": q25, "med": q50, "q3": q75, "whishi": q95}],
        positions=[height],
        orientation="horizontal",
        widths=0.6,
        showfliers=False,
        manage_ticks=False,
        medianprops={"color": "#222222", "linewidth": 1.8},
        boxprops={"color": "#444444"},
        whiskerprops={"color": "#444444"},
        capprops={"color": "#444444"},
    )
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


# ---- Effects under several bounds of the noise term (Cheng et al. 2024, Fig. 11).
@styled
def paper_kappa(frame: pd.DataFrame) -> Figure:
    """Signed effects, sorted by the effect at kappa = 0.04 (a black line).

    One colour and marker per other kappa, a panel per place.

    Args:
        frame: Columns kappa, rank (by the effect at kappa = 0.04), effect (signed, relative to the strongest of its
            sample), place, n.
    """
    places, kappas = list(dict.fromkeys(frame["place"])), sorted(frame["kappa"].unique())
    figure, axes = grid(1, len(places), height=4.0)
    others = [kappa for kappa in kappas if kappa != REFERENCE]
    for panel, place in zip(axes[0], places, strict=True):
        own = frame[(frame["place"] == place) & frame["effect"].notna()].sort_values("rank")
        for index, kappa in enumerate(others):
            found = own[own["kappa"] == kappa]
            panel.plot(
                found["rank"],
                found["effect"],
                MARKERS[index],
                color=RUNS[(0, 1, 5, 6, 4)[index % 5]],
                markersize=4.5,
                alpha=0.75,
                markeredgewidth=0,
                rasterized=len(found) > MANY,
                label=f"κ = {significant(kappa)}",
            )
        found = own[own["kappa"] == REFERENCE]
        if len(found):
            panel.plot(
                found["rank"],
                found["effect"],
                color="#000000",
                linewidth=1.5,
                label=f"κ = {significant(REFERENCE)}: sorted by this one",
            )
        panel.axhline(0, color="#444444", linewidth=0.8)
        panel.set(
            title=short(place, 40),
            xlabel=f"rank at κ = {significant(REFERENCE)} / number of samples",
            ylabel="effect / strongest effect of its sample",
        )
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=len(kappas), markerscale=1.5)
    note = f"{of_samples(frame)}; |δ| ≤ κ · |v(N) − v(∅)| bounds the noise term of each masked sample"
    figure.supxlabel(note, x=0.01, ha="left", fontsize=9, color="#555555")
    return figure
