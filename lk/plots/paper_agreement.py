"""Whether networks hold the same salient interactions (Cheng et al. 2024, Fig. 4 for AND, 8 for OR)."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.run_lines import run_lines
from lk.plots.style import of_samples

PLACES = ("intermediate layer", "output")


def paper_agreement(frame: pd.DataFrame, kind: str) -> Figure:
    """Intersection over union by order, one line per pair of networks; chance level dashed in the colour of its pair.

    Args:
        frame: Columns pair, place (`intermediate layer`, `output`), kind, order, mean, low, high, chance, n.
        kind: `and` or `or`.
    """
    rows = by_place(frame, kind)
    rows = rows.assign(line=rows["pair"], ylabel="IoU of salient sets")
    note = f"{of_samples(rows)}, whiskers: 95 % intervals; dashed: chance level of two random sets of the same sizes"
    return run_lines(rows, height=3.8, note=note, same_y=True)


def by_place(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Rows of a kind as panels of `run_lines`: the intermediate layer, then the output, over orders."""
    rows = frame[(frame["kind"] == kind) & (frame["order"] > 0)]
    rows = rows.assign(panel=kind.upper() + ": " + rows["place"], xlabel="order", x=rows["order"])
    # Stable, so that lines keep the order and the colours in which they are given.
    return rows.sort_values(
        "place", key=lambda places: places.map({place: i for i, place in enumerate(PLACES)}), kind="stable"
    )
