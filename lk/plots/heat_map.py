"""Heat map."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import footnote, grid, layer_ticks, layers_of, marked_in, of_samples, styled
from lk.text import number

MOST_CELLS = 90


@styled
def heat_map(strengths: pd.DataFrame) -> Figure:
    """Mean salient strength by layer and order, AND beside OR.

    Args:
        strengths: Columns layer, depth, kind, order, mean, n in the unit of the score (`salient_strength` of
            `lk.studies.averages`); `marked` where known.
    """
    layers, marked = layers_of(strengths), marked_in(strengths)
    rows = strengths[strengths["kind"].isin(("and", "or")) & (strengths["order"] > 0)]
    figure, axes = grid(1, 2, width=9.0, height=max(2.4, 0.9 + 0.4 * len(layers)), sharey=True)
    top = float(max(rows["mean"].max(), 1e-9))
    for panel, kind in zip(axes[0], ("and", "or"), strict=True):
        table = rows[rows["kind"] == kind].pivot(index="layer", columns="order", values="mean").reindex(layers)
        image = panel.imshow(table.to_numpy(float), aspect="auto", cmap="viridis", vmin=0, vmax=top)
        if table.size <= MOST_CELLS:
            digits = 0 if top >= 100 else 1 if top >= 10 else 2
            for (i, j), value in np.ndenumerate(table.to_numpy(float)):
                colour = "white" if value < 0.6 * top else "black"
                panel.text(j, i, number(value, digits), ha="center", va="center", color=colour, fontsize=9)
        panel.set(title=kind.upper(), xlabel="order")
        panel.set_xticks(range(table.shape[1]), [str(order) for order in table.columns])
        panel.grid(visible=False)
    layer_ticks(axes[0, 0], layers, marked, "y")
    figure.colorbar(image, ax=list(axes[0]), label="salient strength per sample (unit of the score)", pad=0.01)
    footnote(figure, marked, of_samples(rows))
    return figure
