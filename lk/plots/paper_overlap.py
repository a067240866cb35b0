"""Overlapping, forgotten and newly emerged strength of several networks (Cheng et al. 2024, Fig. 3a for AND, 7a for OR)."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.overlap import WORDS, stacked
from lk.plots.style import (
    FORGOTTEN,
    MOST_LAYERS,
    NEW,
    REACH,
    doubted,
    footnote,
    grid,
    layer_labels,
    layers_of,
    short,
    spread,
    styled,
    with_intervals,
)

QUANTITIES = ("overlap", "forgotten", "new")


@styled
def paper_overlap(frame: pd.DataFrame, kind: str) -> Figure:
    """A row of small panels per network, its layers from early to late; in each the bars of `overlap`, by order.

    Grey is shared with the output; orange above it is forgotten later, blue below zero emerges later.

    Args:
        frame: Columns network, layer, depth, kind, order, quantity (`overlap`, `forgotten`, `new`), mean, low, high, marked, n. Rows with
            order 0 (all orders) are not drawn. At most six layers per network are, evenly spread.
        kind: `and` or `or`.
    """
    rows = frame[(frame["kind"] == kind) & (frame["order"] > 0) & frame["quantity"].isin(QUANTITIES)]
    networks, orders = list(dict.fromkeys(rows["network"])), sorted(rows["order"].unique())
    every = {network: layers_of(rows[rows["network"] == network]) for network in networks}
    shown = {network: spread(layers, MOST_LAYERS) for network, layers in every.items()}
    columns = max(map(len, shown.values()))
    figure, axes = grid(len(networks), columns, height=max(3.4, 1.1 + 1.7 * len(networks)), sharex=True, sharey="row")
    any_marked: list[str] = []
    for line, (network, layers) in enumerate(shown.items()):
        own = rows[rows["network"] == network]
        marked = [layer for layer in doubted(own) if layer in layers]
        any_marked += marked
        for panel, layer, title in zip(axes[line], layers, layer_labels(layers, marked, 14), strict=False):
            here = own[own["layer"] == layer]
            found = {
                quantity: here[here["quantity"] == quantity]
                .set_index("order")
                .reindex(orders)
                .rename_axis("order")
                .reset_index()
                for quantity in QUANTITIES
            }
            stacked(panel, found, (FORGOTTEN, NEW), WORDS["output"], 0.45 if layer in marked else 1.0)
            if here["mean"].isna().all():
                panel.text(
                    0.5,
                    0.5,
                    "no value",
                    transform=panel.transAxes,
                    ha="center",
                    va="center",
                    color="#666666",
                    fontsize=9.5,
                )
            panel.grid(axis="x", visible=False)
            panel.set_xticks(orders)
            panel.set_title(title, fontsize=10)
            # The last panel of its column, though not always of the grid: networks differ in the number of layers.
            if not any(len(below) > layers.index(layer) for below in list(shown.values())[line + 1 :]):
                panel.set_xlabel("order")
                panel.tick_params(labelbottom=True)
        axes[line, 0].set_ylabel(short(network, 18), fontweight="bold")
        for panel in axes[line, len(layers) :]:
            panel.remove()
    figure.supylabel(f"{kind.upper()}: strength / {REACH}", fontsize=10.5)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    cut = max((len(layers) for layers in every.values()), default=0) > MOST_LAYERS
    fewer = f"at most {MOST_LAYERS} layers of a network, evenly spread" if cut else ""
    footnote(figure, any_marked, with_intervals(rows), fewer)
    return figure
