"""The strongest interactions drawn on the image itself, at every checkpoint."""

import base64
import io
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from lk.charts.axes import checkpoints
from lk.charts.chart import Chart, Panel
from lk.charts.curves import joined
from lk.plots.on_images import borders, displayed
from lk.plots.style import DAGGER, short
from lk.text import signed

SIDE, TOP = 130.0, 34.0  # of a tile, in user units
MOST_PIXELS = 160  # along the longer edge of the picture on the page


def image_tiles(
    effects: pd.DataFrame, images: NDArray[np.float32], owners: NDArray[np.int64], name: str, unit: str = "nats"
) -> Chart:
    """A row per group: the sample with its players, then its strongest interactions; other patches are paled.

    Args:
        effects: Columns step, epoch, group (name of the row), image (position in `images`), rank (from 0), kind (`AND`,
            `OR`), players (numbers), effect (signed); `marked` where known.
        images: `(images, channels, height, width)`, 1 or 3 channels, any range.
        owners: Player that owns each pixel, `(images, height, width)`; -1 is background.
        name: A word that no other chart of the page uses; pictures are stored once under it.
        unit: Unit of the effects.
    """
    groups, (steps, epochs) = list(dict.fromkeys(effects["group"])), checkpoints(effects)
    ranks = int(effects["rank"].max()) + 1
    chart = Chart(
        ("group", "rank", "kind", "players"),
        epochs,
        ranks + 1,
        3,
        unit,
        [
            ("and", "AND: acts when all outlined patches are there"),
            ("or", "OR (dashed): acts when any of them is there"),
        ],
        f"Numbers: effect on the score ({unit}), strongest first.",
    )
    for line, group in enumerate(groups):
        rows = effects[effects["group"] == group]
        image, reference = int(rows["image"].iloc[0]), f"{name}-{line}"
        picture, owner = displayed(images[image]), owners[image]
        last = rows[rows["step"] == steps[-1]]
        flag = bool(last["marked"].any()) if "marked" in last else False
        sample_tile(chart.panel(*size(owner)), str(group), flag, picture, owner, reference)
        found = {(row["step"], row["rank"]): row for row in rows.to_dict("records")}
        for rank in range(ranks):
            own = [found.get((step, rank)) for step in steps]
            interaction_tile(chart.panel(*size(owner)), (str(group), f"no. {rank + 1}"), own, owner, reference)
    return chart


def sample_tile(
    panel: Panel, group: str, flag: bool, picture: NDArray[np.float32], owner: NDArray[np.int64], reference: str
) -> None:
    """The sample with its players and, above, the name of its row."""
    first, *rest = group.split("\n")
    panel.add("text", short(first, 14) + (f" {DAGGER}" if flag else ""), x=2, y=12, cls="title")
    panel.add("text", ", ".join(rest), x=2, y=27, cls="soft")
    place: dict[str, Any] = {"x": 0, "y": TOP, "width": SIDE, "height": SIDE * owner.shape[0] / owner.shape[1]}
    look: dict[str, Any] = {"preserveAspectRatio": "none", "style": "image-rendering: pixelated"}
    panel.add("image", id=reference, href=address(picture), **place, **look)
    panel.add("rect", **place, cls="tile")
    panel.add("path", d=outline(owner, range(int(owner.max()) + 1)), cls="player")


def interaction_tile(
    panel: Panel,
    at: tuple[str, str],
    rows: Sequence[Mapping[Hashable, Any] | None],
    owner: NDArray[np.int64],
    reference: str,
) -> None:
    """One interaction per checkpoint: its players outlined, everything else paled; nothing where there is none."""
    kinds = [str(row["kind"]) if row else "" for row in rows]
    players = [[int(i) for i in row["players"]] if row else [] for row in rows]
    panel.add("use", href=f"#{reference}")
    panel.add("path", d=[veil(owner, some) if some else "" for some in players], cls="veil")
    panel.add(
        "rect",
        at=(at[0].replace("\n", ", "), at[1], kinds, [f"players {', '.join(map(str, some))}" for some in players]),
        values=[(float(row["effect"]) if row else np.nan, np.nan, np.nan) for row in rows],
        x=0,
        y=TOP,
        width=SIDE,
        height=SIDE * owner.shape[0] / owner.shape[1],
        cls="tile",
    )
    outlines = [f"outline-{kind.lower() or 'and'}" for kind in kinds]
    panel.add("path", d=[outline(owner, some) for some in players], cls=outlines)
    panel.add("text", [titled(row) if row else "" for row in rows], x=2, y=27, cls="title")


def size(owner: NDArray[np.int64]) -> tuple[float, float]:
    """Of a panel for one picture and what stands above it."""
    return SIDE, TOP + SIDE * owner.shape[0] / owner.shape[1] + 2


def titled(row: Mapping[Hashable, Any]) -> str:
    """Kind and effect of an interaction; a dagger where its layer is marked."""
    return f"{row['kind']} {signed(row['effect'])}" + (f" {DAGGER}" if row.get("marked") else "")


def address(picture: NDArray[np.float32]) -> str:
    """A picture `(height, width, 1 or 3)` within 0 and 1 as an address that a page can hold."""
    pixels = Image.fromarray((255 * picture.squeeze()).round().astype(np.uint8))
    pixels.thumbnail((MOST_PIXELS, MOST_PIXELS))
    buffer = io.BytesIO()
    pixels.save(buffer, "png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def outline(owner: NDArray[np.int64], players: Sequence[int]) -> str:
    """The `d` of the borders of some players."""
    scale = SIDE / owner.shape[1]
    return "".join(joined([(x * scale, TOP + y * scale) for x, y in line]) for line in borders(owner, players))


def veil(owner: NDArray[np.int64], players: Sequence[int]) -> str:
    """The `d` of all pixels but those of some players."""
    scale, parts = SIDE / owner.shape[1], []
    for rectangle in rectangles(~np.isin(owner, players)):
        x, y, width, height = (round(scale * edge, 1) for edge in rectangle)
        parts.append(f"M{x:g} {round(TOP + y, 1):g}h{width:g}v{height:g}h{-width:g}z")
    return "".join(parts)


def rectangles(mask: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of rectangles that cover a mask: runs of equal rows.

    Example:
        >>> rectangles(np.array([[True, False, True], [True, False, True], [True, True, True]]))
        [(0, 0, 1, 2), (2, 0, 1, 2), (0, 2, 3, 1)]
    """
    found, start = [], 0
    for row in range(1, len(mask) + 1):
        if row < len(mask) and (mask[row] == mask[start]).all():
            continue
        edges = np.flatnonzero(np.diff(np.pad(mask[start].astype(int), 1)))
        found += [(int(a), start, int(b - a), row - start) for a, b in edges.reshape(-1, 2)]
        start = row
    return found
