"""Lines of runs or architectures beside each other, with bands over samples and seeds."""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from lk.charts.chart import Chart, Panel
from lk.plots.style import DAGGER, FOOTNOTE, RUNS, without_interval
from lk.text import number, significant

WIDTH, HEIGHT = 358, 262  # of a panel: three side by side fill a page
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 30, 44
SHAPES = ("circle", "square", "diamond", "triangle", "wedge", "cross", "bar", "plate")
FAINT = 12  # single runs of a line beyond which they are not drawn
UNEQUAL = "‡"


def run_lines(
    frame: pd.DataFrame,
    names: Sequence[str],
    columns: int = 3,
    note: str = "",
    unequal: Collection[str] = (),
    log: bool = False,
) -> Chart:
    """One panel per question, one line per run or architecture, in the same colour and shape in every panel.

    Args:
        frame: Columns panel (title), xlabel, ylabel, x, line, run (empty: the mean of a line's runs), mean, low, high, n;
            optional `chance` (dashed, in the line's colour) and `marked` (hollow points).
        names: All lines in the order of their colours.
        columns: Panels side by side.
        note: What stands behind the numbers; what a missing interval and a hollow point mean is added.
        unequal: Lines that were trained less than others; the legend marks them.
        log: Logarithmic y axes, where all values are positive.
    """
    several = frame.groupby("line")["run"].transform(lambda runs: (runs == "").any())
    frame = frame.assign(head=(frame["run"] == "") | ~several)
    chart = Chart(("panel", "line", "at"), columns=columns)
    style = {name: (f"r{place % len(RUNS)}", SHAPES[place % len(SHAPES)]) for place, name in enumerate(names)}
    for title in dict.fromkeys(frame["panel"]):
        own = frame[frame["panel"] == title]
        panel = chart.panel(WIDTH, HEIGHT)
        scale = axes(panel, own, title, log)
        for place, name in enumerate(names):
            rows = own[(own["line"] == name) & own["mean"].notna()].sort_values("x")
            if len(rows):
                shift = (place - (len(names) - 1) / 2) * min(4.0, 24 / len(names))
                draw(panel, scale, rows, style[name], shift, (title, name, str(own["xlabel"].iloc[0])))
    present = [name for name in names if (frame["line"] == name).any()]
    chart.legend = [(style[name][0], f"{name} {UNEQUAL}" if name in unequal else name) for name in present]
    chart.note = ". ".join(part for part in notes(frame, note, set(unequal) & set(present)) if part)
    return chart


def notes(frame: pd.DataFrame, note: str, unequal: Collection[str]) -> list[str]:
    """What the reader needs to know beside the axes."""
    missing = without_interval(frame[frame["head"]])
    hollow = "marked" in frame and bool(frame["marked"].fillna(False).any())
    return [
        note,
        f"No interval: {missing.removeprefix('none ')}" if note and missing else "",
        f"Hollow: marked {FOOTNOTE}" if hollow else "",
        f"{UNEQUAL} trained less than others" if unequal else "",
    ]


class Scale:
    """From numbers to places in a panel.

    Args:
        x: Least and largest x.
        y: Least and largest y.
        log: Whether y is logarithmic.
    """

    def __init__(self, x: tuple[float, float], y: tuple[float, float], log: bool = False) -> None:
        self.x_range, self.y_range, self.log = x, y, log

    def x(self, value: float) -> float:
        """Place of a number on the x axis."""
        low, high = self.x_range
        return LEFT + 14 + (value - low) / ((high - low) or 1.0) * (WIDTH - LEFT - RIGHT - 28)

    def y(self, value: float) -> float:
        """Place of a number on the y axis; what lies outside stays at its edge."""
        low, high = map(self.bent, self.y_range)
        share = (self.bent(value) - low) / ((high - low) or 1.0)
        return HEIGHT - BOTTOM - min(max(share, -0.02), 1.02) * (HEIGHT - TOP - BOTTOM)

    def bent(self, value: float) -> float:
        """The number or its logarithm."""
        return math.log10(max(value, 1e-12)) if self.log else value


def axes(panel: Panel, rows: pd.DataFrame, title: str, log: bool) -> Scale:
    """Draw title, axes and their labels; of intervals that reach far beyond the means, the ends are cut."""
    heads = rows[rows["head"]]
    shown = np.concatenate(
        [rows["mean"], heads["low"].dropna(), heads["high"].dropna(), rows.get("chance", pd.Series(dtype=float))]
    )
    shown = shown[np.isfinite(shown)]
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.0, 1.0)
    log = log and low > 0
    ticks = decades(low, high) if log else steps(min(0.0, low), high)
    scale = Scale((float(rows["x"].min()), float(rows["x"].max())), (ticks[0], ticks[-1]), log)
    panel.add("text", title, x=2, y=14, cls="title")
    for tick in ticks:
        y = scale.y(tick)
        panel.add("path", d=f"M{LEFT} {y:.1f}H{WIDTH - RIGHT}", cls="edge" if tick == 0 else "grid")
        panel.add("text", significant(tick, 3), x=LEFT - 6, y=y + 4, cls="soft end")
    for tick in x_ticks(rows["x"]):
        panel.add("text", tick_text(tick), x=scale.x(tick), y=HEIGHT - BOTTOM + 18, cls="soft middle")
    panel.add("text", str(rows["xlabel"].iloc[0]), x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 8, cls="soft middle")
    turned = f"rotate(-90 10 {(TOP + HEIGHT - BOTTOM) / 2:.0f})"
    panel.add(
        "text", str(rows["ylabel"].iloc[0]), x=10, y=(TOP + HEIGHT - BOTTOM) / 2, transform=turned, cls="soft middle"
    )
    return scale


def draw(
    panel: Panel, scale: Scale, rows: pd.DataFrame, style: tuple[str, str], shift: float, at: tuple[str, str, str]
) -> None:
    """One line: its single runs faint, its band, the line, its points."""
    colour, shape = style
    single, head = rows[~rows["head"]], rows[rows["head"]]
    runs = list(dict.fromkeys(single["run"]))
    for run in runs if len(runs) <= FAINT else []:
        panel.add("polyline", points=path(scale, single[single["run"] == run], "mean"), cls=f"line {colour} faint")
    known = head[head["low"].notna()]
    if runs and len(known) > 1:
        upper, lower = path(scale, known, "high"), path(scale, known[::-1], "low")
        panel.add("polygon", points=f"{upper} {lower}", cls=f"band {colour}")
    panel.add("polyline", points=path(scale, head, "mean"), cls=f"line {colour}")
    if "chance" in head and head["chance"].notna().any():
        panel.add("polyline", points=path(scale, head[head["chance"].notna()], "chance"), cls=f"line dashed {colour}")
    for row in head.to_dict("records"):
        x, values = scale.x(row["x"]), (float(row["mean"]), float(row["low"]), float(row["high"]))
        if not runs and np.isfinite(row["low"]):
            x += shift
            panel.add("path", d=f"M{x:.1f} {scale.y(row['low']):.1f}V{scale.y(row['high']):.1f}", cls=f"line {colour}")
        hollow = " hollow" if row.get("marked") is True else ""
        place = (at[0], f"{at[1]}{f' {DAGGER}' if hollow else ''}", f"{at[2].split(' (')[0]} {tick_text(row['x'])}")
        panel.add("path", d=outline(shape, x, scale.y(row["mean"])), cls=f"{colour}{hollow}", at=place, values=[values])


def path(scale: Scale, rows: pd.DataFrame, column: str) -> str:
    """Points of a line."""
    return " ".join(f"{scale.x(x):.1f},{scale.y(y):.1f}" for x, y in zip(rows["x"], rows[column], strict=True))


def outline(shape: str, x: float, y: float, r: float = 3.6) -> str:
    """A point's shape, so that lines are told apart without colour."""
    corners: Mapping[str, list[tuple[float, float]]] = {
        "square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
        "diamond": [(0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)],
        "triangle": [(0, -1.3), (1.3, 1.1), (-1.3, 1.1)],
        "wedge": [(0, 1.3), (1.3, -1.1), (-1.3, -1.1)],
        "cross": [(-1.2, -1.2), (0, -0.4), (1.2, -1.2), (0.4, 0), (1.2, 1.2), (0, 0.4), (-1.2, 1.2), (-0.4, 0)],
        "bar": [(-1.4, -0.6), (1.4, -0.6), (1.4, 0.6), (-1.4, 0.6)],
        "plate": [(-0.6, -1.4), (0.6, -1.4), (0.6, 1.4), (-0.6, 1.4)],
    }
    if shape == "circle":
        return f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z"
    return "M" + "L".join(f"{x + r * dx:.1f} {y + r * dy:.1f}" for dx, dy in corners[shape]) + "z"


def steps(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from below the least to above the largest.

    Example:
        >>> steps(0.0, 0.93), steps(-0.2, 0.35)
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [-0.2, 0.0, 0.2, 0.4])
    """
    span = (high - low) or 1.0
    base = 10.0 ** math.floor(math.log10(span / most))
    step = next(base * k for k in (1, 2, 2.5, 5, 10) if span / (base * k) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 10) for k in range(first, max(last, first + 1) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Powers of ten around a range."""
    return [
        10.0**k
        for k in range(
            math.floor(math.log10(low)), max(math.ceil(math.log10(high)), 1 + math.floor(math.log10(low))) + 1
        )
    ]


def x_ticks(values: pd.Series) -> list[float]:
    """Whole numbers each; of fractions round steps within their range."""
    known = sorted({float(value) for value in values})
    if all(value.is_integer() for value in known) and len(known) <= 10:
        return known
    return [tick for tick in steps(known[0], known[-1]) if known[0] <= tick <= known[-1]]


def tick_text(value: float) -> str:
    """A number beside an axis.

    Example:
        >>> tick_text(2.0), tick_text(0.25), tick_text(1 / 3)
        ('2', '0.25', '0.33')
    """
    return number(value, 0) if float(value).is_integer() else number(value, 2).rstrip("0")
