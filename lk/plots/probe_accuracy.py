"""Probe accuracy."""

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from lk.metrics.wilson import wilson
from lk.plots.style import (
    MOST_LAYERS,
    THRESHOLD,
    footnote,
    grid,
    layer_ticks,
    layers_of,
    marked_in,
    part_of,
    spread,
    styled,
)
from lk.text import epochs


@styled
def probe_accuracy(probes: pd.DataFrame, most: int = MOST_LAYERS) -> Figure:
    """Accuracy and calibration of every layer's probe on test samples, for some checkpoints.

    Whiskers at the last checkpoint are 95 % Wilson intervals over the test samples.

    Args:
        probes: Columns step, epoch, layer, depth, accuracy, calibration_error, chance, samples; `marked` where known.
        most: Checkpoints shown at most.
    """
    layers, steps = layers_of(probes), sorted(probes["step"].unique())
    shown = [steps[int(i)] for i in spread([str(i) for i in range(len(steps))], most)]
    last = probes[probes["step"] == steps[-1]]
    figure, axes = grid(1, 2, height=3.3)
    for number, step in enumerate(shown):
        rows = probes[probes["step"] == step].set_index("layer").reindex(layers)
        colour = mpl.colormaps["cividis_r"](0.15 + 0.85 * number / max(1, len(shown) - 1))
        final = step == steps[-1]
        for panel, quantity in zip(axes[0], ("accuracy", "calibration_error"), strict=True):
            panel.plot(
                range(len(layers)),
                rows[quantity],
                "-o",
                color=colour,
                linewidth=2.4 if final else 1.4,
                zorder=3 if final else 2,
                label=f"epoch {epochs(rows['epoch'].iloc[0])}",
            )
        if final:
            low, high = wilson(rows["accuracy"].to_numpy(), rows["samples"].to_numpy())
            axes[0, 0].vlines(range(len(layers)), low, high, color=colour, linewidth=1.1, zorder=3)
    chance = float(last["chance"].iloc[0])
    axes[0, 0].axhline(chance, color=THRESHOLD, linestyle=":", label="chance")
    axes[0, 0].set(ylabel="test accuracy", ylim=(min(0.0, chance), 1.02), title="Probe accuracy")
    axes[0, 1].set(ylabel="expected calibration error", title="Calibration (lower is better)")
    axes[0, 1].set_ylim(bottom=0)
    for panel in axes[0]:
        layer_ticks(panel, layers, marked_in(last))
    axes[0, 1].legend(*axes[0, 0].get_legend_handles_labels(), loc="center left", bbox_to_anchor=(1.0, 0.5))
    footnote(figure, marked_in(last), part_of(shown, steps, "checkpoints"))
    return figure
