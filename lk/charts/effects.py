"""The strongest interactions of samples whose players have names: ranked horizontal bars, at every checkpoint."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lk.charts.axes import checkpoints
from lk.charts.chart import Chart
from lk.plots.ranked_effects import coalition, named, titled
from lk.plots.style import DAGGER
from lk.text import signed

WIDTH, LEFT, TOP, ROW = 440.0, 200.0, 26.0, 24.0


def effect_bars(effects: pd.DataFrame, names: Sequence[str] | Sequence[Sequence[str]], unit: str = "nats") -> Chart:
    """A panel per group (a sample, or a layer), the strongest interaction on top, its effect left or right of zero.

    Args:
        effects: Columns step, epoch, group, image, rank (from 0), kind (`AND`, `OR`), players (numbers), effect
            (signed); `marked` where known.
        names: Names of the players; or those of each sample (the words of sentences).
        unit: Unit of the effects.
    """
    groups, (steps, epochs) = list(dict.fromkeys(effects["group"])), checkpoints(effects)
    ranks, zero = int(effects["rank"].max()) + 1, (LEFT + WIDTH) / 2
    chart = Chart(
        ("group", "rank", "kind", "players"),
        epochs,
        2,
        1,
        unit,
        [("and", "AND: acts when all are there"), ("or", "OR: acts when any is there")],
        f"Numbers: effect on the score ({unit}), strongest first; one scale for all checkpoints of a panel.",
    )
    for group in groups:
        rows = effects[effects["group"] == group]
        last = rows[rows["step"] == steps[-1]]
        flag = bool(last["marked"].any()) if "marked" in last else False
        panel, title = chart.panel(WIDTH, TOP + ROW * ranks + 8), titled(str(group)).replace("\n", ", ")
        panel.add("text", title + (f" {DAGGER}" if flag else ""), x=2, y=14, cls="title")
        scale = (WIDTH - zero - 46) / max(float(rows["effect"].abs().max()), 1e-12)
        found = {(row["step"], row["rank"]): row for row in rows.to_dict("records")}
        for rank in range(ranks):
            own = [found.get((step, rank)) for step in steps]
            sizes = np.array([float(row["effect"]) if row else 0.0 for row in own]) * scale
            kinds = [str(row["kind"]) if row else "" for row in own]
            words = [coalition(row["players"], named(names, row), str(row["kind"])) if row else "" for row in own]
            y = TOP + ROW * rank
            panel.add("text", words, x=LEFT - 8, y=y + 16, cls="end")
            panel.add(
                "rect",
                at=(title, f"no. {rank + 1}", kinds, words),
                values=[(float(row["effect"]) if row else np.nan, np.nan, np.nan) for row in own],
                x=list(zero + np.minimum(sizes, 0)),
                y=y + 3,
                width=list(np.abs(sizes)),
                height=ROW - 6,
                cls=[kind.lower() for kind in kinds],
            )
            sides = np.where(sizes < 0, -5.0, 5.0)
            panel.add(
                "text",
                [signed(row["effect"]) if row else "" for row in own],
                x=list(zero + sizes + sides),
                y=y + 16,
                cls=["end" if size < 0 else "" for size in sizes],
            )
        panel.add("line", x1=zero, x2=zero, y1=TOP, y2=TOP + ROW * ranks, cls="edge")
    return chart
