"""The strongest interactions of samples whose players have names: ranked horizontal bars."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lk.plots.style import DAGGER, KIND_COLOURS, WIDTH, footnote, short, styled
from lk.text import short_names, signed


@styled
def ranked_effects(
    effects: pd.DataFrame, names: Sequence[str] | Sequence[Sequence[str]], unit: str = "nats", columns: int = 2
) -> Figure:
    """One panel per group (a sample, or a layer), the strongest interaction on top, effects left or right of zero.

    Args:
        effects: Columns group, rank (from 0), kind (`AND`, `OR`), players (numbers), effect (signed); `marked` where
            known, and `image` (position of the sample) where samples name their players.
        names: Names of the players; or those of each sample (the words of sentences).
        unit: Unit of the effects.
        columns: Panels side by side.
    """
    groups = list(dict.fromkeys(effects["group"]))
    columns = min(columns, len(groups))
    lines = -(-len(groups) // columns)
    most = int(effects["rank"].max()) + 1
    figure = Figure(figsize=(WIDTH, 0.7 + lines * (0.75 + 0.3 * most)))
    axes = figure.subplots(lines, columns, squeeze=False)
    for panel, group in zip(axes.flat, groups, strict=False):
        rows = effects[effects["group"] == group].sort_values("rank")
        kinds = rows["kind"].str.lower()
        panel.barh(
            rows["rank"],
            rows["effect"],
            color=[KIND_COLOURS[k] for k in kinds],
            hatch=["////" if k == "or" else "" for k in kinds],
            edgecolor="white",
            linewidth=0.4,
            height=0.74,
        )
        panel.set_yticks(
            rows["rank"],
            [coalition(row["players"], named(names, row), str(row["kind"])) for row in rows.to_dict("records")],
            fontsize=9.5,
        )
        panel.axvline(0, color="#444444", linewidth=0.8)
        flagged = bool(rows["marked"].any()) if "marked" in rows else False
        panel.set(
            title=titled(str(group)) + (f" {DAGGER}" if flagged else ""),
            xlabel=f"effect on the score ({unit})",
            ylim=(most - 0.4, -0.6),
        )
        panel.grid(axis="y", visible=False)
        for row in rows.to_dict("records"):
            away = 3 if row["effect"] >= 0 else -3
            panel.annotate(
                signed(row["effect"]),
                (row["effect"], row["rank"]),
                (away, 0),
                textcoords="offset points",
                va="center",
                ha="left" if away > 0 else "right",
                fontsize=9,
            )
        panel.margins(x=0.28)
    for panel in axes.flat[len(groups) :]:
        panel.remove()
    handles = [
        Patch(facecolor=colour, hatch="////" if kind == "or" else None, edgecolor="white")
        for kind, colour in KIND_COLOURS.items()
    ]
    figure.legend(
        handles, ["AND: acts when all are there", "OR: acts when any is there"], loc="outside upper right", ncols=2
    )
    footnote(figure, effects.loc[effects["marked"], "group"] if "marked" in effects else [])
    return figure


def titled(group: str, most: int = 28) -> str:
    r"""The lines of a group's name as one line, or as two where the first is long.

    Example:
        >>> titled("cat\nno. 3\nmisread")
        'cat, no. 3, misread'
    """
    first, *rest = (short(part, most) for part in group.split("\n"))
    return (", " if len(first) <= most // 2 else "\n").join([first, ", ".join(rest)]) if rest else first


def named(names: Sequence[str] | Sequence[Sequence[str]], row: Mapping[Hashable, Any]) -> list[str]:
    """Names of the players of one row: those of its sample where every sample has its own.

    Example:
        >>> named([["not", "funny"], ["warm", "film"]], {"image": 1})
        ['warm', 'film']
    """
    per_sample = len(names) > 0 and not isinstance(names[0], str)
    return [str(name) for name in (names[int(row["image"])] if per_sample else names)]


def coalition(players: list[int], names: list[str], kind: str, most: int = 36) -> str:
    """The players of a coalition by name, shortened evenly to fit a line.

    Example:
        >>> coalition([0, 1], ["mean radius", "age"], "AND")
        'mean radius & age'
    """
    joint = " & " if kind == "AND" else " | "
    each = max(6, (most - len(joint) * (len(players) - 1)) // max(1, len(players)))
    shown = short_names(names, each)
    if len(players) > 5:
        return joint.join(shown[i] for i in players[:4]) + f"{joint}{len(players) - 4} more"
    return joint.join(shown[i] for i in players)
