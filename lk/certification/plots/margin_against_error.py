"""Why a proof succeeds: the ideal network's margin against what the rest costs."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from lk.certification.plots.colours import COLOURS
from lk.plots.style import MARKERS, footnote, grid, log_scale, styled


@styled
def margin_against_error(certificates: pd.DataFrame) -> Figure:
    """A point per network and verifier that has both; below the diagonal the median pair is certified.

    Whiskers reach to the 90 % pair.

    Args:
        certificates: Columns seed, verifier, margin, error_50, error_90 (logits), bound.
    """
    rows = certificates[
        (certificates["margin"] > 0) & np.isfinite(certificates["error_90"]) & (certificates["verifier"] != "cascade")
    ]
    figure, axes = grid(1, 1, width=8.4, height=4.8)
    panel = axes[0, 0]
    right = 2.0 * float(rows["margin"].max()) if len(rows) else 1.0
    top = 30.0 * right  # errors beyond the edges are drawn on them
    least = max(1e-3, float(rows["margin"].min()) / 3 if len(rows) else 0.1)
    for number, (name, found) in enumerate(rows.groupby("verifier", sort=False)):
        colour, marker = COLOURS[str(name)], MARKERS[number]
        ends = found["error_50"].clip(least, top), found["error_90"].clip(least, top)
        panel.vlines(found["margin"], *ends, color=colour, linewidth=1.0, alpha=0.6)
        for filled in (True, False):
            own = found[(found["bound"] > 0.5) == filled]
            face = colour if filled else "white"
            panel.plot(
                own["margin"],
                own["error_50"].clip(least, top),
                marker,
                color=colour,
                markerfacecolor=face,
                clip_on=False,
            )
        panel.plot([], [], marker, color=colour, label=str(name), markersize=7.5)
    panel.plot([least, right], [least, right], color="#444444", linestyle="--", linewidth=1.2)
    panel.fill_between([least, right], [least, right], [least, least], color="#009E73", alpha=0.07, linewidth=0)
    log_scale(panel)
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "25" else ""))
    panel.text(0.98, 0.03, "error below margin: certified", color="#00664B", ha="right", transform=panel.transAxes)
    panel.set(
        xlim=(least, right),
        ylim=(least, top),
        xlabel="margin of the ideal network (logits)",
        ylabel="error of the median pair (logits)",
    )
    handles = [
        *panel.get_legend_handles_labels()[0],
        Line2D([], [], marker="o", color="#777777", markerfacecolor="white", linestyle="none"),
    ]
    labels = [*panel.get_legend_handles_labels()[1], "hollow: bound at most 0.5"]
    panel.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    footnote(
        figure,
        [],
        f"n = {certificates['seed'].nunique()} seeds; error: ideal margin minus proven gap; whiskers: to the 90 % "
        "pair; on the upper edge: beyond it",
    )
    return figure
