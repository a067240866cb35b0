"""Accuracy and certified accuracy over training."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lk.certification.plots.colours import COLOURS
from lk.plots.style import TEST, THRESHOLD, TRAIN, footnote, grid, step_scale, styled
from lk.text import significant

SPLITS = {"train": (TRAIN, "--"), "test": ("#56B4E9", "-"), "full": ("#000000", ":")}
NAMES = {"full": "accuracy on all pairs"}


@styled
def certified_accuracy(
    progress: pd.DataFrame, certificates: pd.DataFrame, milestones: pd.DataFrame, proven: float, grokked: float
) -> Figure:
    """Left: means over the seeds that are followed; bands from the lowest to the highest seed.

    Right: when each seed groks and becomes provable.

    Args:
        progress: Columns step, seed, quantity (`train/accuracy`, `test/accuracy`, `full/accuracy`), value.
        certificates: One row per step, seed and verifier: bound.
        milestones: Columns seed, groks and provable: the first such step, NaN for never.
        proven: Bound from which a network counts as provable.
        grokked: Test accuracy above which it counts as having grokked.
    """
    followed = sorted(milestones["seed"])
    last = float(certificates["step"].max())
    figure, axes = grid(1, 2, height=3.9, width_ratios=(2.1, 1.0))
    panel, strip = axes[0]
    for split, (colour, line) in SPLITS.items():
        values = progress[progress["seed"].isin(followed) & (progress["quantity"] == f"{split}/accuracy")].groupby(
            "step"
        )["value"]
        panel.plot(
            values.mean().index,
            values.mean(),
            line,
            color=colour,
            label=NAMES.get(split, f"{split} accuracy"),
            linewidth=2.2,
        )
    known = set(certificates["verifier"]) - {"brute_force", "cascade"}  # those are exact: the accuracy itself
    for name in [name for name in COLOURS if name in known]:
        rows = certificates[certificates["seed"].isin(followed) & (certificates["verifier"] == name)]
        by_step = rows.groupby("step")["bound"]
        panel.plot(
            by_step.mean().index, by_step.mean(), "-o", color=COLOURS[name], label=f"proven: {name}", markersize=4
        )
        panel.fill_between(
            by_step.min().index, by_step.min(), by_step.max(), color=COLOURS[name], alpha=0.13, linewidth=0
        )
    panel.axhline(proven, color=THRESHOLD, linestyle=":", linewidth=1.3)
    panel.text(0.0, proven - 0.015, f" provable from {significant(proven, 3)}", color=THRESHOLD, fontsize=9.5, va="top")
    panel.set(ylim=(-0.03, 1.04), ylabel="share of pairs", title="Accuracy, and how much of it is proven")
    step_scale(panel, last)
    panel.legend(loc="center left", bbox_to_anchor=(0.0, 0.6))
    order = milestones.sort_values("seed", ascending=False).reset_index(drop=True)
    for place, row in enumerate(order.to_dict("records")):
        if np.isfinite(row["groks"]) and np.isfinite(row["provable"]):
            strip.plot([row["groks"], row["provable"]], [place, place], color="#BBBBBB", linewidth=2.0, zorder=1)
    strip.plot(
        order["groks"],
        order.index,
        "o",
        color="#56B4E9",
        markersize=9,
        label=f"groks: test accuracy > {significant(grokked, 3)}",
    )
    strip.plot(
        order["provable"],
        order.index,
        "D",
        color=TEST,
        markersize=5.5,
        label=f"provable: bound ≥ {significant(proven, 3)}",
    )
    strip.set_yticks(range(len(order)), [f"seed {int(seed)}" for seed in order["seed"]])
    strip.set(ylim=(-0.7, 1.4 * len(order) + 0.2), title="When")  # room for the legend
    earliest = np.fmin.reduce(order[["groks", "provable"]].to_numpy(float), axis=None)
    step_scale(strip, last, float(earliest) if np.isfinite(earliest) else 0.0)
    strip.legend(loc="upper left", fontsize=9.5)
    footnote(
        figure,
        [],
        f"n = {len(followed)} seeds; lines: means, bands: lowest to highest seed; a bound counts all n² pairs of the "
        "group",
    )
    return figure
