"""Strength by order over epochs."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import (
    MOST_LAYERS,
    REACH,
    footnote,
    grid,
    layer_labels,
    layers_of,
    log_scale,
    marked_in,
    order_colours,
    part_of,
    spread,
    styled,
    with_intervals,
)
from lk.text import epochs as epoch_text
from lk.text import significant

ROWS = (("salient", f"salient strength\n/ {REACH}"), ("share", "share of the layer's\nsalient strength"))
SMALLEST = 0.01


@styled
def order_over_epochs(strengths: pd.DataFrame, most: int = MOST_LAYERS, highest: int | None = None) -> Figure:
    """Salient strength of each order (AND and OR together) at every checkpoint, one column per layer; below, its share.

    Checkpoints stand at equal distances, because the first ones lie close together; bands are 95 % intervals. Strengths
    below `SMALLEST` lie under the logarithmic axis.

    Args:
        strengths: Columns step, epoch, layer, depth, kind, order, quantity (`salient`, `share`), mean, low, high, n;
            `marked` where known.
        most: Layers shown at most, evenly spread.
        highest: Highest order shown.
    """
    rows = strengths[(strengths["kind"] == "both") & (strengths["order"] > 0)]
    orders = [order for order in sorted(rows["order"].unique()) if order <= (highest or rows["order"].max())]
    every, colours = layers_of(rows), order_colours(orders)
    layers = spread(every, most)
    epochs = rows.drop_duplicates("step").sort_values("step").set_index("step")["epoch"]
    marked = marked_in(rows[rows["step"] == epochs.index[-1]])
    figure, axes = grid(2, len(layers), height=5.2, sharex=True, sharey="row")
    for line, (quantity, label) in enumerate(ROWS):
        for panel, layer, title in zip(axes[line], layers, layer_labels(layers, marked), strict=True):
            own = rows[(rows["layer"] == layer) & (rows["quantity"] == quantity)]
            for order in orders:
                found = own[own["order"] == order].set_index("step").reindex(epochs.index)
                panel.plot(
                    range(len(epochs)),
                    found["mean"],
                    "-o",
                    color=colours[order],
                    markersize=3.5,
                    label=f"order {order}",
                )
                low, high = found["low"].to_numpy(float), found["high"].to_numpy(float)
                panel.fill_between(
                    range(len(epochs)),
                    low.clip(min=SMALLEST / 10 if line == 0 else 0),
                    high,
                    color=colours[order],
                    alpha=0.16,
                    linewidth=0,
                )
            if "marked" in own:
                for place, flag in enumerate(own.groupby("step")["marked"].any().reindex(epochs.index)):
                    if flag:
                        panel.axvspan(
                            place - 0.5,
                            place + 0.5,
                            facecolor="none",
                            edgecolor="#BBBBBB",
                            hatch="////",
                            linewidth=0,
                            zorder=0,
                        )
            if line == 0:
                panel.set_title(title)
            else:
                panel.set_xlabel("epoch")
        axes[line, 0].set_ylabel(label)
    step = -(-len(epochs) // 7)
    axes[0, 0].set_xticks(range(0, len(epochs), step), [epoch_text(epoch) for epoch in epochs.iloc[::step]], fontsize=9)
    log_scale(axes[0, 0])
    axes[0, 0].set_ylim(bottom=SMALLEST)
    axes[1, 0].set_ylim(0, 1)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    any_marked = bool(rows["marked"].any()) if "marked" in rows else False
    low = rows.loc[rows["layer"].isin(layers) & (rows["quantity"] == "salient") & rows["order"].isin(orders), "mean"]
    below = f"values below {significant(SMALLEST)} lie under the axis" if bool((low < SMALLEST).any()) else ""
    hatched = ", hatched: marked at that checkpoint" if any_marked else ""
    footnote(
        figure,
        layers if any_marked else [],
        f"{with_intervals(rows, 'bands')}{hatched}",
        below,
        part_of(layers, every),
    )
    return figure
