"""Bars by order: signed strengths, and what is shared with a reference (Cheng et al. 2024, Fig. 3a)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lk.charts.axes import Array, Axes, checkpoints, cube, cut, greatest, phrases, small, spans, tall
from lk.charts.chart import Chart
from lk.plots.overlap import WORDS, compared_layers
from lk.plots.style import MOST_LAYERS, REACH, layers_of, part_of, spread, with_intervals

KINDS = ("and", "or")
QUANTITIES = ("overlap", "forgotten", "new")
HEIGHT = 176


def order_bars(strengths: pd.DataFrame, most: int = MOST_LAYERS) -> Chart:
    """Strength of each order by layer: positive effects upwards, negative ones downwards, AND beside OR.

    Args:
        strengths: Columns step, epoch, layer, depth, kind, order, quantity (`positive`, `negative`), mean, low, high,
            n; `marked` where known.
        most: Layers shown at most, evenly spread.
    """
    rows = strengths[strengths["kind"].isin(KINDS) & (strengths["order"] > 0)]
    every, orders = layers_of(rows), sorted(rows["order"].unique())
    layers, (steps, epochs) = spread(every, most), checkpoints(rows)
    data = cube(rows, layer=layers, quantity=("positive", "negative"), kind=KINDS, order=orders, step=steps)
    ends = greatest(np.fmax(data[..., 0], data[..., 2]), (0, 2, 3))
    up, down = tall(ends[0]), tall(ends[1])
    note = phrases(with_intervals(rows), part_of(layers, every), cut((ends[0], up), (ends[1], down)))
    width, narrow = small(len(layers))
    chart = Chart(
        ("layer", "kind", "order", "sign"),
        epochs,
        len(layers),
        narrow,
        f"× {REACH}",
        [("and", "AND"), ("or", "OR")],
        f"Strength / {REACH}; above the line: effects for the class, below: against it. {note}.",
    )
    for place, layer in enumerate(layers):
        axes = Axes(chart.panel(width, HEIGHT), (orders[0] - 0.6, orders[-1] + 0.6), (-down, up))
        axes.ticks_y(mirrored=True)
        flags = flagged(rows, layer, steps)
        axes.title(layer, flags[-1])
        axes.ticks_x([(order, str(order)) for order in orders], "order")
        for side, kind in enumerate(KINDS):
            for sign, (name, factor) in enumerate((("for the class", 1), ("against it", -1))):
                for which, order in enumerate(orders):
                    own = data[place, sign, side, which]
                    x = float(axes.x(order + (side - 1) * 0.4))
                    at = (layer, kind.upper(), f"order {order}", name)
                    bar(axes, (x, 0.38), np.zeros(len(own)), factor * own[:, 0], at, own, pale(kind, flags))
                    axes.whisker(float(axes.x(order + (side - 0.5) * 0.4)), factor * own[:, 1], factor * own[:, 2])
    return chart


def overlap_bars(shares: pd.DataFrame, reference: str = "output", most: int = MOST_LAYERS, highest: int = 99) -> Chart:
    """Grey is shared with the reference; what else the layer has stands on it, what else the reference has hangs below.

    Args:
        shares: Columns step, epoch, layer, depth, kind, order, quantity, reference, mean, low, high, n; `marked` where
            known.
        reference: `output`, `layer before` or `checkpoint before`.
        most: Layers shown at most, evenly spread.
        highest: Highest order shown.
    """
    rows = shares[(shares["reference"] == reference) & (shares["order"] > 0) & (shares["order"] <= highest)]
    every, orders = compared_layers(shares, reference), sorted(rows["order"].unique())
    layers, (steps, epochs) = spread(every, most), checkpoints(rows)
    data = cube(rows, layer=layers, kind=KINDS, order=orders, quantity=QUANTITIES, step=steps)
    means = data[..., 0]
    above, below = (
        greatest(means[:, :, :, 0] + means[:, :, :, 1], (0, 1, 2)),
        greatest(means[:, :, :, 2], (0, 1, 2)),
    )
    up, down = 1.08 * tall(above), 1.08 * tall(below)
    classes = ("overlap", "forgotten", "new") if reference == "output" else ("overlap", "new", "forgotten")
    note = phrases(with_intervals(rows), part_of(layers, every), cut((above, up), (below, down)))
    width, narrow = small(len(layers))
    chart = Chart(
        ("layer", "kind", "order", "part"),
        epochs,
        len(layers),
        narrow,
        f"× {REACH}",
        [*zip(classes, (*WORDS[reference][:2], f"{WORDS[reference][2]} (downwards)"), strict=True)],
        f"Strength / {REACH}. {note}.",
    )
    for side, kind in enumerate(KINDS):
        for place, layer in enumerate(layers):
            axes = Axes(chart.panel(width, HEIGHT), (orders[0] - 0.6, orders[-1] + 0.6), (-down, up))
            axes.ticks_y(mirrored=True)
            flags = flagged(rows, layer, steps)
            axes.title(f"{kind.upper()}, {layer}", flags[-1])
            axes.ticks_x([(order, str(order)) for order in orders], "order")
            for which, order in enumerate(orders):
                own = data[place, side, which]
                base = np.nan_to_num(own[0, :, 0])
                parts = ((np.zeros_like(base), 1, -0.16), (base, 1, 0.16), (np.zeros_like(base), -1, 0.0))
                for part, (name, (start, sign, shift)) in enumerate(zip(WORDS[reference], parts, strict=True)):
                    x, at = float(axes.x(order - 0.36)), (layer, kind.upper(), f"order {order}", name)
                    bar(
                        axes,
                        (x, 0.72),
                        start,
                        start + sign * own[part, :, 0],
                        at,
                        own[part],
                        pale(classes[part], flags),
                    )
                    ends = start + sign * own[part, :, 1], start + sign * own[part, :, 2]
                    axes.whisker(float(axes.x(order + shift)), *ends)
    return chart


def bar(
    axes: Axes,
    across: tuple[float, float],
    start: Array,
    end: Array,
    at: Sequence[str],
    values: Array,
    cls: str | list[str],
) -> None:
    """A bar from one value to another at each checkpoint.

    Args:
        axes: Where to draw.
        across: Its left edge (a place) and its width (in values).
        start: Where it stands, per checkpoint.
        end: Where it ends; NaN where there is none.
        at: What it stands for.
        values: Mean, low, high per checkpoint.
        cls: Class, or one per checkpoint.
    """
    first, last = axes.y(np.nan_to_num(start)), axes.y(np.nan_to_num(end))
    left, width = across
    axes.panel.add(
        "rect",
        at=at,
        values=spans(values),
        x=left,
        y=list(np.minimum(first, last)),
        width=float(axes.x(width) - axes.x(0)),
        height=list(np.abs(first - last)),
        cls=cls,
    )


def flagged(rows: pd.DataFrame, layer: str, steps: Sequence[int]) -> list[bool]:
    """Whether a layer is marked at each checkpoint."""
    if "marked" not in rows:
        return [False] * len(steps)
    own = rows[rows["layer"] == layer].groupby("step")["marked"].any()
    return [bool(own.get(step, False)) for step in steps]


def pale(cls: str, flags: Sequence[bool]) -> list[str]:
    """A class, with less ink at checkpoints at which the layer is marked."""
    return [f"{cls} pale" if flag else cls for flag in flags]
