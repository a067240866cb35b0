"""A circuit as a picture: its neurons on pairs of points."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lk.plots.style import THRESHOLD, footnote, grid, styled
from lk.text import number, significant


@styled
def circuit(cells: pd.DataFrame, answers: pd.DataFrame, title: str) -> Figure:
    """Kernel and neurons of each pair of points, activations at w = e, and the logits that come of both.

    Args:
        cells: Columns p, q (points), lam, mu (their projections on a), kernel, neurons (how many), activation.
        answers: Columns element, logit, correct: phi(w) of the circuit alone, for every w = x^-1 z y^-1.
        title: Name of the circuit.
    """
    rows = cells.sort_values(["lam", "p"])["p"].drop_duplicates().tolist()
    columns = cells.sort_values(["mu", "q"])["q"].drop_duplicates().tolist()
    figure, axes = grid(1, 3, height=4.3, width_ratios=(1.1, 1.1, 1.0))
    small = max(len(rows), len(columns)) <= 8
    for panel, (quantity, name, colours) in zip(
        axes[0],
        (
            ("kernel", "Kernel K(p, q): sets the unembedding", "PuOr"),
            ("activation", "Activation act(λ(p) − μ(q)) at w = e", "Blues"),
        ),
        strict=False,
    ):
        table = cells.pivot(index="p", columns="q", values=quantity).loc[rows, columns].to_numpy(float)
        top = float(np.abs(table).max()) or 1.0
        image = panel.imshow(table, cmap=colours, vmin=-top if quantity == "kernel" else 0.0, vmax=top, aspect="auto")
        figure.colorbar(image, ax=panel, pad=0.02, fraction=0.05)
        panel.set(title=name, xlabel="point q of Y, by μ(q)")
        for axis, points, values in (
            ("y", rows, cells.groupby("p")["lam"].first()),
            ("x", columns, cells.groupby("q")["mu"].first()),
        ):
            places = range(0, len(points), max(1, len(points) // 8))
            labels = [number(values[points[i]]) for i in places]
            if axis == "x":
                panel.set_xticks(list(places), labels)
            else:
                panel.set_yticks(list(places), labels)
        panel.grid(visible=False)
    axes[0, 0].set_ylabel("point p of X, by λ(p)")
    counts = cells.pivot(index="p", columns="q", values="neurons").loc[rows, columns].to_numpy(int)
    for (i, j), count in np.ndenumerate(counts):
        if count == 0:
            axes[0, 0].add_patch(
                Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, hatch="////", edgecolor=THRESHOLD, linewidth=0)
            )
        elif small:
            axes[0, 0].text(
                j,
                i,
                str(count),
                ha="center",
                va="center",
                fontsize=10,
                bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75},
            )
    panel = axes[0, 2]
    order = answers.sort_values("logit").reset_index(drop=True)
    wrong, right = order[~order["correct"]], order[order["correct"]]
    panel.plot(wrong.index, wrong["logit"], "o", color="#999999", markersize=4.5, label="w ≠ e: wrong answers")
    panel.plot(right.index, right["logit"], "D", color="#0072B2", markersize=8, label="w = e: the right answer")
    best = float(wrong["logit"].max())
    panel.axhline(best, color="#999999", linestyle=":", linewidth=1.2)
    panel.set(
        title=f"Logits φ(w): margin {significant(float(right['logit'].iloc[0]) - best)}",
        xlabel="w = x⁻¹ z y⁻¹, in the order of φ",
        ylabel="logit of the circuit",
    )
    panel.legend(loc="upper left", fontsize=9.5)
    panel.margins(y=0.22)
    missing = int((counts == 0).sum())
    note = "numbers: neurons of the pair; " if small else ""
    footnote(
        figure,
        [],
        f"{title}; n = {int(counts.sum())} neurons on {counts.size} pairs; {note}hatched: {missing} pairs without a "
        "neuron",
    )
    return figure
