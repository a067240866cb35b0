"""Completeness and redundancy by layer (Cheng et al. 2024, Fig. 3b)."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lk.plots.style import (
    footnote,
    grid,
    layer_ticks,
    layers_of,
    marked_in,
    order_colours,
    styled,
    whiskers,
    with_intervals,
)

QUANTITIES = {"completeness": "share of the output's strength", "redundancy": "share of the layer's strength"}


@styled
def ratios(shares: pd.DataFrame, highest: int | None = None) -> Figure:
    """One curve per order, dark to light from low to high; all orders together in black.

    The output, 1 and 0 by definition, is not drawn.

    Args:
        shares: Rows with the reference `output`: layer, depth, kind, order (0: all), quantity, mean, low, high, n;
            `marked` where known.
        highest: Highest order with its own curve.
    """
    rows = shares[(shares["reference"] == "output") & shares["quantity"].isin(QUANTITIES)]
    # The output against itself is 1 and 0 by definition.
    layers, marked = layers_of(rows)[:-1] or layers_of(rows), marked_in(rows)
    orders = [order for order in sorted(rows["order"].unique()) if 0 < order <= (highest or rows["order"].max())]
    figure, axes = grid(2, 2, height=6.0, sharex=True, sharey=True)
    for column, (quantity, label) in enumerate(QUANTITIES.items()):
        for line, kind in enumerate(("and", "or")):
            panel = axes[line, column]
            curves(panel, rows[(rows["quantity"] == quantity) & (rows["kind"] == kind)], layers, orders)
            panel.set(ylim=(-0.03, 1.03), ylabel=label, title=f"{kind.upper()}: {quantity}")
            layer_ticks(panel, layers, marked)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    footnote(figure, marked, with_intervals(rows))
    return figure


def curves(panel: Axes, rows: pd.DataFrame, layers: list[str], orders: Sequence[int]) -> None:
    """One curve over layers per order, and a black one for all orders (order 0) where the rows hold it.

    Args:
        panel: Where to draw.
        rows: Columns layer, order, mean, low, high of one quantity and kind.
        layers: Names by depth.
        orders: Orders with a curve, low to high.
    """
    colours = {0: "#000000", **order_colours(orders)}
    for number, order in enumerate([*orders, 0]):
        found = rows[rows["order"] == order].set_index("layer").reindex(layers).reset_index()
        if found["mean"].notna().any():
            # Small shifts keep the whiskers of the curves apart.
            x = [place + (number - len(orders) / 2) * 0.05 for place in range(len(layers))]
            panel.plot(
                x,
                found["mean"],
                "-o",
                color=colours[order],
                linewidth=2.6 if order == 0 else 1.6,
                label="all orders" if order == 0 else f"order {order}",
            )
            whiskers(panel, x, found, colours[order])
