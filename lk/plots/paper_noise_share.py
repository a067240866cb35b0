"""How large the added noise is against the signal, by order (Cheng et al. 2024, Fig. 12)."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import NEW, THRESHOLD, footnote, grid, log_scale, of_samples, styled, wide

ENDS = {"whislo": "q05", "q1": "q25", "med": "q50", "q3": "q75", "whishi": "q95"}


@styled
def paper_noise_share(frame: pd.DataFrame) -> Figure:
    """One box per order: the control that the fall of stability with order is no matter of more noise.

    Args:
        frame: Columns order, q05, q25, q50, q75, q95 (quantiles of the noise share), n. A row with a NaN is left out.
    """
    rows = frame.dropna(subset=list(ENDS.values())).sort_values("order")
    figure, axes = grid(1, 1, width=7.6, height=3.6)
    panel = axes[0, 0]
    boxes = [{name: float(row[column]) for name, column in ENDS.items()} for row in rows.to_dict("records")]
    if boxes:
        panel.bxp(
            boxes, positions=rows["order"].to_numpy(), widths=0.6, showfliers=False, patch_artist=True, manage_ticks=False,
            boxprops={"facecolor": NEW, "alpha": 0.55, "edgecolor": "#333333"}, medianprops={"color": THRESHOLD, "linewidth": 2.2},
            whiskerprops={"color": "#333333"}, capprops={"color": "#333333"},
        )  # fmt: skip
    panel.set(xlabel="order", ylabel="noise share  ‖noise on S‖ / ‖x on S‖", xticks=sorted(frame["order"].unique()))
    if wide([*rows["q05"], *rows["q95"]]):
        log_scale(panel)
    else:
        panel.set_ylim(bottom=0)
    panel.grid(axis="x", visible=False)
    footnote(figure, [], f"{of_samples(frame)}; line: median, box: 25 to 75 %, whiskers: 5 to 95 %")
    return figure
