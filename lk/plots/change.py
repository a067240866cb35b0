"""Kept, newly emerged and forgotten strength by order."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lk.plots.side_by_side import bars, blocks, fixed, heading, legend, places, swatch
from lk.plots.style import (
    FORGOTTEN,
    MOST_LAYERS,
    NEW,
    OVERLAP,
    REACH,
    layers_of,
    marked_in,
    mirrored,
    part_of,
    spread,
    styled,
    with_intervals,
)

REFERENCES = {"layer before": "since the\nlayer before", "checkpoint before": "since the\ncheckpoint before"}


@styled
def change(shares: pd.DataFrame, title: str, references: Sequence[str] = tuple(REFERENCES)) -> Figure:
    """One row of bars per reference: grey is kept, blue above it newly emerged, orange below zero forgotten.

    AND and OR together.

    Args:
        shares: Columns layer, depth, kind, order, quantity, reference, mean, low, high, n; `marked` where known.
        title: On top of the figure.
        references: `layer before`, `checkpoint before`; those without rows are left out.
    """
    rows = shares[(shares["kind"] == "both") & (shares["order"] > 0)]
    known = [name for name in references if (rows["reference"] == name).any()]
    every, orders = layers_of(rows), sorted(rows["order"].unique())
    layers = spread(every, MOST_LAYERS)
    marked = marked_in(rows[rows["layer"].isin(layers)])
    figure, axes = fixed(max(1, len(known)), 1.6 + 1.9 * max(1, len(known)))
    for panel, reference in zip(axes[:, 0], known, strict=False):
        own = rows[(rows["reference"] == reference) & rows["layer"].isin(layers)]
        found = {name: own[own["quantity"] == name] for name in ("overlap", "forgotten", "new")}
        x = {name: places(frame, layers, orders) for name, frame in found.items()}
        kept, emerged, gone = (found[name]["mean"].to_numpy(float) for name in ("overlap", "forgotten", "new"))
        bars(panel, x["overlap"], np.zeros_like(kept), kept, 0.8, facecolor=OVERLAP)
        bars(panel, x["forgotten"], kept, kept + emerged, 0.8, facecolor=NEW)
        bars(panel, x["new"], -gone, np.zeros_like(gone), 0.8, facecolor=FORGOTTEN)
        above, below = found["forgotten"], found["new"]
        panel.vlines(x["forgotten"], kept + above["low"], kept + above["high"], color="#333333", linewidth=0.9)
        panel.vlines(x["new"], -below["high"], -below["low"], color="#333333", linewidth=0.9)
        panel.axhline(0, color="#444444", linewidth=0.8)
        panel.autoscale_view()
        panel.set_ylabel(REFERENCES[reference])
        mirrored(panel)
        blocks(panel, layers, orders, marked, named=panel is axes[0, 0])
        if panel is not axes[-1, 0]:
            panel.set(xticks=[], xlabel="")
    words = {"kept": OVERLAP, "newly emerged": NEW, "forgotten (downwards)": FORGOTTEN}
    legend(figure, [swatch(word, facecolor=colour) for word, colour in words.items()])
    heading(figure, title, marked, f"strength / {REACH}; {with_intervals(rows)}", part_of(layers, every))
    return figure
