"""Strength by order and sign at a few checkpoints (after arXiv 2405.10262)."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import DAGGER, footnote, grid, marked_in, short, spread, styled, with_intervals
from lk.text import epochs as epoch_text

POSITIVE, NEGATIVE, FIT = "#B2182B", "#2166AC", "#000000"


@styled
def orders_over_training(orders: pd.DataFrame, most: int = 6) -> Figure:
    """Share of each order in the salient strength, for and against the class.

    One row per network, one panel per checkpoint.

    Args:
        orders: Columns network, step, epoch, sign (`positive`, `negative`), order, mean, low, high, n;
            `marked` where known.
        most: Checkpoints shown at most, evenly spread.
    """
    networks = list(dict.fromkeys(orders["network"]))
    widest = max(min(most, own["step"].nunique()) for _, own in orders.groupby("network"))
    figure, axes = grid(len(networks), widest, height=0.9 + 1.75 * len(networks), sharey="row", sharex="row")
    for line, network in enumerate(networks):
        own = orders[orders["network"] == network]
        steps = spread([str(step) for step in sorted(own["step"].unique())], most)
        for panel, step in zip(axes[line], steps, strict=False):
            rows = own[own["step"] == int(step)]
            for sign, side, colour in (("positive", 1, POSITIVE), ("negative", -1, NEGATIVE)):
                found = rows[rows["sign"] == sign].sort_values("order")
                panel.bar(found["order"], side * found["mean"], color=colour, width=0.75, label=f"{sign} effects")
                panel.vlines(found["order"], side * found["low"], side * found["high"], color="#333333", linewidth=0.9)
            panel.axhline(0, color="#444444", linewidth=0.8)
            flag = f" {DAGGER}" if marked_in(rows) else ""
            panel.set_title(f"epoch {epoch_text(float(rows['epoch'].iloc[0]))}{flag}", fontsize=9.5)
            panel.grid(axis="x", visible=False)
        for panel in axes[line, len(steps) :]:
            panel.remove()
        axes[line, 0].set_ylabel(short(network, 22), fontsize=9)
        for panel in axes[line, : len(steps)]:
            panel.set_xticks(sorted(own["order"].unique()))
            panel.tick_params(axis="x", labelsize=9)
    figure.supylabel("share of salient strength", fontsize=9.5)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    footnote(figure, marked_in(orders), "x: order", with_intervals(orders))
    return figure
