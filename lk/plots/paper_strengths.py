"""Sorted strengths of several networks, with the salience line (Cheng et al. 2024, Fig. 2)."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import RUNS, THRESHOLD, footnote, grid, log_scale, of_samples, short, styled
from lk.text import number, significant

MOST = 4  # panels side by side


@styled
def paper_strengths(frame: pd.DataFrame) -> Figure:
    """Strengths of all AND and OR effects of all samples in descending order; one panel per network.

    Ranks are divided by the number of samples: the curve crosses the threshold at the mean number of salient interactions per sample.

    Args:
        frame: Columns network, rank (strongest first, divided by the number of samples), strength (relative to the maximum that the
            threshold refers to, 0 to 1), tau (relative to the same), salient (mean number per sample), n.
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
            ("salient", -5, "right", 0.66, RUNS[0]), ("noisy", 5, "left", 0.66, "#666666"),
            (f"{number(salient, 1)} per\nsample", 5, "left", 0.86, "#333333"),
        ):  # fmt: skip
            panel.annotate(
                text, (turn, height), (away, 0), textcoords="offset points", ha=side, va="center", color=colour, fontsize=9.5,
                annotation_clip=False,
            )  # fmt: skip
        panel.annotate(
            f"τ = {significant(tau)}", (1, tau), (0, 2), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right", va="bottom",
            color=THRESHOLD, fontsize=9.5,
        )  # fmt: skip
    for panel in axes.flat[len(networks) :]:
        panel.remove()
    footnote(figure, [], f"{of_samples(frame)}; dashed: the threshold τ; dotted: salient interactions per sample")
    return figure
