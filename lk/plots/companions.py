"""Completeness beside what layers are usually compared by."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import footnote, grid, layer_ticks, layers_of, marked_in, styled

QUANTITIES = {
    "completeness": ("completeness", "#000000", "o"),
    "cka_output": ("CKA with the output", "#0072B2", "s"),
    "knn_accuracy": ("kNN accuracy", "#009E73", "^"),
}


@styled
def companions(frame: pd.DataFrame) -> Figure:
    """Completeness, CKA with the output and kNN accuracy by layer; effective rank beside them on a scale of its own.

    Args:
        frame: One checkpoint: layer, depth, completeness, low, high, cka_output, knn_accuracy, effective_rank;
            `marked` where known.
    """
    layers = layers_of(frame)
    rows = frame.set_index("layer").reindex(layers)
    figure, axes = grid(1, 2, height=3.3)
    for column, (label, colour, marker) in QUANTITIES.items():
        axes[0, 0].plot(range(len(layers)), rows[column], color=colour, marker=marker, label=label)
    axes[0, 0].vlines(range(len(layers)), rows["low"], rows["high"], color="#000000", linewidth=1.1)
    axes[0, 0].set(ylabel="share, or similarity", ylim=(min(0.0, float(rows["cka_output"].min())), 1.05))
    axes[0, 0].set_title("Completeness, CKA, kNN")
    axes[0, 1].plot(range(len(layers)), rows["effective_rank"], color="#D55E00", marker="D")
    axes[0, 1].set(ylabel="effective rank", title="Directions in use")
    axes[0, 1].set_ylim(bottom=0)
    axes[0, 1].legend(*axes[0, 0].get_legend_handles_labels(), loc="center left", bbox_to_anchor=(1.0, 0.5))
    for panel in axes[0]:
        layer_ticks(panel, layers, marked_in(frame))
    footnote(figure, marked_in(frame), "the output is left out: its completeness and CKA are 1 by definition")
    return figure
