"""Survival curves: how long interactions stay."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import RUNS, footnote, grid, short, styled

LINES = ("-", "--", ":")


@styled
def survival(curves: pd.DataFrame) -> Figure:
    """Share of interactions that are still there, by order and by the phase they are first seen in.

    One panel per network.

    Args:
        curves: Columns network, run, phase, orders, time (log10 steps), mean, low, high, n.
    """
    networks = list(dict.fromkeys(curves["network"]))
    figure, axes = grid(1, len(networks), height=3.6, sharey=True)
    phases = list(dict.fromkeys(curves["phase"]))
    groups = list(dict.fromkeys(curves["orders"]))
    for panel, network in zip(axes[0], networks, strict=True):
        own = curves[curves["network"] == network]
        for (phase, orders, run), rows in own.groupby(["phase", "orders", "run"], sort=False):
            first = run == own["run"].iloc[0]
            panel.step(
                [0.0, *rows["time"]],
                [1.0, *rows["mean"]],
                where="post",
                color=RUNS[groups.index(orders)],
                linestyle=LINES[phases.index(phase)],
                alpha=1.0 if first else 0.35,
                label=f"{orders}, {phase} (n = {int(rows['n'].iloc[0]):,})" if first else None,
            )
            if first:
                panel.fill_between(
                    rows["time"],
                    rows["low"],
                    rows["high"],
                    step="post",
                    color=RUNS[groups.index(orders)],
                    alpha=0.12,
                    linewidth=0,
                )
        panel.set(title=short(network, 30), xlabel="time since first seen (factor of steps, log10)", ylim=(0, 1.02))
        panel.legend(fontsize=9)
    axes[0, 0].set_ylabel("share still there")
    footnote(
        figure, [], "first run in full colour with its 95 % interval (interactions taken as independent), others pale"
    )
    return figure
