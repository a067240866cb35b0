"""Heat maps: layers by checkpoints with the checkpoint shown framed, and layers by orders at that checkpoint."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from lk.charts.axes import Array, checkpoints, cube, greatest, spans, tall
from lk.charts.bars import KINDS, flagged
from lk.charts.chart import Chart, Panel
from lk.plots.style import DAGGER, layers_of, of_samples, short
from lk.text import epochs as epoch_text
from lk.text import number

LEFT, TOP, ROW, MOST = 88, 24, 28, 12  # MOST: columns up to which a cell has room for its number


def layer_epoch_cells(averages: pd.DataFrame, quantities: Sequence[tuple[str, str, str]]) -> Chart:
    """One map per quantity: layers downwards, checkpoints to the right; the checkpoint shown is framed.

    Args:
        averages: Columns step, epoch, layer, depth, quantity, mean, low, high, n; `marked` where known.
        quantities: Name in the column `quantity`, title of the map, unit.
    """
    layers, (steps, epochs) = layers_of(averages), checkpoints(averages)
    columns = [epoch_text(epoch) for epoch in epochs]
    note = f"{of_samples(averages)}; hovering shows the 95 % interval"
    chart = Chart(
        ("quantity", "layer", "epoch"),
        epochs,
        3,
        1,
        note=f"{note}. Columns: epochs of the checkpoints.",
    )
    flags = [flagged(averages, layer, steps) for layer in layers]
    for name, title, _ in quantities:
        data = cube(averages[averages["quantity"] == name], layer=layers, step=steps)
        shares = name in ("completeness", "redundancy", "final")
        top = 1.0 if shares else max(float(greatest(data[..., 0])), 1e-9)
        panel = sheet(chart, title, layers, [row[-1] for row in flags], columns)
        width = (panel.width - LEFT - 4) / len(steps)
        for i, layer in enumerate(layers):
            for j, epoch in enumerate(columns):
                at = (title, layer, f"epoch {epoch}" + (f" {DAGGER}" if flags[i][j] else ""))
                cell(panel, (i, LEFT + j * width, width), data[i, j][None], top, at, len(steps) <= MOST)
        panel.add(
            "rect",
            x=[LEFT + j * width for j in range(len(steps))],
            y=TOP,
            width=width,
            height=ROW * len(layers),
            cls="column",
        )
    return chart


def layer_order_cells(strengths: pd.DataFrame, unit: str, highest: int = 99) -> Chart:
    """Mean salient strength by layer and order at the checkpoint shown, AND beside OR.

    Args:
        strengths: Columns step, epoch, layer, depth, kind, order, mean, low, high, n in the unit of the score; `marked`
            where known.
        unit: That unit.
        highest: Highest order shown.
    """
    rows = strengths[strengths["kind"].isin(KINDS) & (strengths["order"] > 0) & (strengths["order"] <= highest)]
    layers, orders, (steps, epochs) = layers_of(rows), sorted(rows["order"].unique()), checkpoints(rows)
    data = cube(rows, kind=KINDS, layer=layers, order=orders, step=steps)
    top = tall(greatest(data[..., 0], (0, 1, 2)))
    note = f"{of_samples(rows)}; one colour scale for all checkpoints, hovering shows the 95 % interval"
    chart = Chart(("kind", "layer", "order"), epochs, 2, 1, unit, note=f"{note}.")
    flags = [flagged(rows, layer, steps)[-1] for layer in layers]
    for side, kind in enumerate(KINDS):
        panel = sheet(
            chart, f"{kind.upper()}: salient strength ({unit}), by order", layers, flags, list(map(str, orders)), 440
        )
        width = (panel.width - LEFT - 4) / len(orders)
        for i, layer in enumerate(layers):
            for j, order in enumerate(orders):
                at = (kind.upper(), layer, f"order {order}")
                cell(panel, (i, LEFT + j * width, width), data[side, i, j], top, at, len(orders) <= MOST)
    return chart


def sheet(
    chart: Chart, title: str, layers: Sequence[str], marked: Sequence[bool], columns: Sequence[str], width: float = 360
) -> Panel:
    """A panel with a title, a row per layer and the names of the columns below."""
    panel = chart.panel(width, TOP + ROW * len(layers) + 18)
    panel.add("text", title, x=2, y=14, cls="title")
    for i, (layer, flag) in enumerate(zip(layers, marked, strict=True)):
        name = short(layer, 13) + (f" {DAGGER}" if flag else "")
        panel.add("text", name, x=LEFT - 6, y=TOP + ROW * i + ROW / 2 + 4.0, cls="end marked" if flag else "end")
    each = (width - LEFT - 4) / len(columns)
    step = -(-len(columns) * 26 // int(width - LEFT))
    for j in range(0, len(columns), step):
        panel.add("text", columns[j], x=LEFT + (j + 0.5) * each, y=panel.height - 4, cls="middle soft")
    return panel


def cell(
    panel: Panel, place: tuple[int, float, float], rows: Array, top: float, at: Sequence[str], written: bool
) -> None:
    """A cell in the colour of its value, with its number where there is room.

    Args:
        panel: Where to draw.
        place: Row, left edge, width.
        rows: Mean, low, high per checkpoint, or once.
        top: Value of the lightest colour.
        at: What it stands for.
        written: Whether the number stands in it.
    """
    i, x, width = place
    shares = np.clip(np.nan_to_num(rows[:, 0]) / top, 0, 1)
    fills = [to_hex(mpl.colormaps["viridis"](share)) for share in shares]
    y, digits = TOP + ROW * i, 0 if top >= 100 else 1 if top >= 10 else 2
    panel.add("rect", at=at, values=spans(rows), x=x, y=y, width=width - 1, height=ROW - 1, fill=fills)
    if written:
        text = ["" if np.isnan(mean) else number(float(mean), digits) for mean in rows[:, 0]]
        # White has a contrast of 4.5 or more on viridis up to 45 % of its range, black beyond.
        inks = ["middle light-text" if share < 0.45 else "middle dark-text" for share in shares]
        panel.add("text", text, x=x + width / 2, y=y + ROW / 2 + 4.0, cls=inks)
