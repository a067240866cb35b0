"""How bounds are distributed over seeds."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lk.certification.plots.colours import COLOURS
from lk.plots.style import THRESHOLD, footnote, grid, styled
from lk.text import number, significant


@styled
def bound_histogram(certificates: pd.DataFrame, proven: float) -> Figure:
    """A panel for each verifier: number of networks by the bound that is proven for them.

    Args:
        certificates: One row per seed and verifier: bound, accuracy.
        proven: Bound from which a network counts as provable.
    """
    names = [
        name for name in COLOURS if name in set(certificates["verifier"]) and name not in ("brute_force", "cascade")
    ]
    rows = {name: certificates.loc[certificates["verifier"] == name, "bound"] for name in names}
    panels = {**rows, "true accuracy": certificates.drop_duplicates("seed")["accuracy"]}
    figure, axes = grid(1, len(panels), height=3.1, sharey=True)
    edges = np.linspace(0.0, 1.0, 21)
    for panel, (name, values) in zip(axes[0], panels.items(), strict=True):
        counts, _ = np.histogram(np.clip(values, 0.0, 1.0), edges)
        panel.bar(
            edges[:-1],
            counts,
            0.05,
            align="edge",
            color=COLOURS.get(name, "#999999"),
            edgecolor="white",
            linewidth=0.6,
        )
        panel.axvline(proven, color=THRESHOLD, linestyle=":", linewidth=1.3)
        share = int((values >= proven).sum())
        panel.set(
            title=name, xlabel="accuracy" if name == "true accuracy" else "proven accuracy (bound)", xlim=(-0.02, 1.02)
        )
        panel.text(
            0.03,
            0.95,
            f"{share} of {len(values)} ≥ {significant(proven, 3)}\nmean {number(values.mean(), 3)}",
            transform=panel.transAxes,
            va="top",
        )
        panel.grid(axis="x", visible=False)
    axes[0, 0].set_ylabel("networks (seeds)")
    axes[0, 0].yaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].set_ylim(top=1.45 * axes[0, 0].get_ylim()[1])
    footnote(
        figure,
        [],
        f"n = {certificates['seed'].nunique()} seeds at step {int(certificates['step'].max()):,}; bars are 0.05 wide",
    )
    return figure
