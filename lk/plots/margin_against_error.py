"""Why a proof succeeds: the ideal network's margin against what the rest costs."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lk.plots.style import MARKERS, VERIFIERS, footnote, grid, styled


@styled
def margin_against_error(certificates: pd.DataFrame) -> Figure:
    """A point per network and verifier that has both; below the diagonal the median pair is certified. Whiskers reach to the 90 % pair.

    Args:
        certificates: Columns seed, verifier, margin, error_50, error_90 (logits), bound.
    """
    rows = certificates[certificates["margin"].notna() & certificates["error_50"].notna() & (certificates["verifier"] != "cascade")]
    figure, axes = grid(1, 1, width=7.6, height=5.0)
    panel = axes[0, 0]
    for number, (name, found) in enumerate(rows.groupby("verifier", sort=False)):
        colour, marker = VERIFIERS[str(name)], MARKERS[number]
        panel.vlines(found["margin"], found["error_50"], found["error_90"], color=colour, linewidth=1.0, alpha=0.6)
        for filled in (True, False):
            own = found[(found["bound"] > 0.5) == filled]
            panel.plot(own["margin"], own["error_50"], marker, color=colour, markerfacecolor=colour if filled else "white", markersize=7.5)
        panel.plot([], [], marker, color=colour, label=str(name), markersize=7.5)
    top = 1.08 * float(max(rows["margin"].max(), rows["error_90"].max(), 1e-6)) if len(rows) else 1.0
    low = min(0.0, float(rows["margin"].min()), float(rows["error_50"].min())) * 1.08 if len(rows) else 0.0
    panel.plot([low, top], [low, top], color="#444444", linestyle="--", linewidth=1.2)
    panel.fill_between([low, top], [low, top], [low, low], color="#009E73", alpha=0.07, linewidth=0)
    panel.text(top, low, "error below margin: certified ", color="#00664B", ha="right", va="bottom")
    panel.set(xlim=(low, top), ylim=(low, top), xlabel="margin of the ideal network (logits)", ylabel="error of the median pair (logits)")
    handles = [
        *panel.get_legend_handles_labels()[0],
        Line2D([], [], marker="o", color="#777777", markerfacecolor="white", linestyle="none"),
    ]
    labels = [*panel.get_legend_handles_labels()[1], "hollow: bound at most 0.5"]
    panel.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    footnote(figure, [], f"n = {certificates['seed'].nunique()} seeds; error: ideal margin minus proven gap; whiskers: to the 90 % pair")
    return figure
