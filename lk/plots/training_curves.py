"""Training curves."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import TEST, TRAIN, grid, log_scale, styled
from lk.text import number

PANELS = (("loss", "loss (nats)"), ("accuracy", "accuracy"))


@styled
def training_curves(training: pd.DataFrame, checkpoints: pd.DataFrame | None = None) -> Figure:
    """Loss and accuracy of both splits over epochs.

    Args:
        training: Columns epoch, quantity (`train/loss`, `test/accuracy`, ...), value.
        checkpoints: Column epoch: where the layers were read; shown as ticks along the lower edge.
    """
    figure, axes = grid(1, 2, height=2.9)
    for place, (name, label) in enumerate(PANELS):
        panel = axes[0, place]
        ends = {}
        for split, colour, line in (("train", TRAIN, "--"), ("test", TEST, "-")):
            rows = training[training["quantity"] == f"{split}/{name}"].sort_values("epoch")
            if len(rows):
                panel.plot(rows["epoch"], rows["value"], line, color=colour, marker="o", markersize=3, label=split)
                ends[colour] = (float(rows["epoch"].iloc[-1]), float(rows["value"].iloc[-1]))
        highest = max((value for _, value in ends.values()), default=0.0)
        for colour, (epoch, value) in ends.items():
            # The higher one moves up and the lower one down, so that close ends stay readable.
            lift = 0 if len(ends) == 1 else 6 if value == highest else -6
            style: Any = {"xytext": (5, lift), "textcoords": "offset points", "va": "center", "fontsize": 9.5}
            panel.annotate(number(value, 3), (epoch, value), color=colour, **style)
        if checkpoints is not None:
            panel.plot(
                checkpoints["epoch"].unique(),
                [0.0] * checkpoints["epoch"].nunique(),
                "|",
                color="#333333",
                markersize=9,
                clip_on=False,
                transform=panel.get_xaxis_transform(),
                label="layers read",
            )
        panel.set(xlabel="epoch", ylabel=label)
        panel.margins(x=0.09)
    if (training["quantity"].str.endswith("loss") & (training["value"] > 0)).any():
        log_scale(axes[0, 0])
    axes[0, 1].legend(loc="lower right")
    return figure
