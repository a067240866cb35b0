"""Overlapping, forgotten and newly emerged strength (Cheng et al. 2024, Fig. 3a)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lk.plots.style import (
    FORGOTTEN,
    MOST_LAYERS,
    NEW,
    OVERLAP,
    REACH,
    footnote,
    grid,
    layer_labels,
    layers_of,
    marked_in,
    mirrored,
    part_of,
    spread,
    styled,
    with_intervals,
)

WORDS = {
    "output": ("overlap with the output", "forgotten: not in the output", "newly emerging: in the output only"),
    "layer before": ("overlap with the layer before", "newly emerged", "forgotten: in the layer before only"),
    "checkpoint before": (
        "overlap with the checkpoint before",
        "newly emerged",
        "forgotten: at the checkpoint before only",
    ),
}


@styled
def overlap(
    shares: pd.DataFrame, reference: str = "output", most: int = MOST_LAYERS, highest: int | None = None
) -> Figure:
    """Bars by order: grey is shared with the reference, upwards only the layer's, downwards only the reference's.

    Grey and the bar above it are together the layer's own salient strength, grey and the bar below it that of the
    reference. Against the output the bar above is forgotten later (orange) and the bar below emerges later (blue).
    Against the layer or the checkpoint before time runs the other way: above is newly emerged (blue), below is
    forgotten (orange).

    Args:
        shares: Columns layer, depth, kind, order, quantity, reference, mean, low, high, n; `marked` where known.
        reference: `output`, `layer before` or `checkpoint before`.
        most: Layers shown at most, evenly spread.
        highest: Highest order shown.
    """
    rows = shares[
        (shares["reference"] == reference)
        & (shares["order"] > 0)
        & (shares["order"] <= (highest or shares["order"].max()))
    ]
    every, marked = compared_layers(shares, reference), marked_in(rows)
    layers = spread(every, most)
    # `forgotten` and `new` are named as seen from the layer against the output.
    above, below = (FORGOTTEN, NEW) if reference == "output" else (NEW, FORGOTTEN)
    figure, axes = grid(2, len(layers), height=5.0, sharex=True, sharey="row")
    words = WORDS[reference]
    for line, kind in enumerate(("and", "or")):
        for panel, layer, title in zip(axes[line], layers, layer_labels(layers, marked), strict=True):
            found = {
                quantity: rows[
                    (rows["layer"] == layer) & (rows["kind"] == kind) & (rows["quantity"] == quantity)
                ].sort_values("order")
                for quantity in ("overlap", "forgotten", "new")
            }
            stacked(panel, found, (above, below), words, 0.45 if layer in marked else 1.0)
            panel.grid(axis="x", visible=False)
            panel.set_xticks(sorted(rows["order"].unique()))
            if line == 0:
                panel.set_title(title)
            else:
                panel.set_xlabel("order")
        axes[line, 0].set_ylabel(kind.upper(), fontweight="bold")
    figure.supylabel(f"strength / {REACH}", fontsize=10.5)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    note = with_intervals(rows)
    footnote(figure, set(marked) & set(layers), note, part_of(layers, every))
    return figure


def compared_layers(shares: pd.DataFrame, reference: str) -> list[str]:
    """Layers that are compared with the reference, by depth; the output against itself is all overlap and not drawn."""
    every = layers_of(shares[shares["reference"] == reference])
    return every[:-1] if reference == "output" and len(every) > 1 else every


def stacked(
    panel: Axes, found: Mapping[str, pd.DataFrame], colours: tuple[str, str], words: Sequence[str], alpha: float = 1.0
) -> None:
    """One panel: grey what is shared, on top of it what else the layer has, below zero what else the reference has.

    Args:
        panel: Where to draw.
        found: Quantity (`overlap`, `forgotten`, `new`) to rows with order, mean, low, high, all of the same orders.
        colours: Of the bar above and of the one below.
        words: Labels of the three bars.
        alpha: Opacity; less for a marked layer.
    """
    x, base = found["overlap"]["order"], found["overlap"]["mean"].to_numpy(float)
    style: Any = {"width": 0.72, "edgecolor": "white", "linewidth": 0.4, "alpha": alpha}
    panel.bar(x, base, color=OVERLAP, label=words[0], **style)
    panel.bar(x, found["forgotten"]["mean"], bottom=base, color=colours[0], label=words[1], **style)
    panel.bar(x, -found["new"]["mean"], color=colours[1], label=f"{words[2]}, drawn downwards", **style)
    ends = []
    for part, lift, sign, shift in (("overlap", 0.0, 1, -0.18), ("forgotten", base, 1, 0.18), ("new", 0.0, -1, 0.0)):
        low, high = (lift + sign * found[part][end].to_numpy(float) for end in ("low", "high"))
        ends.append((x.to_numpy() + shift, low, high))
    places, lows, highs = (np.concatenate(part) for part in zip(*ends, strict=True))
    panel.vlines(places, lows, highs, color="#333333", linewidth=0.9)
    panel.axhline(0, color="#444444", linewidth=0.8)
    mirrored(panel)
