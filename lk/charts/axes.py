"""Axes of a panel: from values to places, ticks, grid and names; and the numbers that a chart draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from lk.charts.chart import Interval, Panel
from lk.plots.style import DAGGER, short
from lk.text import number, significant

Array = NDArray[np.float64]
STOPS = 12  # colours from low to high order, or from early to late, in `chart.css`


class Axes:
    """A panel with a linear or logarithmic y axis and a linear x axis.

    Args:
        panel: Where to draw.
        x: Least and greatest value along the lower edge.
        y: Least and greatest value along the left edge.
        log: A logarithmic y axis; values below its least one are drawn there.
        margins: Left, right, top, bottom, in user units.
    """

    def __init__(
        self,
        panel: Panel,
        x: tuple[float, float],
        y: tuple[float, float],
        log: bool = False,
        margins: tuple[float, float, float, float] = (34, 6, 24, 34),
    ) -> None:
        self.panel, self.log, self._x, self._y = panel, log, x, y
        self.left, right, self.top, bottom = margins
        self.right, self.bottom = panel.width - right, panel.height - bottom

    def x(self, value: ArrayLike) -> Array:
        """Places from left to right."""
        low, high = self._x
        places: Array = self.left + (self.right - self.left) * (np.asarray(value, float) - low) / (high - low)
        return places

    def y(self, value: ArrayLike) -> Array:
        """Places from above, within the axes."""
        low, high = self._y
        given = np.clip(np.asarray(value, float), low, high)
        share = np.log(given / low) / np.log(high / low) if self.log else (given - low) / (high - low)
        places: Array = self.bottom - (self.bottom - self.top) * share
        return places

    def title(self, text: str, marked: bool = False) -> None:
        """The name of the panel, above it; of a marked layer with a dagger."""
        shown = short(text, 26) + (f" {DAGGER}" if marked else "")
        self.panel.add("text", shown, x=2, y=13, cls="title marked" if marked else "title")

    def ticks_x(self, ticks: Sequence[tuple[float, str]], label: str, marked: Sequence[str] = ()) -> None:
        """Ticks and the name of the x axis; as many ticks as there is room for."""
        room = (self.right - self.left) / 6.4
        step = max(1, -(-sum(len(text) + 1 for _, text in ticks) // int(room)))
        for value, text in ticks[::step]:
            cls = "middle marked" if text in marked else "middle"
            shown = text + (f" {DAGGER}" if text in marked else "")
            self.panel.add("text", shown, x=float(self.x(value)), y=self.bottom + 14, cls=cls)
        middle = (self.left + self.right) / 2
        self.panel.add("text", label, x=middle, y=self.panel.height - 4, cls="middle soft")

    def ticks_y(self, label: str = "", most: int = 4, mirrored: bool = False) -> None:
        """Ticks, grid and the name of the y axis, above it; mirrored, strengths below zero have no sign."""
        low, high = self._y
        if self.log:
            ticks = [10.0**k for k in range(int(np.ceil(np.log10(low))), int(np.floor(np.log10(high))) + 1)]
        else:
            ticks = [
                tick for tick in MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high
            ]
        for tick in ticks:
            y = float(self.y(tick))
            self.panel.add("line", x1=self.left, x2=self.right, y1=y, y2=y, cls="edge" if tick == 0 else "grid")
            self.panel.add("text", significant(abs(tick) if mirrored else tick, 3), x=self.left - 5, y=y + 4, cls="end")
        if label:
            self.panel.add("text", label, x=2, y=self.top - 9, cls="soft")

    def numbers_x(self, label: str) -> None:
        """Round numbers along the x axis, and its name."""
        self.ticks_x([(tick, number(tick, 0)) for tick in round_ticks(*self._x, 6)], label)

    def whisker(self, x: Any, low: Array, high: Array, cls: str = "whisker", width: float = 1.2) -> None:
        """A 95 % interval as a thin upright bar, one per checkpoint; none where it is not known."""
        known = np.isfinite(low) & np.isfinite(high)
        above, below = self.y(np.where(known, high, 0.0)), self.y(np.where(known, low, 0.0))
        height = np.where(known, np.abs(below - above), 0.0)
        self.panel.add(
            "rect",
            x=np.asarray(x, float) - width / 2 if np.ndim(x) == 0 else list(np.asarray(x, float) - width / 2),
            y=list(np.minimum(above, below)),
            width=width,
            height=list(height),
            cls=cls,
        )


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers within a span.

    Example:
        >>> round_ticks(0.0, 77.0, 4)
        [0.0, 20.0, 40.0, 60.0]
    """
    return [
        float(tick) for tick in MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high
    ]


def small(columns: int) -> tuple[float, int]:
    """Width of one of several panels in a row, and how many of them a phone shows side by side.

    Text then has about one size whatever the number of panels.
    """
    return (340.0, 1) if columns < 4 else (min(230.0, max(200.0, (1096.0 - 10 * (columns - 1)) / columns)), 2)


def cube(frame: pd.DataFrame, **axes: Sequence[Any]) -> Array:
    """Mean, low and high of a tidy frame, `(*axes, 3)`; NaN where the frame has no such row.

    Args:
        frame: Columns of the axes, mean, low, high.
        axes: Values of each axis, by column.

    Example:
        >>> rows = pd.DataFrame({"layer": ["b"], "mean": [1.0], "low": [0.5], "high": [1.5]})
        >>> cube(rows, layer=["a", "b"])[:, 0].tolist()
        [nan, 1.0]
    """
    codes = [pd.Index(values).get_indexer(frame[column]) for column, values in axes.items()]
    found = np.full((*map(len, axes.values()), 3), np.nan)
    kept = np.all([code >= 0 for code in codes], axis=0)
    found[tuple(code[kept] for code in codes)] = frame[["mean", "low", "high"]].to_numpy(float)[kept]
    return found


def spans(rows: Array) -> list[Interval]:
    """Rows `(checkpoints, 3)` as the values of a mark."""
    return [(float(mean), float(low), float(high)) for mean, low, high in rows]


def checkpoints(frame: pd.DataFrame) -> tuple[list[int], list[float]]:
    """Steps of a frame and their epochs."""
    known = frame.drop_duplicates("step").sort_values("step")
    return known["step"].tolist(), known["epoch"].tolist()


def stop(place: int, count: int) -> str:
    """Class of the colour of one of so many orders or checkpoints."""
    return f"s{round(place * (STOPS - 1) / max(1, count - 1))}"


def greatest(values: Array, axis: tuple[int, ...] | None = None) -> Array:
    """The greatest value along some axes; what is not known counts as zero.

    Example:
        >>> greatest(np.array([[1.0, np.nan], [2.0, np.nan]]), (0,)).tolist()
        [2.0, 0.0]
    """
    known: Array = np.nan_to_num(values, posinf=0.0).max(axis)
    return known


def tall(ends: Array) -> float:
    """The top of an axis that all checkpoints share, from the greatest value of each.

    It is at most twice what the last checkpoint needs: bars of an untrained network, relative to a small score, would
    make those of the finished one vanish.

    Example:
        >>> tall(np.array([9.0, 1.0, 2.0])), tall(np.array([1.0, 2.0]))
        (4.2, 2.1)
    """
    known = np.nan_to_num(ends)
    return float(1.05 * max(min(known.max(), 2 * known[-1]), 1e-9)) if known[-1] > 0 else float(max(known.max(), 1e-9))


def phrases(*parts: str) -> str:
    """Parts of a footnote, without the empty ones."""
    return ", ".join(part for part in parts if part)


def cut(*sides: tuple[Array, float]) -> str:
    """Words for the footnote where bars of a checkpoint are longer than the axis.

    Args:
        sides: The greatest value of each checkpoint, and the end of the axis.
    """
    longer = any(greatest(ends) > end for ends, end in sides)
    return "longer bars of early checkpoints end at the edge" if longer else ""
