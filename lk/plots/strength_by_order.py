"""Strength by order."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import (
    KIND_COLOURS,
    MOST_LAYERS,
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
    whiskers,
    with_intervals,
)


@styled
def strength_by_order(strengths: pd.DataFrame, most: int = MOST_LAYERS) -> Figure:
    """Summed strength of each order: positive effects upwards, negative ones downwards, AND and OR side by side.

    Args:
        strengths: Columns layer, depth, kind, order, quantity (`positive`, `negative`), mean, low, high, n; `marked`
            where known.
        most: Layers shown at most, evenly spread.
    """
    every, marked = layers_of(strengths), marked_in(strengths)
    layers = spread(every, most)
    rows = strengths[strengths["kind"].isin(KIND_COLOURS) & (strengths["order"] > 0)]
    figure, axes = grid(1, len(layers), height=3.3, sharey=True)
    for panel, layer, title in zip(axes[0], layers, layer_labels(layers, marked), strict=True):
        for side, (kind, colour) in enumerate(KIND_COLOURS.items()):
            for quantity, sign in (("positive", 1), ("negative", -1)):
                found = rows[
                    (rows["layer"] == layer) & (rows["kind"] == kind) & (rows["quantity"] == quantity)
                ].sort_values("order")
                x = found["order"] + (side - 0.5) * 0.4
                signed = found[["mean", "low", "high"]] * sign
                if sign < 0:
                    signed = signed.rename(columns={"low": "high", "high": "low"})
                panel.bar(
                    x,
                    signed["mean"],
                    0.38,
                    color=colour,
                    hatch="////" if kind == "or" else None,
                    edgecolor="white",
                    linewidth=0.4,
                    alpha=0.45 if layer in marked else 1.0,
                    label=kind.upper() if sign > 0 else None,
                )
                whiskers(panel, x, signed)
        panel.axhline(0, color="#444444", linewidth=0.8)
        mirrored(panel)
        panel.set(title=title, xlabel="order")
        panel.set_xticks(sorted(rows["order"].unique()))
        panel.grid(axis="x", visible=False)
    axes[0, 0].set_ylabel(f"strength / {REACH}\n↓ negative      positive ↑")
    axes[0, -1].legend(loc="upper right")
    note = with_intervals(strengths)
    footnote(figure, set(marked) & set(layers), note, part_of(layers, every))
    return figure
