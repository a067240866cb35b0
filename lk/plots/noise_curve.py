"""Measured and theoretical share of each order over training."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import THRESHOLD, footnote, grid, short, spread, styled
from lk.text import epochs as epoch_text
from lk.text import significant


@styled
def noise_curve(curves: pd.DataFrame, most: int = 6) -> Figure:
    """Order shares of the Harsanyi dividends, and the curve of the fitted noise.

    One row per network, one panel per checkpoint.

    Args:
        curves: Columns network, run, step, epoch, order, real, theory, variance; the mean over runs is drawn.
        most: Checkpoints shown at most, evenly spread; the last one is left out, as it is fitted by construction.
    """
    means = curves.groupby(["network", "step", "epoch", "order"], sort=False)[["real", "theory", "variance"]].mean()
    rows = means.reset_index()
    networks = list(dict.fromkeys(rows["network"]))
    figure, axes = grid(len(networks), most, height=0.9 + 1.7 * len(networks), sharey="row", sharex="row")
    for line, network in enumerate(networks):
        own = rows[rows["network"] == network]
        steps = spread([str(step) for step in sorted(own["step"].unique())[:-1]], most)
        for panel, step in zip(axes[line], steps, strict=False):
            found = own[own["step"] == int(step)].sort_values("order")
            panel.bar(found["order"], found["real"], color="#BBBBBB", width=0.75, label="measured")
            panel.plot(found["order"], found["theory"], "-o", color=THRESHOLD, markersize=3, label="theory")
            epoch, variance = epoch_text(float(found["epoch"].iloc[0])), float(found["variance"].iloc[0])
            panel.set_title(f"epoch {epoch}, σ² = {significant(variance, 1)}", fontsize=9)
            panel.set_xticks(sorted(own["order"].unique()))
            panel.tick_params(axis="x", labelsize=9)
            panel.grid(axis="x", visible=False)
        for panel in axes[line, len(steps) :]:
            panel.remove()
        axes[line, 0].set_ylabel(short(network, 22), fontsize=9)
    figure.supylabel("share of summed |dividend|", fontsize=9.5)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    footnote(figure, [], "x: order; means over runs and samples; σ² is fitted on the other half of the samples")
    return figure
