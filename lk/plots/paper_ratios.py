"""Completeness and redundancy of several networks by layer (Cheng et al. 2024, Fig. 3b for AND, 7b for OR)."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lk.plots.ratios import QUANTITIES, curves
from lk.plots.style import doubted, footnote, grid, layer_ticks, layers_of, order_colours, short, styled, with_intervals


@styled
def paper_ratios(frame: pd.DataFrame, kind: str) -> Figure:
    """Completeness above, redundancy below, a column per network; one curve per order, dark to light from low to high.

    Args:
        frame: Columns network, layer, depth, kind, order (0: all orders, in black, where given), quantity (`completeness`, `redundancy`),
            mean, low, high, marked, n. Every layer given is drawn: leave out the output, which is 1 and 0 by definition.
        kind: `and` or `or`.
    """
    rows = frame[(frame["kind"] == kind) & frame["quantity"].isin(QUANTITIES)]
    networks = list(dict.fromkeys(rows["network"]))
    orders = [order for order in sorted(rows["order"].unique()) if order > 0]
    figure, axes = grid(2, len(networks), height=6.2, sharex="col", sharey=True)
    any_marked: list[str] = []
    for column, network in enumerate(networks):
        own = rows[rows["network"] == network]
        layers, marked = layers_of(own), doubted(own)
        any_marked += marked
        for panel, quantity in zip(axes[:, column], QUANTITIES, strict=True):
            curves(panel, own[own["quantity"] == quantity], layers, orders)
            panel.set(ylim=(-0.03, 1.03))
            layer_ticks(panel, layers, marked, most=13)
        axes[0, column].set_title(short(network, 24))
        axes[1, column].set_xlabel("layer, early to late")
    for panel, (quantity, label) in zip(axes[:, 0], QUANTITIES.items(), strict=True):
        panel.set_ylabel(f"{kind.upper()}: {quantity}\n({label})")
    handles = [
        Line2D([], [], color=colour, marker="o", label=f"order {order}")
        for order, colour in order_colours(orders).items()
    ]
    if (rows["order"] == 0).any():
        handles.append(Line2D([], [], color="#000000", marker="o", linewidth=2.6, label="all orders"))
    figure.legend(handles=handles, loc="outside right center")
    footnote(figure, any_marked, with_intervals(rows))
    return figure
