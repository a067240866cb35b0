"""Lines of runs beside each other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lk.plots.style import FOOTNOTE, MARKERS, RUNS, grid, log_scale, short, styled, whiskers, without_interval

LINES: tuple[str | tuple[int, tuple[float, ...]], ...] = ("-", (0, (7, 2)), "-.", ":")
CHANCE = (0, (2.5, 1.8))


@styled
def run_lines(
    frame: pd.DataFrame,
    columns: int = 2,
    height: float = 3.2,
    note: str = "",
    names: Sequence[str] = (),
    same_y: bool = False,
    log: bool = False,
) -> Figure:
    """One panel per question, one line per run (or pair of runs), the same colour and marker for a run in every panel.

    Args:
        frame: Columns panel (title), xlabel, ylabel, x, line (name), mean, low, high; optional `chance` (dashed, in the
            line's colour) and `marked` (hollow points).
        columns: Panels side by side.
        height: Inches of a row of panels.
        note: Footnote; what a missing whisker means is added.
        names: All lines in the order of their colours, so that a line without rows here does not shift the colours of
            the others against other figures; empty: as they come in the frame.
        same_y: One range for the y axes of all panels.
        log: Logarithmic y axes.
    """
    panels = list(dict.fromkeys(frame["panel"]))
    order = list(dict.fromkeys([*names, *frame["line"]]))
    rows = -(-len(panels) // columns)
    legend = 0.19 * max(0, -(-frame["line"].nunique() // 3) - 2)  # many names must not eat the panels
    figure, axes = grid(rows, min(columns, len(panels)), height=0.5 + rows * height + legend, sharey=same_y)
    handles: dict[str, Line2D] = {}
    for panel, title in zip(axes.flat, panels, strict=False):
        own = frame[frame["panel"] == title]
        handles |= draw_lines(panel, own, order)
        panel.set(title=title, xlabel=own["xlabel"].iloc[0], ylabel=own["ylabel"].iloc[0])
        if log:
            log_scale(panel)
        elif own["mean"].min() >= 0 and not (same_y and frame["mean"].min() < 0):
            panel.set_ylim(bottom=0)
        if own["mean"].min() < 0:
            panel.axhline(0, color="#444444", linewidth=0.8)
        if same_y:
            panel.tick_params(labelleft=True)
        if np.issubdtype(own["x"].dtype, np.integer):
            panel.set_xticks(sorted(own["x"].unique()))
    for panel in axes.flat[len(panels) :]:
        panel.remove()
    shown = [handles[name] for name in order if name in handles]
    figure.legend(handles=shown, loc="outside upper left", ncols=max(1, min(3, len(shown))))
    any_marked = "marked" in frame and bool(frame["marked"].fillna(False).any())
    missing = f"no whisker: {without_interval(frame).removeprefix('none ')}" if note and without_interval(frame) else ""
    lines = [line for line in (note, missing, f"hollow: marked {FOOTNOTE}" if any_marked else "") if line]
    if lines:
        figure.supxlabel("   ".join(lines), x=0.01, ha="left", fontsize=9, color="#555555")
    return figure


def draw_lines(panel: Axes, rows: pd.DataFrame, order: Sequence[str]) -> dict[str, Line2D]:
    """Draw the lines of one panel.

    Args:
        panel: Where to draw.
        rows: Columns line, x, mean, low, high; optional `marked` and `chance`.
        order: Names of all lines in the order of their colours.

    Returns:
        The handle of each line that has rows.
    """
    handles: dict[str, Line2D] = {}
    span = float(rows["x"].max() - rows["x"].min()) or 1.0
    for number, name in enumerate(order):
        found = rows[(rows["line"] == name) & rows["mean"].notna()].sort_values("x")
        if not len(found):
            continue
        # Beyond eight lines colours come again, with another marker and another dash.
        again, place = divmod(number, len(RUNS))
        colour, marker = RUNS[place], MARKERS[(place + again) % len(MARKERS)]
        # A small shift keeps whiskers of different runs apart.
        x = found["x"] + (number - (len(order) - 1) / 2) * min(0.008, 0.06 / len(order)) * span
        style: Any = {"color": colour, "marker": marker}
        label = short(name, 44)
        (handles[name],) = panel.plot(x, found["mean"], linestyle=LINES[again % len(LINES)], label=label, **style)
        whiskers(panel, x, found, colour)
        if "marked" in found and found["marked"].any():
            hollow = found["marked"].to_numpy(bool)
            style |= {"markerfacecolor": "white", "markersize": 6, "linestyle": "none"}
            panel.plot(x[hollow], found["mean"][hollow], zorder=4, **style)
        if "chance" in found and found["chance"].notna().any():
            panel.plot(x, found["chance"], linestyle=CHANCE, color=colour, linewidth=1.1)
    return handles
