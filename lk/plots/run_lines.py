"""Lines of runs beside each other."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import FOOTNOTE, MARKERS, RUNS, grid, short, styled, whiskers

LINES = ("-", "--", "-.", ":")


@styled
def run_lines(frame: pd.DataFrame, columns: int = 2, height: float = 3.2, note: str = "") -> Figure:
    """One panel per question, one line per run (or pair of runs), the same colour and marker for a run in every panel.

    Args:
        frame: Columns panel (title), xlabel, ylabel, x, line (name), mean, low, high; optional `chance` (dotted, in the line's colour)
            and `marked` (hollow points).
        columns: Panels side by side.
        height: Inches of a row of panels.
        note: Footnote.
    """
    panels, names = list(dict.fromkeys(frame["panel"])), list(dict.fromkeys(frame["line"]))
    rows = -(-len(panels) // columns)
    figure, axes = grid(rows, min(columns, len(panels)), height=0.5 + rows * height)
    for panel, title in zip(axes.flat, panels, strict=False):
        own = frame[frame["panel"] == title]
        span = float(own["x"].max() - own["x"].min()) or 1.0
        for number, name in enumerate(names):
            found = own[(own["line"] == name) & own["mean"].notna()].sort_values("x")
            if not len(found):
                continue
            colour, marker = RUNS[number % len(RUNS)], MARKERS[number % len(MARKERS)]
            # A small shift keeps whiskers of different runs apart.
            x = found["x"] + (number - (len(names) - 1) / 2) * 0.008 * span
            panel.plot(x, found["mean"], LINES[number // len(RUNS) % len(LINES)], color=colour, marker=marker, label=short(name, 44))
            whiskers(panel, x, found, colour)
            if "marked" in found and found["marked"].any():
                hollow = found["marked"].to_numpy(bool)
                panel.plot(
                    x[hollow],
                    found["mean"][hollow],
                    marker,
                    color=colour,
                    markerfacecolor="white",
                    linestyle="none",
                    zorder=4,
                    markersize=6,
                )
            if "chance" in found and found["chance"].notna().any():
                panel.plot(x, found["chance"], ":", color=colour, linewidth=1.3)
        panel.set(title=title, xlabel=own["xlabel"].iloc[0], ylabel=own["ylabel"].iloc[0])
        if own["mean"].min() >= 0:
            panel.set_ylim(bottom=0)
        if np.issubdtype(own["x"].dtype, np.integer):
            panel.set_xticks(sorted(own["x"].unique()))
    for panel in axes.flat[len(panels) :]:
        panel.remove()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=min(3, len(names)))
    any_marked = "marked" in frame and bool(frame["marked"].fillna(False).any())
    lines = [line for line in (note, f"hollow: marked {FOOTNOTE}" if any_marked else "") if line]
    if lines:
        figure.supxlabel("   ".join(lines), x=0.01, ha="left", fontsize=9, color="#555555")
    return figure
