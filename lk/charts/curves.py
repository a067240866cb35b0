"""A curve with points, 95 % intervals as whiskers or as a band, and a cursor at the checkpoint shown."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lk.charts.axes import Array, Axes, spans


def curve(axes: Axes, x: Array, data: Array, cls: str, at: Sequence[Sequence[str]], whiskers: bool = True) -> None:
    """A curve that moves with the checkpoints.

    Args:
        axes: Where to draw.
        x: Value of each point along the lower edge.
        data: Mean, low, high, `(points, checkpoints, 3)`.
        cls: Class of the colour.
        at: What each point stands for.
        whiskers: Draw the intervals.
    """
    places = axes.x(x)
    axes.panel.add("path", d=[path(places, axes.y(means), means) for means in data[..., 0].T], cls=f"line {cls}")
    for place, own, words in zip(places, data, at, strict=True):
        if whiskers:
            axes.whisker(float(place), own[:, 1], own[:, 2], f"{cls} thin")
        height = list(axes.y(np.nan_to_num(own[:, 0])))
        axes.panel.add("circle", at=words, values=spans(own), cx=float(place), cy=height, r=3, cls=cls)


def over_time(axes: Axes, x: Array, data: Array, cls: str, at: Sequence[Sequence[str]]) -> None:
    """A curve over checkpoints with its band; it stands still.

    Args:
        axes: Where to draw.
        x: Value of each checkpoint along the lower edge.
        data: Mean, low, high, `(checkpoints, 3)`.
        cls: Class of the colour.
        at: What each point stands for.
    """
    places, known = axes.x(x), np.isfinite(data).all(1)
    if known.sum() > 1:
        low, high = axes.y(data[known, 1]), axes.y(data[known, 2])
        ends = [*zip(places[known], high, strict=True), *zip(places[known][::-1], low[::-1], strict=True)]
        axes.panel.add("path", d=joined(ends) + "Z", cls=f"band {cls}")
    axes.panel.add("path", d=path(places, axes.y(data[:, 0]), data[:, 0]), cls=f"line {cls}")
    for place, own, words in zip(places, data, at, strict=True):
        if np.isfinite(own[0]):
            axes.panel.add(
                "circle", at=words, values=spans(own[None]), cx=float(place), cy=float(axes.y(own[0])), r=2.6, cls=cls
            )


def cursor(axes: Axes, x: Sequence[float]) -> None:
    """An upright line at the checkpoint shown."""
    places = list(axes.x(x))
    axes.panel.add("line", x1=places, x2=places, y1=axes.top, y2=axes.bottom, cls="cursor")


def level(axes: Axes, y: float, cls: str = "threshold") -> None:
    """A dashed line across the panel."""
    place = float(axes.y(y))
    axes.panel.add("line", x1=axes.left, x2=axes.right, y1=place, y2=place, cls=f"line dashed {cls}")


def path(x: Array, y: Array, values: Array) -> str:
    """Points joined by lines; a point without a value leaves a gap."""
    parts: list[list[tuple[Any, Any]]] = [[]]
    for place, height, value in zip(x, y, values, strict=True):
        if np.isfinite(value):
            parts[-1].append((place, height))
        elif parts[-1]:
            parts.append([])
    return "".join(joined(part) for part in parts if part)


def joined(points: Sequence[tuple[float, float]]) -> str:
    """The `d` of a path through points.

    Example:
        >>> joined([(0, 1.04), (2, 3)])
        'M0 1L2 3'
    """
    return "M" + "L".join(f"{round(float(x), 1):g} {round(float(y), 1):g}" for x, y in points)
