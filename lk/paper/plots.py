"""Figures 3 to 10 and 12 of Cheng et al. (ICML 2024): layers, networks, noise, single samples."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lk.plots.overlap import WORDS, stacked
from lk.plots.ratios import QUANTITIES, curves
from lk.plots.run_lines import run_lines
from lk.plots.style import (
    FORGOTTEN,
    KIND_COLOURS,
    MOST_LAYERS,
    NEW,
    REACH,
    RUNS,
    THRESHOLD,
    WIDTH,
    footnote,
    grid,
    layer_labels,
    layer_ticks,
    layers_of,
    log_scale,
    marked_in,
    of_samples,
    order_colours,
    short,
    spread,
    styled,
    wide,
    with_intervals,
)
from lk.text import signed

__all__ = [
    "paper_agreement",
    "paper_attributions",
    "paper_noise_share",
    "paper_overlap",
    "paper_ratios",
    "paper_stability",
]

PARTS = ("overlap", "forgotten", "new")
PLACES = ("intermediate layer", "output")
ENDS = {"whislo": "q05", "q1": "q25", "med": "q50", "q3": "q75", "whishi": "q95"}
MOST = 8  # interactions per layer
COLUMNS = {
    "interaction": "strongest interactions",
    "shapley": "Shapley values",
    "integrated gradients": "integrated gradients",
}


# ---- Overlapping, forgotten and newly emerged strength of several networks (Cheng et al. 2024, Fig. 3a: AND, 7a: OR).
@styled
def paper_overlap(frame: pd.DataFrame, kind: str) -> Figure:
    """A row of small panels per network, its layers from early to late; in each the bars of `overlap`, by order.

    Grey is shared with the output; orange above it is forgotten later, blue below zero emerges later.

    Args:
        frame: Columns network, layer, depth, kind, order, quantity (`overlap`, `forgotten`, `new`), mean, low, high,
            marked, n. Rows with order 0 (all orders) are not drawn. At most six layers per network are, evenly spread.
        kind: `and` or `or`.
    """
    rows = frame[(frame["kind"] == kind) & (frame["order"] > 0) & frame["quantity"].isin(PARTS)]
    networks, orders = list(dict.fromkeys(rows["network"])), sorted(rows["order"].unique())
    every = {network: layers_of(rows[rows["network"] == network]) for network in networks}
    shown = {network: spread(layers, MOST_LAYERS) for network, layers in every.items()}
    columns = max(map(len, shown.values()))
    figure, axes = grid(len(networks), columns, height=max(3.4, 1.1 + 1.7 * len(networks)), sharex=True, sharey="row")
    any_marked: list[str] = []
    for line, (network, layers) in enumerate(shown.items()):
        own = rows[rows["network"] == network]
        marked = [layer for layer in marked_in(own) if layer in layers]
        any_marked += marked
        for panel, layer, title in zip(axes[line], layers, layer_labels(layers, marked, 14), strict=False):
            here = own[own["layer"] == layer]
            found = {
                quantity: here[here["quantity"] == quantity]
                .set_index("order")
                .reindex(orders)
                .rename_axis("order")
                .reset_index()
                for quantity in PARTS
            }
            stacked(panel, found, (FORGOTTEN, NEW), WORDS["output"], 0.45 if layer in marked else 1.0)
            if here["mean"].isna().all():
                style: Any = {"transform": panel.transAxes, "ha": "center", "va": "center"}
                panel.text(0.5, 0.5, "no value", color="#666666", fontsize=9.5, **style)
            panel.grid(axis="x", visible=False)
            panel.set_xticks(orders)
            panel.set_title(title, fontsize=10)
            # The last panel of its column, though not always of the grid: networks differ in the number of layers.
            if not any(len(below) > layers.index(layer) for below in list(shown.values())[line + 1 :]):
                panel.set_xlabel("order")
                panel.tick_params(labelbottom=True)
        axes[line, 0].set_ylabel(short(network, 18), fontweight="bold")
        for panel in axes[line, len(layers) :]:
            panel.remove()
    figure.supylabel(f"{kind.upper()}: strength / {REACH}", fontsize=10.5)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    cut = max((len(layers) for layers in every.values()), default=0) > MOST_LAYERS
    fewer = f"at most {MOST_LAYERS} layers of a network, evenly spread" if cut else ""
    footnote(figure, any_marked, with_intervals(rows), fewer)
    return figure


# ---- Completeness and redundancy of several networks by layer (Cheng et al. 2024, Fig. 3b for AND, 7b for OR).
@styled
def paper_ratios(frame: pd.DataFrame, kind: str) -> Figure:
    """Completeness above, redundancy below, a column per network; one curve per order, dark to light from low to high.

    Args:
        frame: Columns network, layer, depth, kind, order (0: all orders, in black, where given), quantity
            (`completeness`, `redundancy`), mean, low, high, marked, n. Every layer given is drawn: leave out the
            output, which is 1 and 0 by definition.
        kind: `and` or `or`.
    """
    rows = frame[(frame["kind"] == kind) & frame["quantity"].isin(QUANTITIES)]
    networks = list(dict.fromkeys(rows["network"]))
    orders = [order for order in sorted(rows["order"].unique()) if order > 0]
    figure, axes = grid(2, len(networks), height=6.2, sharex="col", sharey=True)
    any_marked: list[str] = []
    for column, network in enumerate(networks):
        own = rows[rows["network"] == network]
        layers, marked = layers_of(own), marked_in(own)
        any_marked += marked
        for panel, quantity in zip(axes[:, column], QUANTITIES, strict=True):
            curves(panel, own[own["quantity"] == quantity], layers, orders)
            panel.set(ylim=(-0.03, 1.03))
            layer_ticks(panel, layers, marked, most=13)
        axes[0, column].set_title(short(network, 24))
        axes[1, column].set_xlabel("layer, early to late")
    for panel, (quantity, label) in zip(axes[:, 0], QUANTITIES.items(), strict=True):
        panel.set_ylabel(f"{kind.upper()}: {quantity}\n({label})")
    handles = [
        Line2D([], [], color=colour, marker="o", label=f"order {order}")
        for order, colour in order_colours(orders).items()
    ]
    if (rows["order"] == 0).any():
        handles.append(Line2D([], [], color="#000000", marker="o", linewidth=2.6, label="all orders"))
    figure.legend(handles=handles, loc="outside right center")
    footnote(figure, any_marked, with_intervals(rows))
    return figure


# ---- Whether networks hold the same salient interactions (Cheng et al. 2024, Fig. 4 for AND, 8 for OR).
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


# ---- Stability of interactions under small noise in the input (Cheng et al. 2024, Fig. 5 for AND, 9 for OR).
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


# ---- How large the added noise is against the signal, by order (Cheng et al. 2024, Fig. 12).
@styled
def paper_noise_share(frame: pd.DataFrame) -> Figure:
    """One box per order: the control that stability does not fall with the order because noise grows with it.

    Args:
        frame: Columns order, q05, q25, q50, q75, q95 (quantiles of the noise share), n. A row with a NaN is left out.
    """
    rows = frame.dropna(subset=list(ENDS.values())).sort_values("order")
    figure, axes = grid(1, 1, width=7.6, height=3.6)
    panel = axes[0, 0]
    boxes = [{name: float(row[column]) for name, column in ENDS.items()} for row in rows.to_dict("records")]
    if boxes:
        panel.bxp(
            boxes,
            positions=rows["order"].to_numpy(),
            widths=0.6,
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            boxprops={"facecolor": NEW, "alpha": 0.55, "edgecolor": "#333333"},
            medianprops={"color": THRESHOLD, "linewidth": 2.2},
            whiskerprops={"color": "#333333"},
            capprops={"color": "#333333"},
        )
    panel.set(xlabel="order", ylabel="noise share  ‖noise on S‖ / ‖x on S‖", xticks=sorted(frame["order"].unique()))
    if wide([*rows["q05"], *rows["q95"]]):
        log_scale(panel)
    else:
        panel.set_ylim(bottom=0)
    panel.grid(axis="x", visible=False)
    footnote(figure, [], f"{of_samples(frame)}; line: median, box: 25 to 75 %, whiskers: 5 to 95 %")
    return figure


# ---- Interactions of a sentence beside Shapley values and integrated gradients of words (Cheng et al. 2024, Fig. 6).
@styled
def paper_attributions(frame: pd.DataFrame, words: Sequence[str]) -> Figure:
    """A row per layer of one sample.

    Its strongest AND and OR interactions, then one value per word by two other methods.

    Args:
        frame: Columns place (layer), what (`interaction`, `shapley`, `integrated gradients`), name (of an interaction:
            its words as they are to be shown; else the word), value (signed), kind (`and` or `or` for interactions). At
            most eight interactions per place are drawn, the strongest on top.
        words: The words of the sample in their order; a word that stands twice takes its values in the order of the
            rows.
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
        >>> values = pd.DataFrame({"name": ["so", "good", "so"], "value": [1.0, 2.0, 3.0]})
        >>> by_word(values, ["so", "so", "good", "film"])
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
            signed(value) if known else "no value",
            (value if known else 0.0, place),
            (away, 0),
            textcoords="offset points",
            va="center",
            ha="left" if away > 0 else "right",
            fontsize=9,
        )
    panel.margins(x=0.32)
