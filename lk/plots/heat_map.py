"""Heat map."""

import pandas as pd
from matplotlib.figure import Figure


def heat_map(strengths: pd.DataFrame) -> Figure:
    """Mean salient strength by layer and order."""
    table = strengths.groupby(["layer", "order"], sort=False)["salient_strength"].mean().unstack()
    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    axes.imshow(table.to_numpy(), aspect="auto")
    return figure
