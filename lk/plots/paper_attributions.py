"""Interactions of one sentence beside Shapley values and integrated gradients of its words (Cheng et al. 2024, Fig. 6)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lk.plots.style import KIND_COLOURS, RUNS, THRESHOLD, WIDTH, short, styled
from lk.text import signed

MOST = 8  # interactions per layer
COLUMNS = {
    "interaction": "strongest interactions",
    "shapley": "Shapley values",
    "integrated gradients": "integrated gradients",
}


@styled
def paper_attributions(frame: pd.DataFrame, words: Sequence[str]) -> Figure:
    """A row per layer of one sample: its strongest AND and OR interactions, then one value per word by two other methods.

    Args:
        frame: Columns place (layer), what (`interaction`, `shapley`, `integrated gradients`), name (of an interaction: its words as they
            are to be shown; else the word), value (signed), kind (`and` or `or` for interactions). At most eight interactions per place
            are drawn, the strongest on top.
        words: The words of the sample in their order; a word that stands twice takes its values in the order of the rows.
    """
    places = list(dict.fromkeys(frame["place"]))
    bars = max(len(words), MOST)
    figure = Figure(figsize=(WIDTH, 1.2 + len(places) * (0.7 + 0.235 * bars)))
    axes = figure.subplots(len(places), len(COLUMNS), squeeze=False, width_ratios=(1.15, 1, 1))
    for number, (line, place) in enumerate(zip(axes, places, strict=True)):
        for panel, (what, title) in zip(line, COLUMNS.items(), strict=True):
            rows = frame[(frame["place"] == place) & (frame["what"] == what) & frame["value"].notna()]
            if what == "interaction":
                rows = rows.sort_values("value", key=lambda effects: -effects.abs(), kind="stable").head(MOST)
                kinds = rows["kind"].str.lower()
                names, values = [short(name, 26) for name in rows["name"]], rows["value"].to_numpy(float)
                colours = [KIND_COLOURS[kind] for kind in kinds]
                hatches = ["////" if kind == "or" else "" for kind in kinds]
            else:
                names, values = [short(word, 14) for word in words], by_word(rows, words)
                colours, hatches = [THRESHOLD if value < 0 else RUNS[0] for value in values], [""] * len(words)
            signed_bars(panel, names, values, colours, hatches, bars)
            if number == 0:
                panel.set_title(title)
            if number == len(places) - 1:
                panel.set_xlabel("effect on the score (nats)")
        line[0].set_ylabel(short(place, 24), fontweight="bold")
    handles = [
        Patch(facecolor=colour, hatch="////" if kind == "or" else None, edgecolor="white")
        for kind, colour in KIND_COLOURS.items()
    ]
    handles += [Patch(facecolor=RUNS[0]), Patch(facecolor=THRESHOLD)]
    labels = ["AND: acts when all are there", "OR: acts when any is there", "player for the class", "player against it"]
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
    sentence = " ".join(words)
    figure.supxlabel(f"n = 1 sample: {short(sentence, 150)}", x=0.01, ha="left", fontsize=9, color="#555555")
    return figure


def by_word(rows: pd.DataFrame, words: Sequence[str]) -> np.ndarray:
    """One value per word, NaN where there is none; a repeated word takes its values in the order of the rows.

    Example:
        >>> by_word(pd.DataFrame({"name": ["so", "good", "so"], "value": [1.0, 2.0, 3.0]}), ["so", "so", "good", "film"])
        array([ 1.,  3.,  2., nan])
    """
    known: dict[str, list[float]] = {}
    for name, value in zip(rows["name"], rows["value"], strict=True):
        known.setdefault(name, []).append(float(value))
    return np.array([known[word].pop(0) if known.get(word) else np.nan for word in words])


def signed_bars(
    panel: Axes, names: Sequence[str], values: np.ndarray, colours: Sequence[str], hatches: Sequence[str], lines: int
) -> None:
    """Named horizontal bars to both sides of zero with their values, from the top; room for so many lines."""
    places = np.arange(len(names))
    panel.barh(
        places, np.nan_to_num(values), color=colours, hatch=hatches, edgecolor="white", linewidth=0.4, height=0.76
    )
    panel.set_yticks(places, names, fontsize=9.5)
    panel.axvline(0, color="#444444", linewidth=0.8)
    panel.set_ylim(lines - 0.4, -0.6)
    panel.grid(axis="y", visible=False)
    for place, value in zip(places, values, strict=True):
        known = np.isfinite(value)
        away = -3 if known and value < 0 else 3
        panel.annotate(
            signed(value) if known else "no value", (value if known else 0.0, place), (away, 0), textcoords="offset points",
            va="center", ha="left" if away > 0 else "right", fontsize=9,
        )  # fmt: skip
    panel.margins(x=0.32)
