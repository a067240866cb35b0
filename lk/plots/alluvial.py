"""Alluvial figure: how many interactions are there at each place, and how many stay until the next."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lk.plots.style import footnote, grid, short, styled

COLOURS = {
    "reliable": "#0072B2",
    "withdrawn": "#999999",
    "forgotten": "#E69F00",
    "betraying": "#D55E00",
    "fluctuating": "#CC79A7",
    "other": "#56B4E9",
    "never at the output": "#E0E0E0",
}
HALF = 0.12  # width of a bar, in places


@styled
def alluvial(flows: pd.DataFrame, xlabel: str = "epoch", note: str = "") -> Figure:
    """Bars stacked by history, joined by what stays: a ribbon is as wide as the number of interactions that are kept.

    Args:
        flows: Columns network, place (from 0), label, history, count, kept (present at the next place too).
        xlabel: What the places are.
        note: Footnote.
    """
    networks = list(dict.fromkeys(flows["network"]))
    figure, axes = grid(1, len(networks), height=4.0)
    there = set(flows.loc[flows["count"] > 0, "history"])
    names = [name for name in COLOURS if name in there]
    for panel, network in zip(axes[0], networks, strict=True):
        stacked(panel, flows[flows["network"] == network], names)
        panel.set(title=short(network, 30), xlabel=xlabel)
        panel.grid(axis="x", visible=False)
    axes[0, 0].set_ylabel("salient interactions per sample")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=min(7, len(names)))
    footnote(figure, [], note or "bars: present at this place; ribbons: present at the next one too")
    return figure


def stacked(panel: Axes, rows: pd.DataFrame, names: Sequence[str]) -> None:
    """Draw the bars and ribbons of one network."""
    places = rows.drop_duplicates("place").sort_values("place")
    tables = (
        rows.pivot_table(index="place", columns="history", values=key, aggfunc="sum") for key in ("count", "kept")
    )
    count, kept = (table.reindex(columns=list(names)).fillna(0.0).to_numpy() for table in tables)
    base = np.concatenate([np.zeros((len(count), 1)), count.cumsum(1)], 1)
    bend = np.linspace(0, 1, 30)
    ease = 3 * bend**2 - 2 * bend**3
    for number, name in enumerate(names):
        colour = COLOURS[name]
        panel.bar(
            range(len(count)), count[:, number], 2 * HALF, bottom=base[:, number], color=colour, linewidth=0, label=name
        )
        for place in range(len(count) - 1):
            x = place + HALF + bend * (1 - 2 * HALF)
            low = base[place, number] + ease * (base[place + 1, number] - base[place, number])
            panel.fill_between(x, low, low + kept[place, number], color=colour, alpha=0.4, linewidth=0)
    labels = [short(str(label), 10) for label in places["label"]]
    slanted = sum(map(len, labels)) > 40
    panel.set_xticks(range(len(labels)), labels, rotation=40 if slanted else 0, ha="right" if slanted else "center")
