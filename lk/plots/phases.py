"""The phases of training: order centre, what does not generalise, and the gap of the losses, over the same epochs."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lk.plots.style import (
    TEST,
    depth_colours,
    footnote,
    grid,
    layer_labels,
    layers_of,
    marked_in,
    short,
    styled,
    with_intervals,
)
from lk.text import number

PANELS = {
    "centre": "order centre",
    "alone": "share of strength\nno other network holds",
    "gap": "test − train loss\n(nats)",
}


@styled
def phases(centres: pd.DataFrame, ends: pd.DataFrame, gaps: pd.DataFrame) -> Figure:
    """Order centre of each layer, share of strength that no other network holds, and gap of the losses.

    One column per network.

    Args:
        centres: Columns network, layer, depth, quantity (`centre`, `alone`), epoch, mean, low, high, n, marked.
        ends: Columns network, layer, end_epoch (last of phase 1, NaN where the rule finds none), lowest_epoch,
            opens_epoch.
        gaps: Columns network, run, epoch, gap.
    """
    networks = list(dict.fromkeys(centres["network"]))
    shown = [name for name in PANELS if name == "gap" or name in set(centres["quantity"])]
    figure, axes = grid(len(shown), len(networks), height=2.2 * len(shown), sharex="col", sharey="row")
    for column, network in enumerate(networks):
        own = centres[centres["network"] == network]
        for panel, quantity in zip(axes[:-1, column], shown, strict=False):
            lines(panel, own[own["quantity"] == quantity])
        gap_lines(axes[-1, column], gaps[gaps["network"] == network])
        border(axes[:, column], ends[(ends["network"] == network) & (ends["layer"] == layers_of(own)[-1])])
        axes[0, column].set_title(short(network, 30))
        epoch_scale(axes[-1, column], own)
    for line, name in enumerate(shown):
        axes[line, 0].set_ylabel(PANELS[name])
    for column in range(len(networks)):
        axes[0, column].legend(loc="upper right", fontsize=9)
    marked = marked_in(centres)
    footnote(
        figure,
        marked,
        with_intervals(centres, "bands"),
        "hollow: marked †" if marked else "",
        "dashed: end of phase 1 at the output, mean of runs (dotted: lowest order centre where no run has one)",
    )
    return figure


def lines(panel: Axes, rows: pd.DataFrame) -> None:
    """One line per layer; hollow where the layer says little."""
    layers = layers_of(rows)
    colours = depth_colours(layers)
    for layer, label in zip(layers, layer_labels(layers), strict=True):
        found = rows[rows["layer"] == layer].sort_values("epoch")
        panel.plot(found["epoch"], found["mean"], "-o", color=colours[layer], markersize=3.5, label=label)
        panel.fill_between(found["epoch"], found["low"], found["high"], color=colours[layer], alpha=0.16, linewidth=0)
        hollow = found[found["marked"]]
        panel.plot(hollow["epoch"], hollow["mean"], "o", color=colours[layer], markerfacecolor="white", markersize=4.5)


def gap_lines(panel: Axes, rows: pd.DataFrame) -> None:
    """Gap of each run, and zero."""
    for _, own in rows.groupby("run", sort=False):
        panel.plot(own["epoch"], own["gap"], color=TEST, linewidth=1.1, alpha=0.7)
    panel.axhline(0, color="#444444", linewidth=0.8)


def border(panels: np.ndarray[tuple[int], np.dtype[np.object_]], ends: pd.DataFrame) -> None:
    """The end of phase 1, and where the gap opens."""
    known = ends["end_epoch"].dropna()
    for panel in panels:
        if len(known):
            panel.axvline(float(known.mean()), color="#333333", linestyle="--", linewidth=1)
        elif len(ends):
            panel.axvline(float(ends["lowest_epoch"].mean()), color="#333333", linestyle=":", linewidth=1)
    opens = ends["opens_epoch"].dropna()
    if len(opens):
        panels[-1].axvline(float(opens.mean()), color=TEST, linestyle="-.", linewidth=1, label="gap begins to grow")
        panels[-1].legend(loc="upper left", fontsize=9)


def epoch_scale(panel: Axes, rows: pd.DataFrame) -> None:
    """Logarithmic epochs with room for 0."""
    epochs = rows["epoch"].to_numpy(float)
    first, last = float(epochs[epochs > 0].min()), float(epochs.max())
    panel.set_xscale("symlog", linthresh=first, linscale=0.4)
    ticks = [0.0, *(10.0**k for k in range(-4, 5) if first <= 10.0**k <= 1.2 * last)]
    panel.set_xticks(ticks, [number(tick, max(0, -round(np.log10(tick)))) if tick else "0" for tick in ticks])
    panel.set_xticks([], minor=True)
    panel.set_xlim(-0.2 * first, 1.3 * last)
    panel.set_xlabel("epoch (log scale)")
