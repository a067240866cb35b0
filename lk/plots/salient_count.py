"""Number of salient interactions by layer."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lk.plots.side_by_side import bars, fixed, heading, kinds, named
from lk.plots.style import KIND_COLOURS, layers_of, marked_in, styled, whiskers, with_intervals
from lk.text import number


@styled
def salient_count(counts: pd.DataFrame, title: str) -> Figure:
    """Salient interactions per sample: AND, and OR on top of it.

    Args:
        counts: Columns layer, depth, kind, order (0: all), mean, low, high, n; `marked` where known.
        title: On top of the figure.
    """
    rows = counts[counts["order"] == 0]
    layers = layers_of(rows)
    figure, axes = fixed()
    panel, x, base = axes[0, 0], np.arange(len(layers)), np.zeros(len(layers))
    for kind, colour in KIND_COLOURS.items():
        mean = rows[rows["kind"] == kind].set_index("layer").reindex(layers)["mean"].to_numpy(float)
        bars(panel, x, base, base + mean, 0.62, facecolor=colour, hatch="////" if kind == "or" else None)
        base = base + mean
    both = rows[rows["kind"] == "both"].set_index("layer").reindex(layers).reset_index()
    whiskers(panel, x, both)
    panel.autoscale_view()
    panel.set_ylim(0, 1.12 * max(1.0, np.nanmax(both[["mean", "high"]].to_numpy(float), initial=0.0)))
    for place, mean in enumerate(both["mean"]):
        panel.text(place + 0.04, mean, f" {number(mean, 1)}", va="bottom")
    panel.set_ylabel("salient per sample")
    named(panel, layers, marked_in(rows))
    kinds(figure)
    heading(figure, title, marked_in(rows), with_intervals(both, "whiskers (AND and OR together)"))
    return figure
