"""What a proof costs."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lk.certification.plots.colours import COLOURS
from lk.plots.style import MARKERS, footnote, grid, styled


@styled
def bound_against_cost(certificates: pd.DataFrame) -> Figure:
    """Left: each verifier alone, a point per network.

    Right: the cascade, what it has proven by the time it has spent so much.

    Args:
        certificates: Columns seed, verifier, tier, bound, cost (operations over n^3 m); a row per tier for the cascade.
    """
    alone = certificates[~certificates["verifier"].isin(["cascade"])]
    cascade = certificates[certificates["verifier"] == "cascade"]
    panels = 1 + bool(len(cascade))
    figure, axes = grid(1, panels, height=3.7, sharey=True, sharex=True)
    costs = certificates.loc[certificates["cost"] > 0, "cost"]
    low = float(min(costs.min(), 0.5)) / 1.6
    high = float(max(costs.max(), 1.0)) * 1.8
    for number, (name, rows) in enumerate(alone.groupby("verifier", sort=False)):
        axes[0, 0].plot(
            rows["cost"].clip(lower=low),
            rows["bound"],
            MARKERS[number],
            color=COLOURS[str(name)],
            alpha=0.65,
            markersize=7,
            label=str(name).replace("_", " "),
            markeredgecolor="white",
            markeredgewidth=0.6,
            clip_on=False,
            zorder=3,
        )
    axes[0, 0].set(ylabel="proven accuracy (bound)", title="Each verifier alone")
    axes[0, 0].legend(loc="center left")
    if len(cascade):
        panel = axes[0, 1]
        grid_ = np.geomspace(low, high, 400)
        curves = []
        for _, rows in cascade.groupby("seed"):
            steps = np.concatenate([[0.0], np.maximum.accumulate(rows["bound"].to_numpy(float))])
            curves.append(steps[np.searchsorted(rows["cost"].to_numpy(float), grid_, side="right")])
            panel.plot(grid_, curves[-1], color="#BBBBBB", linewidth=0.9)
        panel.plot(grid_, np.mean(curves, axis=0), color=COLOURS["cascade"], linewidth=2.8, label="mean over seeds")
        panel.plot([], [], color="#BBBBBB", linewidth=0.9, label="one seed")
        panel.set(title="Cascade: cheap tiers first, brute force for the rest")
        panel.legend(loc="upper left")
    for panel in axes[0]:
        panel.axvline(1.0, color="#444444", linestyle="--", linewidth=1.2)
        panel.text(1.06, 0.03, "brute\nforce", fontsize=9.5, color="#444444")
        panel.set_xscale("log")
        panel.set(xlim=(low, high), ylim=(-0.03, 1.04), xlabel="operations / brute force's (n³ m multiply-adds)")
        panel.xaxis.set_major_locator(LogLocator(numticks=6))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
    footnote(figure, [], f"n = {certificates['seed'].nunique()} seeds at step {int(certificates['step'].max()):,}")
    return figure
