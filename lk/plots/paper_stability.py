"""Stability of interactions under small noise in the input (Cheng et al. 2024, Fig. 5 for AND, 9 for OR)."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.paper_agreement import by_place
from lk.plots.run_lines import run_lines
from lk.plots.style import of_samples, wide


def paper_stability(frame: pd.DataFrame, kind: str) -> Figure:
    """Mean over standard deviation of an effect over noisy draws, by order; one line per network, a panel per place.

    The axis is logarithmic where the means span more than a factor of 30.

    Args:
        frame: Columns network, place (`intermediate layer`, `output`), kind, order, mean, low, high, n.
        kind: `and` or `or`.
    """
    rows = by_place(frame, kind)
    rows = rows.assign(line=rows["network"], ylabel="stability: |mean| / standard deviation")
    note = f"{of_samples(rows)}, whiskers: 95 % intervals; mean and standard deviation over noisy copies of each sample"
    return run_lines(rows, height=3.8, note=note, same_y=True, log=wide(rows["mean"]))
