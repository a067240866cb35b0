"""Which interactions other networks hold too, by order."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lk.plots.run_lines import CHANCE
from lk.plots.style import RUNS, footnote, grid, short, styled, whiskers, with_intervals
from lk.text import epochs as epoch_text

SHARED, ALONE = "#0072B2", "#D55E00"


@styled
def generalisation_by_order(general: pd.DataFrame) -> Figure:
    """Generalisation share with chance, and the strength by order of what is shared and what is not.

    One column per network.

    Args:
        general: Columns network, epoch, quantity (`share`, `chance`, `shared`, `alone`), order, mean, low, high, n, of
            the first and of the last checkpoint.
    """
    networks = list(dict.fromkeys(general["network"]))
    figure, axes = grid(2, len(networks), height=5.6, sharey="row", sharex="col")
    for column, network in enumerate(networks):
        own = general[general["network"] == network]
        for number, epoch in enumerate(sorted(own["epoch"].unique())):
            rows = own[own["epoch"] == epoch]
            at = f"epoch {epoch_text(float(epoch))}"
            share(axes[0, column], rows, at, RUNS[number])
        strength(axes[1, column], own[own["epoch"] == own["epoch"].max()])
        axes[0, column].set_title(short(network, 30))
        axes[1, column].set_xlabel("order")
        axes[1, column].set_xticks(sorted(own["order"].unique()))
        axes[0, column].legend(fontsize=9)
    axes[1, 0].legend(fontsize=9)
    axes[0, 0].set_ylabel("generalisation share g\n(weighted by strength)")
    axes[1, 0].set_ylabel("share of salient strength,\nlast checkpoint")
    footnote(figure, [], with_intervals(general), "dashed: g of as many interactions drawn at random")
    return figure


def share(panel: Axes, rows: pd.DataFrame, name: str, colour: str) -> None:
    """Generalisation share, and chance in the same colour."""
    own, chance = (rows[rows["quantity"] == key].sort_values("order") for key in ("share", "chance"))
    panel.plot(own["order"], own["mean"], "-o", color=colour, label=name)
    whiskers(panel, own["order"], own, colour)
    panel.plot(chance["order"], chance["mean"], linestyle=CHANCE, color=colour, linewidth=1.1)


def strength(panel: Axes, rows: pd.DataFrame) -> None:
    """Strength by order of what at least half of the other networks hold, and of what none holds."""
    named = (("shared", "held by half of the other networks", SHARED), ("alone", "held by no other network", ALONE))
    for side, (key, label, colour) in enumerate(named):
        own = rows[rows["quantity"] == key].sort_values("order")
        x = own["order"] + (side - 0.5) * 0.4
        panel.bar(x, own["mean"], width=0.4, color=colour, label=label)
        whiskers(panel, x, own)
