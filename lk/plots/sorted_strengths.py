"""Sorted strengths, with the salience line (Cheng et al. 2024, Fig. 2)."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import (
    THRESHOLD,
    depth_colours,
    footnote,
    grid,
    layer_labels,
    layers_of,
    log_scale,
    marked_in,
    styled,
)
from lk.text import number, significant


@styled
def sorted_strengths(ranked: pd.DataFrame, ratio: float) -> Figure:
    """Strengths of all AND and OR effects of all samples in descending order, and where salience ends.

    Each sample's strengths are relative to its strongest interaction, so that one line is the threshold of all. A rank
    is divided by the number of samples: a curve crosses the line at the mean number of salient interactions per sample.

    Args:
        ranked: Columns layer, depth, rank, strength, salient (mean number per sample), n; `marked` where known.
        ratio: The salience ratio.
    """
    layers, marked = layers_of(ranked), marked_in(ranked)
    colours = depth_colours(layers)
    figure, axes = grid(1, 2, height=3.5)
    counts = ranked.groupby("layer", sort=False)["salient"].first()
    for layer, label in zip(layers, layer_labels(layers, marked), strict=True):
        rows = ranked[ranked["layer"] == layer]
        for panel in axes[0]:
            panel.plot(
                rows["rank"],
                rows["strength"],
                color=colours[layer],
                linestyle=":" if layer in marked else "-",
                linewidth=2.4 if layer == layers[-1] else 1.5,
                label=f"{label}: {number(counts[layer], 1)}",
            )
    for panel in axes[0]:
        panel.axhline(ratio, color=THRESHOLD, linestyle="--", linewidth=1.3)
        panel.set(xlabel="rank / number of samples", ylabel="strength / strongest of the sample")
    zoom = max(2.0, 2.2 * float(counts.max()))
    axes[0, 0].set(xlim=(0, zoom), ylim=(0, 1.02), title="The strongest")
    axes[0, 0].text(
        zoom, ratio, f"salient above {significant(ratio)} ", color=THRESHOLD, ha="right", va="bottom", fontsize=9.5
    )
    log_scale(axes[0, 1])
    axes[0, 1].set(ylim=(max(1e-5, ratio / 500), 1.3), title="All effects (log scale)")
    axes[0, 1].set_xlim(left=0)
    axes[0, 1].legend(title="salient per sample", loc="center left", bbox_to_anchor=(1.0, 0.5))
    footnote(figure, marked, f"n = {int(ranked['n'].iloc[0])} samples")
    return figure
