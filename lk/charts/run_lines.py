"""Lines of runs or architectures beside each other, with bands over samples and seeds."""

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from lk.charts.axes import Axes, round_ticks, spans
from lk.charts.chart import Chart
from lk.charts.curves import joined
from lk.plots.style import DAGGER, FOOTNOTE, RUNS, without_interval
from lk.text import number

WIDTHS = {1: 440, 2: 440, 3: 345}  # of a panel, by panels side by side
HEIGHT = 236
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
        frame: Columns panel (title), xlabel, ylabel, x, line, run (empty: the mean of a line's runs), mean, low, high,
            n; optional `chance` (dashed, in the line's colour) and `marked` (hollow points).
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
        axes = framed(chart, own, columns, log)
        axes.title(title)
        for place, name in enumerate(names):
            rows = own[(own["line"] == name) & own["mean"].notna()].sort_values("x")
            shift = (place - (len(names) - 1) / 2) * min(4.0, 24 / len(names))
            if len(rows):
                draw(axes, rows, style[name], shift)
    present = [name for name in names if (frame["line"] == name).any()]
    chart.legend = [(style[name][0], f"{name} {UNEQUAL}" if name in unequal else name) for name in present]
    chart.note = " ".join(f"{part}." for part in notes(frame, note, set(unequal) & set(present)) if part)
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


def framed(chart: Chart, rows: pd.DataFrame, columns: int, log: bool) -> Axes:
    """A new panel with axes that hold the means of all runs and the intervals of all lines."""
    ends = [rows["mean"], *(rows.loc[rows["head"], end] for end in ("low", "high"))]
    known = pd.concat([*ends, rows["chance"]] if "chance" in rows else ends).dropna().to_numpy(float)
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    log = log and low > 0
    margin = 0.06 * ((high - low) or 1.0)
    span = (low / 1.3, high * 1.3) if log else (low - margin if low < 0 else 0.0, high + margin)
    first, last = float(rows["x"].min()), float(rows["x"].max())
    beside = 0.05 * ((last - first) or 1.0)
    panel = chart.panel(WIDTHS.get(columns, WIDTHS[3]), HEIGHT)
    axes = Axes(panel, (first - beside, last + beside), span, log, margins=(44, 8, 44, 36))
    axes.ticks_y(str(rows["ylabel"].iloc[0]))
    places = sorted(set(rows["x"].astype(float)))
    if not all(place.is_integer() for place in places):
        places = round_ticks(first, last, 5)
    axes.ticks_x([(place, tick(place)) for place in places], str(rows["xlabel"].iloc[0]))
    return axes


def draw(axes: Axes, rows: pd.DataFrame, style: tuple[str, str], shift: float) -> None:
    """One line: its single runs faint, its band, the line, its points."""
    (colour, shape), add = style, axes.panel.add
    single, head = rows[~rows["head"]], rows[rows["head"]]
    runs = list(dict.fromkeys(single["run"]))
    for run in runs if len(runs) <= FAINT else []:
        add("path", d=line(axes, single[single["run"] == run], "mean"), cls=f"line {colour} faint")
    known = head[head["low"].notna()]
    banded = bool((head["run"] == "").all())
    if banded and len(known) > 1:
        add("path", d=f"{line(axes, known, 'high')}L{line(axes, known[::-1], 'low')[1:]}Z", cls=f"band {colour}")
    add("path", d=line(axes, head, "mean"), cls=f"line {colour}")
    if "chance" in head and head["chance"].notna().any():
        add("path", d=line(axes, head[head["chance"].notna()], "chance"), cls=f"line dashed {colour}")
    data = head[["mean", "low", "high"]].to_numpy(float)
    for row, values in zip(head.to_dict("records"), data, strict=True):
        x, y = float(axes.x(row["x"])) + (0.0 if banded else shift), float(axes.y(row["mean"]))
        if not banded:
            axes.whisker(x, values[None, 1], values[None, 2], f"{colour} thin")
        hollow = row.get("marked") is True
        at = (
            row["panel"],
            f"{row['line']} {DAGGER}" if hollow else row["line"],
            f"{row['xlabel'].split(' (')[0]} {tick(row['x'])}",
        )
        add(
            "path",
            d=outline(shape, x, y),
            cls=f"{colour} hollow" if hollow else colour,
            at=at,
            values=spans(values[None]),
        )


def line(axes: Axes, rows: pd.DataFrame, column: str) -> str:
    """The `d` of a path through a column of the rows."""
    return joined([*zip(axes.x(rows["x"]), axes.y(rows[column]), strict=True)])


def outline(shape: str, x: float, y: float, r: float = 3.6) -> str:
    """The `d` of a point, in a shape that tells lines apart without colour."""
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
        return f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0Z"
    return joined([(x + r * dx, y + r * dy) for dx, dy in corners[shape]]) + "Z"


def tick(value: float) -> str:
    """A number beside an axis.

    Example:
        >>> tick(2.0), tick(0.25), tick(0.5)
        ('2', '0.25', '0.5')
    """
    return number(value, 0) if float(value).is_integer() else number(value, 2).rstrip("0")
