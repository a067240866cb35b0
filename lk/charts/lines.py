"""Lines of the report: completeness and redundancy, probes, orders over epochs, training, sorted strengths."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lk.charts.axes import Axes, checkpoints, cube, greatest, phrases, small, stop
from lk.charts.bars import KINDS, flagged
from lk.charts.chart import Chart
from lk.charts.curves import cursor, curve, joined, level, over_time
from lk.metrics.wilson import wilson
from lk.plots.order_over_epochs import SMALLEST
from lk.plots.style import MOST_LAYERS, REACH, layers_of, part_of, short, spread, with_intervals
from lk.text import epochs as epoch_text
from lk.text import number, significant

QUANTITIES = {"completeness": "share of the output's strength", "redundancy": "share of the layer's strength"}


def ratio_lines(shares: pd.DataFrame, highest: int = 99) -> Chart:
    """Completeness and redundancy by layer: one curve per order, all orders together in black.

    The output, 1 and 0 by definition, is not drawn.

    Args:
        shares: Rows with the reference `output`: step, epoch, layer, depth, kind, order (0: all), quantity, mean, low,
            high, n; `marked` where known.
        highest: Highest order with its own curve.
    """
    rows = shares[(shares["reference"] == "output") & shares["quantity"].isin(QUANTITIES)]
    layers, (steps, epochs) = layers_of(rows)[:-1] or layers_of(rows), checkpoints(rows)
    orders = [order for order in sorted(rows["order"].unique()) if 0 < order <= highest]
    data = cube(rows, quantity=list(QUANTITIES), kind=KINDS, order=[*orders, 0], layer=layers, step=steps)
    colours = [stop(place, len(orders)) for place in range(len(orders))] + ["all"]
    words = [f"order {order}" for order in orders] + ["all orders"]
    marked = [layer for layer in layers if flagged(rows, layer, steps)[-1]]
    note = with_intervals(rows)
    chart = Chart(
        ("quantity", "kind", "order", "layer"),
        epochs,
        4,
        1,
        legend=[*zip(colours, words, strict=True)],
        note=f"{note}.",
    )
    for line, (quantity, label) in enumerate(QUANTITIES.items()):
        for side, kind in enumerate(KINDS):
            axes = Axes(chart.panel(270, 216), (-0.4, len(layers) - 0.6), (-0.02, 1.02), margins=(30, 6, 40, 34))
            axes.title(f"{kind.upper()}: {quantity}")
            axes.ticks_y(label)
            axes.ticks_x([(place, short(layer, 12)) for place, layer in enumerate(layers)], "layer", marked)
            for which, (colour, order) in enumerate(zip(colours, words, strict=True)):
                if np.isfinite(data[line, side, which, ..., 0]).any():
                    shift = (which - len(orders) / 2) * 0.04  # keeps the whiskers of the curves apart
                    at = [(quantity, kind.upper(), order, layer) for layer in layers]
                    curve(axes, np.arange(len(layers), dtype=float) + shift, data[line, side, which], colour, at)
    return chart


def probe_lines(probes: pd.DataFrame) -> Chart:
    """Accuracy and calibration of every layer's probe at the checkpoint shown; the last one stays, pale.

    Whiskers are 95 % Wilson intervals over the test samples.

    Args:
        probes: Columns step, epoch, layer, depth, accuracy, calibration_error, chance, samples; `marked` where known.
    """
    layers, (steps, epochs) = layers_of(probes), checkpoints(probes)
    low, high = wilson(probes["accuracy"].to_numpy(), probes["samples"].to_numpy())
    nothing, chance = np.full(len(probes), np.nan), float(probes["chance"].iloc[-1])
    marked = [layer for layer in layers if flagged(probes, layer, steps)[-1]]
    error = float(probes["calibration_error"].max())
    panels = (
        ("accuracy", "Probe accuracy", "share of test samples", (0.0, 1.02), low, high),
        (
            "calibration_error",
            "Calibration error",
            "expected error (lower is better)",
            (0.0, 1.1 * max(error, 1e-3)),
            nothing,
            nothing,
        ),
    )
    samples = f"{int(probes['samples'].max()):,}"
    chart = Chart(
        ("quantity", "layer"),
        epochs,
        2,
        1,
        legend=[
            ("test", "checkpoint shown"),
            ("test faint", "last checkpoint"),
            ("threshold", "chance: always the most frequent class"),
        ],
        note=f"n = {samples} test samples, whiskers: 95 % Wilson intervals.",
    )
    for quantity, title, label, (least, most), lows, highs in panels:
        data = cube(probes.assign(mean=probes[quantity], low=lows, high=highs), layer=layers, step=steps)
        axes = Axes(chart.panel(440, 210), (-0.4, len(layers) - 0.6), (least, most), margins=(40, 8, 42, 34))
        axes.title(title)
        axes.ticks_y(label)
        axes.ticks_x([(place, short(layer, 14)) for place, layer in enumerate(layers)], "layer", marked)
        x = np.arange(len(layers), dtype=float)
        ends = [(float(a), float(b)) for a, b in zip(axes.x(x), axes.y(data[:, -1, 0]), strict=True) if np.isfinite(b)]
        axes.panel.add("path", d=joined(ends), cls="line test faint")
        if quantity == "accuracy":
            level(axes, chance)
        curve(axes, x, data, "test", [(title, layer) for layer in layers])
    return chart


def epoch_lines(strengths: pd.DataFrame, most: int = MOST_LAYERS, highest: int = 99) -> Chart:
    """Salient strength of each order over checkpoints, a column per layer; below, its share of the layer's strength.

    Checkpoints stand at equal distances, because the first ones lie close together; bands are 95 % intervals.

    Args:
        strengths: Columns step, epoch, layer, depth, kind, order, quantity (`salient`, `share`), mean, low, high, n;
            `marked` where known.
        most: Layers shown at most, evenly spread.
        highest: Highest order shown.
    """
    rows = strengths[(strengths["kind"] == "both") & (strengths["order"] > 0) & (strengths["order"] <= highest)]
    every, orders, (steps, epochs) = layers_of(rows), sorted(rows["order"].unique()), checkpoints(rows)
    layers = spread(every, most)
    data = cube(rows, quantity=("salient", "share"), layer=layers, order=orders, step=steps)
    colours = [stop(place, len(orders)) for place in range(len(orders))]
    top = max(float(greatest(data[0])), 2 * SMALLEST)
    lines = (
        ("salient", f"strength / {REACH}", (SMALLEST, top), True),
        ("share", "share of the layer", (0.0, 1.0), False),
    )
    note = phrases(with_intervals(rows, "bands"), part_of(layers, every))
    below = (
        f" Strengths below {significant(SMALLEST)} lie on the lower edge." if (data[0, ..., 0] < SMALLEST).any() else ""
    )
    width, narrow = small(len(layers))
    chart = Chart(
        ("quantity", "layer", "order", "epoch"),
        epochs,
        len(layers),
        narrow,
        legend=[(colour, f"order {order}") for colour, order in zip(colours, orders, strict=True)],
        note=f"{note}. Dotted: the checkpoint shown.{below}",
    )
    x, ticks = np.arange(len(steps), dtype=float), [(i, epoch_text(epoch)) for i, epoch in enumerate(epochs)]
    for line, (quantity, label, span, log) in enumerate(lines):
        for place, layer in enumerate(layers):
            axes = Axes(chart.panel(width, 190), (-0.3, len(steps) - 0.7), span, log, margins=(36, 8, 40, 34))
            axes.title(layer, flagged(rows, layer, steps)[-1])
            axes.ticks_y(label)
            axes.ticks_x(ticks, "epoch")
            for which, (order, colour) in enumerate(zip(orders, colours, strict=True)):
                at = [(quantity, layer, f"order {order}", f"epoch {epoch_text(epoch)}") for epoch in epochs]
                over_time(axes, x, data[line, place, which], colour, at)
            cursor(axes, list(x))
    return chart


def training_lines(training: pd.DataFrame, epochs: Sequence[float] = ()) -> Chart:
    """Loss and accuracy of both splits over epochs.

    Args:
        training: Columns epoch, quantity (`train/loss`, `test/accuracy`, ...), value.
        epochs: Epochs of the checkpoints; a cursor shows the one of the slider.
    """
    chart = Chart(("quantity", "split", "epoch"), epochs, 2, 1, legend=[("train", "training"), ("test", "test")])
    last = max(float(training["epoch"].max()), *epochs, 1e-9)
    for quantity, title in (("loss", "Loss (nats)"), ("accuracy", "Accuracy")):
        known = training[training["quantity"].str.endswith(f"/{quantity}") & np.isfinite(training["value"])]
        values, log = known["value"], quantity == "loss" and bool((known["value"] > 0).all()) and len(known) > 0
        least = float(values.min()) / 1.3 if log else min(0.0, float(values.min()) if len(values) else 0.0)
        top = 1.02 if quantity == "accuracy" else 1.2 * max(float(values.max()) if len(values) else 1.0, 1e-6)
        axes = Axes(chart.panel(440, 210), (0.0, 1.02 * last), (least, top), log, margins=(44, 40, 28, 34))
        axes.title(title)
        axes.ticks_y()
        axes.numbers_x("epoch")
        ends = []
        for split in ("train", "test"):
            rows = known[known["quantity"] == f"{split}/{quantity}"].sort_values("epoch")
            if len(rows):
                data = np.stack([rows["value"].to_numpy(float), *np.full((2, len(rows)), np.nan)], 1)
                at = [(quantity, split, f"epoch {epoch_text(epoch)}") for epoch in rows["epoch"]]
                over_time(axes, rows["epoch"].to_numpy(float), data, split, at)
                ends.append(float(data[-1, 0]))
        for value in ends:
            # The higher one moves up and the lower one down, so that close ends stay readable.
            lift = 0.0 if len(ends) == 1 else -5.0 if value == max(ends) else 6.0
            y = float(axes.y(value)) + 4.0 + lift
            axes.panel.add("text", number(value, 3), x=axes.right + 3.0, y=y)
        if len(epochs) > 1:
            cursor(axes, epochs)
    return chart


def sorted_lines(ranked: pd.DataFrame, ratio: float) -> Chart:
    """Strengths of all effects of the last checkpoint in descending order, and where salience ends.

    A rank is divided by the number of samples: a curve crosses the line at the mean number of salient interactions.

    Args:
        ranked: Columns layer, depth, rank, strength, salient (mean number per sample), n; `marked` where known.
        ratio: The salience ratio.
    """
    layers = layers_of(ranked)
    colours = [stop(place, len(layers)) for place in range(len(layers))]
    counts = ranked.groupby("layer", sort=False)["salient"].first()
    legend = [*zip(colours, (f"{short(layer)}: {number(counts[layer], 1)} salient" for layer in layers), strict=True)]
    chart = Chart(
        ("layer", "rank"),
        (),
        2,
        1,
        "of the strongest",
        [*legend, ("threshold", f"salient above {significant(ratio)}")],
        f"n = {int(ranked['n'].iloc[0])} samples, last checkpoint.",
    )
    zoom, whole = max(2.0, 2.2 * float(counts.max())), float(ranked["rank"].max())
    for title, right, span, log in (
        ("The strongest", zoom, (0.0, 1.02), False),
        ("All effects (log scale)", whole, (max(1e-5, ratio / 500), 1.3), True),
    ):
        axes = Axes(chart.panel(440, 220), (0.0, right), span, log, margins=(50, 10, 42, 34))
        axes.title(title)
        axes.ticks_y("strength / strongest of the sample")
        axes.numbers_x("rank / number of samples")
        for layer, colour in zip(layers, colours, strict=True):
            rows = ranked[(ranked["layer"] == layer) & (ranked["rank"] <= right) & (ranked["strength"] >= span[0])]
            if not len(rows):
                continue
            kept = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, 120).round().astype(int))]
            axes.panel.add(
                "path",
                d=joined([*zip(axes.x(kept["rank"]), axes.y(kept["strength"]), strict=True)]),
                cls=f"line {colour}",
            )
        level(axes, ratio)
    return chart
