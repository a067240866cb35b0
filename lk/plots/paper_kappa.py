"""Effects under several bounds of the noise term (Cheng et al. 2024, Fig. 11)."""

import pandas as pd
from matplotlib.figure import Figure

from lk.plots.style import MARKERS, RUNS, grid, of_samples, short, styled
from lk.text import significant

REFERENCE = 0.04
MANY = 1000  # points from which on the markers are pixels in the SVG


@styled
def paper_kappa(frame: pd.DataFrame) -> Figure:
    """Signed effects, sorted by the effect at kappa = 0.04 (a black line); one colour and marker per other kappa, a panel per place.

    Args:
        frame: Columns kappa, rank (by the effect at kappa = 0.04), effect (signed, relative to the strongest of its sample), place, n.
    """
    places, kappas = list(dict.fromkeys(frame["place"])), sorted(frame["kappa"].unique())
    figure, axes = grid(1, len(places), height=4.0)
    others = [kappa for kappa in kappas if kappa != REFERENCE]
    for panel, place in zip(axes[0], places, strict=True):
        own = frame[(frame["place"] == place) & frame["effect"].notna()].sort_values("rank")
        for number, kappa in enumerate(others):
            found = own[own["kappa"] == kappa]
            panel.plot(
                found["rank"], found["effect"], MARKERS[number], color=RUNS[(0, 1, 5, 6, 4)[number % 5]], markersize=4.5, alpha=0.75,
                markeredgewidth=0, rasterized=len(found) > MANY, label=f"κ = {significant(kappa)}",
            )  # fmt: skip
        found = own[own["kappa"] == REFERENCE]
        if len(found):
            panel.plot(
                found["rank"],
                found["effect"],
                color="#000000",
                linewidth=1.5,
                label=f"κ = {significant(REFERENCE)}: sorted by this one",
            )
        panel.axhline(0, color="#444444", linewidth=0.8)
        panel.set(
            title=short(place, 40),
            xlabel=f"rank at κ = {significant(REFERENCE)} / number of samples",
            ylabel="effect / strongest effect of its sample",
        )
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=len(kappas), markerscale=1.5)
    note = f"{of_samples(frame)}; |δ| ≤ κ · |v(N) − v(∅)| bounds the noise term of each masked sample"
    figure.supxlabel(note, x=0.01, ha="left", fontsize=9, color="#555555")
    return figure
