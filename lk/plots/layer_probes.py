"""Probe accuracy by layer, with chance."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lk.metrics.wilson import wilson
from lk.plots.side_by_side import fixed, heading, legend, named
from lk.plots.style import TEST, THRESHOLD, layers_of, marked_in, styled

EARLIER = "#BBBBBB"


@styled
def layer_probes(probes: pd.DataFrame, title: str) -> Figure:
    """Test accuracy of every layer's probe at the last checkpoint, with chance; earlier checkpoints in grey.

    Args:
        probes: Columns step, layer, depth, accuracy, chance, samples; `marked` where known.
        title: On top of the figure.
    """
    layers, last = layers_of(probes), probes[probes["step"] == probes["step"].max()]
    table = probes.pivot(index="step", columns="layer", values="accuracy").sort_index()[layers].to_numpy(float)
    figure, axes = fixed()
    panel, x = axes[0, 0], np.arange(len(layers))
    panel.add_collection(LineCollection([np.stack([x, row], 1) for row in table[:-1]], colors=EARLIER, linewidths=1.0))
    panel.plot(x, table[-1], "-o", color=TEST, markersize=7, linewidth=2.2)
    samples, chance = last.set_index("layer").reindex(layers)["samples"], float(last["chance"].iloc[0])
    panel.vlines(x, *wilson(table[-1], samples.to_numpy()), color=TEST, linewidth=1.1)
    panel.axhline(chance, color=THRESHOLD, linestyle=":")
    panel.set(ylabel="test accuracy", ylim=(min(0.0, chance), 1.02))
    named(panel, layers, marked_in(last))
    entries: Any = {"this checkpoint": (TEST, "-"), "chance": (THRESHOLD, ":"), "earlier checkpoints": (EARLIER, "-")}
    legend(figure, [Line2D([], [], color=c, linestyle=s, label=name) for name, (c, s) in entries.items()])
    note = "the output is the network itself; chance: always the most frequent class"
    counted = f"n = {int(samples.max()):,} test samples, whiskers: 95 % Wilson intervals"
    heading(figure, title, marked_in(last), f"{note}; {counted}")
    return figure
