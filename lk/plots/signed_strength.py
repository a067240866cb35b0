"""Strength by order and sign, for all layers in one pair of axes."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lk.plots.side_by_side import bars, blocks, fixed, heading, kinds, places
from lk.plots.style import (
    KIND_COLOURS,
    MOST_LAYERS,
    REACH,
    layers_of,
    marked_in,
    mirrored,
    part_of,
    spread,
    styled,
    whiskers,
    with_intervals,
)


@styled
def signed_strength(strengths: pd.DataFrame, title: str) -> Figure:
    """Positive effects upwards, negative ones downwards, AND beside OR, layer by layer.

    Args:
        strengths: Columns layer, depth, kind, order, quantity (`positive`, `negative`), mean, low, high, n; `marked`
            where known.
        title: On top of the figure.
    """
    rows = strengths[strengths["kind"].isin(KIND_COLOURS) & (strengths["order"] > 0)]
    every, orders = layers_of(rows), sorted(rows["order"].unique())
    layers = spread(every, MOST_LAYERS)
    rows = rows[rows["layer"].isin(layers) & rows["quantity"].isin(("positive", "negative"))]
    figure, axes, marked = *fixed(), marked_in(rows)
    panel = axes[0, 0]
    for side, (kind, colour) in enumerate(KIND_COLOURS.items()):
        for quantity, sign in (("positive", 1), ("negative", -1)):
            own = rows[(rows["kind"] == kind) & (rows["quantity"] == quantity)]
            x, mean = places(own, layers, orders) + (side - 0.5) * 0.4, own["mean"].to_numpy(float)
            ends = np.sort(np.stack([np.zeros_like(mean), sign * mean]), 0)
            bars(panel, x, ends[0], ends[1], 0.4, facecolor=colour, hatch="////" if kind == "or" else None)
            whiskers(panel, x, own[["low", "high"]] * sign)
    panel.axhline(0, color="#444444", linewidth=0.8)
    panel.autoscale_view()
    mirrored(panel)
    panel.set_ylabel("↓ negative      positive ↑")
    blocks(panel, layers, orders, marked)
    kinds(figure)
    heading(figure, title, marked, f"strength / {REACH}; {with_intervals(rows)}", part_of(layers, every))
    return figure
