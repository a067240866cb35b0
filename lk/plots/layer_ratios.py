"""Completeness and redundancy by layer, all orders together."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lk.plots.side_by_side import fixed, heading, legend, named
from lk.plots.style import FORGOTTEN, TEST, layers_of, marked_in, styled, whiskers, with_intervals

LINES: Any = {"completeness": (TEST, "-", "o"), "redundancy": (FORGOTTEN, "--", "s")}


@styled
def layer_ratios(shares: pd.DataFrame, title: str) -> Figure:
    """Completeness and redundancy against the output, all orders, AND and OR together.

    The output itself, 1 and 0 by definition, is not drawn.

    Args:
        shares: Rows with the reference `output`: layer, depth, kind, order, quantity, mean, low, high, n; `marked`
            where known.
        title: On top of the figure.
    """
    rows = shares[(shares["reference"] == "output") & (shares["kind"] == "both") & (shares["order"] == 0)]
    rows = rows[rows["quantity"].isin(LINES)]
    layers = layers_of(rows)[:-1] or layers_of(rows)
    figure, axes = fixed()
    for place, (quantity, (colour, line, marker)) in enumerate(LINES.items()):
        own = rows[rows["quantity"] == quantity].set_index("layer").reindex(layers).reset_index()
        x = np.arange(len(layers)) + (place - 0.5) * 0.06
        axes[0, 0].plot(x, own["mean"], line, marker=marker, color=colour, markersize=7, linewidth=2.2)
        whiskers(axes[0, 0], x, own, colour)
    axes[0, 0].set(ylim=(-0.03, 1.03), ylabel="share of strength")
    named(axes[0, 0], layers, marked_in(rows))
    legend(figure, [Line2D([], [], color=c, linestyle=s, marker=m, label=name) for name, (c, s, m) in LINES.items()])
    note = "completeness: share of the output's strength; redundancy: share of the layer's that the output lacks"
    heading(figure, title, marked_in(rows), note, with_intervals(rows))
    return figure
