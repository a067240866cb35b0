"""Layer by checkpoint heat maps."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lk.plots.style import footnote, grid, layer_ticks, layers_of, marked_in, styled
from lk.text import epochs as epoch_text
from lk.text import number

MOST_CELLS = 90


@styled
def layer_epoch_maps(averages: pd.DataFrame, quantities: Sequence[tuple[str, str]]) -> Figure:
    """One map per quantity: layers downwards, checkpoints to the right.

    The half width of the 95 % interval below each mean.

    Args:
        averages: Columns step, epoch, layer, depth, quantity, mean, low, high, n; `marked` where known: those cells are
            hatched.
        quantities: Names in the column `quantity` with the title of their map; those that are shares lie within 0 and
            1.
    """
    layers = layers_of(averages)
    epochs = averages.drop_duplicates("step").sort_values("step").set_index("step")["epoch"]
    columns = min(2, len(quantities))
    lines = -(-len(quantities) // columns)
    figure, axes = grid(lines, columns, height=lines * max(2.0, 0.7 + 0.42 * len(layers)))
    last = averages[averages["step"] == epochs.index[-1]]
    for panel, (name, title) in zip(axes.flat, quantities, strict=False):
        rows = averages[averages["quantity"] == name]
        mean = (
            rows.pivot(index="layer", columns="step", values="mean")
            .reindex(index=layers, columns=epochs.index)
            .to_numpy(float)
        )
        half = rows.assign(half=(rows["high"] - rows["low"]) / 2).pivot(index="layer", columns="step", values="half")
        half_ = half.reindex(index=layers, columns=epochs.index).to_numpy(float)
        top = 1.0 if name in ("completeness", "redundancy") else float(np.nanmax(mean, initial=1e-9))
        image = panel.imshow(mean, aspect="auto", cmap="viridis", vmin=0, vmax=top)
        if mean.size > MOST_CELLS:  # numbers in the cells say more than a colour bar
            figure.colorbar(image, ax=panel, pad=0.01, fraction=0.05)
        else:
            digits = 0 if top >= 100 else 1 if top >= 20 else 2
            for (i, j), value in np.ndenumerate(mean):
                if np.isfinite(value):
                    colour = "white" if value < 0.6 * top else "black"
                    known = half_[i, j] >= 0.5 * 10**-digits
                    text = number(value, digits) + (f"\n±{number(float(half_[i, j]), digits)}" if known else "")
                    panel.text(j, i, text, ha="center", va="center", color=colour, fontsize=9.5, linespacing=1.05)
        if "marked" in rows:
            for row in rows[rows["marked"]].to_dict("records"):
                corner = (list(epochs.index).index(row["step"]) - 0.5, layers.index(row["layer"]) - 0.5)
                panel.add_patch(Rectangle(corner, 1, 1, fill=False, hatch="////", edgecolor="#9A9A9A", linewidth=0))
        layer_ticks(panel, layers, marked_in(last), "y")
        step = max(1, len(epochs) // 10)
        panel.set_xticks(range(0, len(epochs), step), [epoch_text(epoch) for epoch in epochs.iloc[::step]])
        panel.set(title=title, xlabel="epoch of the checkpoint")
        panel.grid(visible=False)
    for panel in axes.flat[len(quantities) :]:
        panel.remove()
    cells = "" if averages.groupby("quantity").size().max() > MOST_CELLS else ", ±: half width of the 95 % interval"
    any_marked = marked_in(averages)
    footnote(
        figure,
        any_marked,
        f"n = {int(averages['n'].max())} samples{cells}" + (", hatched: marked †" if any_marked else ""),
    )
    return figure
