"""In which irreps a network computes, over training."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import MARKERS, RUNS, footnote, grid, step_scale, styled

TITLES = {"power_left": "left factor l(x)", "power_right": "right factor r(y)", "power_unembed": "unembedding u(z)"}


@styled
def irrep_power_over_training(progress: pd.DataFrame, most: int = 8) -> Figure:
    """A panel for each table: share of its squared norm in each irrep, mean over seeds.

    Args:
        progress: Columns step, seed, quantity, irrep, value; the same seeds at every step.
        most: Irreps with a line of their own, the ones with most power at the end; the others are summed.
    """
    rows = progress[progress["quantity"].isin(TITLES)]
    means = rows.groupby(["quantity", "irrep", "step"], sort=False)["value"].mean()
    last = rows["step"].max()
    final = rows[rows["step"] == last].groupby("irrep", sort=False)["value"].mean()
    chosen = (
        list(final.index)
        if len(final) <= most
        else [name for name in final.index if name in set(final.nlargest(most - 1).index)]
    )
    figure, axes = grid(1, 3, height=3.3, sharey=True)
    for panel, (quantity, title) in zip(axes[0], TITLES.items(), strict=True):
        table = means[quantity].unstack("step").sort_index(axis=1)
        for number, name in enumerate(chosen):
            colour, marker = RUNS[number % len(RUNS)], MARKERS[number % len(MARKERS)]
            panel.plot(table.columns, table.loc[name], marker=marker, color=colour, label=f"irrep {name}")
        others = table.drop(index=chosen)
        if len(others):
            panel.plot(table.columns, others.sum(), ":", color="#777777", label=f"{len(others)} others together")
        panel.set(title=title, ylim=(-0.03, 1.03))
        step_scale(panel, float(last))
    axes[0, 0].set_ylabel("share of the squared norm")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    footnote(figure, [], f"n = {rows['seed'].nunique()} seeds, means; the number in an irrep's name is its dimension")
    return figure
