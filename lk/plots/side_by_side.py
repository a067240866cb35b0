"""Layers side by side in one pair of axes, drawn as few artists: for figures that are drawn while a network trains.

A pair of axes per layer costs five times as much.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lk.plots.style import FOOTNOTE, KIND_COLOURS, LOW_SIGNAL, WIDTH, layer_labels, layer_ticks

GAP = 1.6  # empty places between two layers
HEIGHT = 4.2  # inches
SLANTED = 1.75  # inches below axes whose names are slanted
LEFT, RIGHT, BOTTOM, TOP = 0.95, 0.15, 1.0, 0.72  # inches around the axes


def fixed(rows: int = 1, height: float = HEIGHT) -> tuple[Figure, Any]:
    """A figure with set margins, and its axes `(rows, 1)`: to solve a layout costs as much as to draw."""
    figure = Figure(figsize=(WIDTH, height))
    figure.set_layout_engine("none")
    margins = {"left": LEFT / WIDTH, "right": 1 - RIGHT / WIDTH, "bottom": BOTTOM / height, "top": 1 - TOP / height}
    return figure, figure.subplots(rows, 1, squeeze=False, gridspec_kw={**margins, "hspace": 0.32})


def heading(figure: Figure, title: str, marked: Sequence[str], *notes: str) -> None:
    """The title on top; below, what stands behind the numbers and what the dagger means."""
    height = figure.get_figheight()
    note = "\n".join([*(text for text in notes if text), *([FOOTNOTE] if marked else [])])
    figure.text(0.012, 1 - 0.12 / height, title, fontsize=13, fontweight="bold", va="top")
    figure.text(0.012, 0.1 / height, note, fontsize=9, color="#555555", va="bottom")


def legend(figure: Figure, handles: Sequence[Any]) -> None:
    """A legend in the upper right corner, beside the title."""
    figure.legend(handles=handles, loc="upper right", ncols=len(handles), borderaxespad=0.25, columnspacing=1.4)


def swatch(label: str, **style: Any) -> Patch:
    """A legend entry for bars."""
    return Patch(label=label, edgecolor="white", **style)


def kinds(figure: Figure) -> None:
    """The legend of AND and OR bars."""
    hatches = {"and": None, "or": "////"}
    legend(figure, [swatch(k.upper(), facecolor=colour, hatch=hatches[k]) for k, colour in KIND_COLOURS.items()])


def places(frame: pd.DataFrame, layers: Sequence[str], orders: Sequence[int]) -> np.ndarray:
    """Where each row stands on the x axis: its layer's block, then its order."""
    block = {layer: place * (len(orders) + GAP) for place, layer in enumerate(layers)}
    within = {order: place for place, order in enumerate(orders)}
    return frame["layer"].map(block).to_numpy(float) + frame["order"].map(within).to_numpy(float)


def bars(axes: Axes, x: np.ndarray, low: np.ndarray, high: np.ndarray, width: float, **style: Any) -> None:
    """Bars from `low` to `high` as one artist; those that are not finite are left out."""
    known = np.isfinite(low) & np.isfinite(high)
    x, low, high = x[known], low[known], high[known]
    left, right = x - width / 2, x + width / 2
    corners = np.stack([np.stack(pair, 1) for pair in ((left, low), (left, high), (right, high), (right, low))], 1)
    axes.add_collection(PolyCollection(list(corners), edgecolor="white", linewidth=0.4, **style))


def blocks(
    axes: Axes, layers: Sequence[str], orders: Sequence[int], marked: Sequence[str] = (), named: bool = True
) -> None:
    """A few ticks of the orders (each costs a millisecond), and the layers' names above them."""
    step, last = len(orders) + GAP, len(orders) - 1
    shown = sorted({0, last // 2, last})
    at = [place * step + i for place in range(len(layers)) for i in shown]
    axes.set_xticks(at, [str(orders[i]) for _ in layers for i in shown], fontsize=9)
    most = max(8, 84 // max(1, len(layers)))  # characters of a name
    for place, (name, label) in enumerate(
        zip(layers, layer_labels(layers, marked, most), strict=True) if named else ()
    ):
        middle, flagged = place * step + (len(orders) - 1) / 2, name in set(marked)
        style: Any = {"color": LOW_SIGNAL, "style": "italic"} if flagged else {}
        axes.text(middle, 1.02, label, transform=axes.get_xaxis_transform(), ha="center", fontweight="bold", **style)
    axes.set_xlabel("order")
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-1, len(layers) * step - GAP)
    axes.grid(axis="x", visible=False)


def named(axes: Axes, layers: Sequence[str], marked: Sequence[str]) -> None:
    """One place per layer along the x axis; room is made for names that are slanted."""
    layer_ticks(axes, layers, marked)
    slanted = any(text.get_rotation() for text in axes.get_xticklabels())
    if slanted:
        box = axes.get_position()
        axes.set_position((box.x0, SLANTED / HEIGHT, box.width, box.y1 - SLANTED / HEIGHT))
    axes.set_xlabel("" if slanted else "layer")
    axes.set_xlim(-0.6, len(layers) - 0.4)
    axes.grid(axis="x", visible=False)
