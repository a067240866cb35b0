"""How far each pair of runs holds the same interactions: matrices runs x runs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import footnote, grid, of_samples, short, styled
from lk.text import number

WRITTEN = 6  # runs up to which the numbers stand in the cells


@styled
def iou_matrix(frame: pd.DataFrame, runs: Sequence[str]) -> Figure:
    """A panel per kind and order: the IoU of a pair below the diagonal, its chance level mirrored above.

    Args:
        frame: Columns run_a, run_b, kind, order, mean, chance, n; of one place. OR effects of single players do not
            exist: a panel without any value is left out.
        runs: Names in the order of rows and columns; columns show their numbers.
    """
    orders = sorted(frame["order"].unique())
    places = {run: place for place, run in enumerate(runs)}
    top = max(0.05, float(np.nanmax(frame[["mean", "chance"]].to_numpy(float), initial=0.0)))
    side = min(2.3, 8.6 / len(orders))
    figure, axes = grid(2, len(orders), height=1.3 + 2 * (side + 0.45), sharex=True, sharey=True)
    cells = None
    for line, kind in enumerate(("and", "or")):
        for panel, order in zip(axes[line], orders, strict=True):
            own = frame[(frame["kind"] == kind) & (frame["order"] == order)]
            if own["mean"].isna().all():
                panel.set_axis_off()
                continue
            table = np.full((len(runs), len(runs)), np.nan)
            for a, b, mean, chance in zip(own["run_a"], own["run_b"], own["mean"], own["chance"], strict=True):
                early, late = sorted((places[a], places[b]))
                table[late, early], table[early, late] = mean, chance
            cells = panel.imshow(table, cmap="cividis", vmin=0, vmax=top)
            panel.plot([-0.5, len(runs) - 0.5], [-0.5, len(runs) - 0.5], color="#444444", linewidth=0.8)
            if len(runs) <= WRITTEN:
                for (i, j), value in np.ndenumerate(table):
                    if np.isfinite(value):
                        colour = "white" if value < 0.55 * top else "black"
                        panel.text(j, i, number(value), ha="center", va="center", fontsize=9, color=colour)
            panel.set(title=f"{kind.upper()}, order {order}", xlabel="run")
            panel.grid(visible=False)
            panel.tick_params(labelbottom=True)
    numbers = [str(place + 1) for place in range(len(runs))]
    axes[0, 0].set_xticks(range(len(runs)), numbers, fontsize=9)
    axes[0, 0].set_yticks(
        range(len(runs)), [f"{short(run, 22)}  {number}" for run, number in zip(runs, numbers, strict=True)], fontsize=9
    )
    if cells is not None:
        figure.colorbar(cells, ax=list(axes.flat), label="IoU; above the diagonal: chance", pad=0.01, shrink=0.8)
    footnote(
        figure,
        [],
        f"{of_samples(frame)}; below the diagonal: mean IoU of the pair, above it: the same pair's chance level",
    )
    return figure
