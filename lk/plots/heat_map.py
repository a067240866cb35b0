"""Heat map."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import doubted, footnote, grid, layer_ticks, layers_of, styled


@styled
def heat_map(strengths: pd.DataFrame) -> Figure:
    """Mean salient strength by layer and order, AND beside OR.

    Args:
        strengths: One row per layer, kind, order and sample, with salient_strength (`lk.studies.dynamics.strengths`).
    """
    layers, marked = layers_of(strengths), doubted(strengths)
    means = strengths.groupby(["kind", "layer", "order"], sort=False)["salient_strength"].mean()
    figure, axes = grid(1, 2, width=9.0, height=max(2.4, 0.9 + 0.4 * len(layers)), sharey=True)
    top = float(max(means.max(), 1e-9))
    for panel, kind in zip(axes[0], ("and", "or"), strict=True):
        table = means[kind].unstack("order").reindex(layers).sort_index(axis=1)
        image = panel.imshow(table.to_numpy(float), aspect="auto", cmap="viridis", vmin=0, vmax=top)
        if table.size <= 90:
            for (i, j), value in np.ndenumerate(table.to_numpy(float)):
                panel.text(j, i, f"{value:.2g}", ha="center", va="center", color="white" if value < 0.6 * top else "black", fontsize=9)
        panel.set(title=kind.upper(), xlabel="order")
        panel.set_xticks(range(table.shape[1]), [str(order) for order in table.columns])
        panel.grid(visible=False)
    layer_ticks(axes[0, 0], layers, marked, "y")
    figure.colorbar(image, ax=list(axes[0]), label="salient strength (unit of the score)", pad=0.01)
    footnote(figure, marked)
    return figure
