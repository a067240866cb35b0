"""Strength by order over epochs."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import doubted, epoch_label, footnote, grid, layer_labels, layers_of, order_colours, spread, styled


@styled
def order_over_epochs(strengths: pd.DataFrame, most: int = 4, highest: int | None = None) -> Figure:
    """Salient strength of each order (AND and OR together) at every checkpoint, one panel per layer.

    Checkpoints stand at equal distances, because the first ones lie close together; bands are 95 % intervals.

    Args:
        strengths: Columns step, epoch, layer, depth, kind, order, quantity, mean, low, high, n; `marked` where known.
        most: Layers shown at most, evenly spread.
        highest: Highest order shown.
    """
    rows = strengths[(strengths["kind"] == "both") & (strengths["quantity"] == "salient") & (strengths["order"] > 0)]
    orders = [order for order in sorted(rows["order"].unique()) if order <= (highest or rows["order"].max())]
    layers, marked, colours = spread(layers_of(rows), most), doubted(rows), order_colours(orders)
    epochs = rows.drop_duplicates("step").sort_values("step").set_index("step")["epoch"]
    figure, axes = grid(1, len(layers), height=3.3, sharey=True)
    for panel, layer, title in zip(axes[0], layers, layer_labels(layers, marked), strict=True):
        for order in orders:
            found = rows[(rows["layer"] == layer) & (rows["order"] == order)].set_index("step").reindex(epochs.index)
            panel.plot(range(len(epochs)), found["mean"], "-o", color=colours[order], markersize=3.5, label=f"order {order}")
            panel.fill_between(
                range(len(epochs)), found["low"].to_numpy(), found["high"].to_numpy(), color=colours[order], alpha=0.18, linewidth=0
            )
        if "marked" in rows:
            flags = rows[rows["layer"] == layer].groupby("step")["marked"].any().reindex(epochs.index)
            for place, flag in enumerate(flags):
                if flag:
                    panel.axvspan(place - 0.5, place + 0.5, facecolor="none", edgecolor="#CCCCCC", hatch="////", linewidth=0, zorder=0)
        step = max(1, len(epochs) // 7)
        panel.set_xticks(range(0, len(epochs), step), [epoch_label(epoch) for epoch in epochs.iloc[::step]])
        panel.set(title=title, xlabel="epoch (checkpoints)")
        panel.set_ylim(bottom=0)
    axes[0, 0].set_ylabel("salient strength / mean |v(N) − v(∅)|")
    axes[0, -1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    any_marked = set(marked) & set(layers)
    footnote(
        figure,
        any_marked,
        f"n = {int(rows['n'].max())} samples, bands: 95 % bootstrap intervals" + (", hatched: marked †" if any_marked else ""),
    )
    return figure
