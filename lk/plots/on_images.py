"""The strongest interactions drawn on the image itself."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from lk.plots.style import DAGGER, KIND_COLOURS, KIND_LINES, LOW_SIGNAL, WIDTH, footnote, short, styled
from lk.text import signed

Image = NDArray[np.float32]


@styled
def on_images(effects: pd.DataFrame, images: Image, owners: NDArray[np.int64], unit: str = "nats") -> Figure:
    """One row per group, its strongest interactions to the right.

    Patches outlined, the others paled, kind and effect above.

    Args:
        effects: Columns group (name of the row), image (position in `images`), rank (from 0), kind (`AND`, `OR`),
            players (numbers), effect (signed); `marked` where known.
        images: `(images, channels, height, width)`, 1 or 3 channels, any range.
        owners: Player that owns each pixel, `(images, height, width)`; -1 is background.
        unit: Unit of the effects.
    """
    groups = list(dict.fromkeys(effects["group"]))
    columns = int(effects["rank"].max()) + 2
    height, width = images.shape[2:]
    across, down = 1.05 * width, height + 0.19 * width  # from tile to tile, in pixels of the image
    left = 0.62 * width
    size = (left + columns * across, len(groups) * down)
    figure = Figure(figsize=(WIDTH, 0.75 + WIDTH * size[1] / size[0]))
    axes = figure.subplots()
    for line, group in enumerate(groups):
        rows = effects[effects["group"] == group].sort_values("rank")
        picture, owner = displayed(images[int(rows["image"].iloc[0])]), owners[int(rows["image"].iloc[0])]
        flagged = bool(rows["marked"].any()) if "marked" in rows else False
        y = line * down
        name = "\n".join(short(part, 14) for part in str(group).split("\n")) + (f" {DAGGER}" if flagged else "")
        axes.text(
            -0.06 * width,
            y + height / 2,
            name,
            ha="right",
            va="center",
            color=LOW_SIGNAL if flagged else "black",
            linespacing=1.3,
        )
        tile(axes, picture, (0, y), "players")
        outline(axes, owner, range(int(owner.max()) + 1), (0, y), color="#9A9A9A", linewidth=0.8)
        for row in rows.to_dict("records"):
            x, kind, players = (
                (int(row["rank"]) + 1) * across,
                str(row["kind"]).lower(),
                [int(i) for i in row["players"]],
            )
            tile(
                axes,
                paled(picture, np.isin(owner, players)),
                (x, y),
                f"{row['kind']} {signed(row['effect'])}",
                fontweight="bold",
            )
            outline(axes, owner, players, (x, y), color=KIND_COLOURS[kind], linestyle=KIND_LINES[kind], linewidth=2.4)
    axes.set(xlim=(-left, size[0] - left), ylim=(size[1] - 0.19 * width, -0.19 * width), aspect="equal")
    axes.axis("off")
    lines: Any = KIND_LINES
    handles = [Line2D([], [], color=KIND_COLOURS[k], linestyle=lines[k], linewidth=2.4) for k in KIND_COLOURS]
    words = ["AND: acts when all outlined patches are there", "OR: acts when any of them is there"]
    figure.legend(handles, words, loc="outside upper right", ncols=2, handlelength=2.6)
    any_marked = effects.loc[effects["marked"], "group"] if "marked" in effects else []
    footnote(figure, any_marked, f"numbers: effect on the score ({unit}), strongest first")
    return figure


def displayed(image: Image) -> Image:
    """An image `(height, width, 1 or 3)` within 0 and 1; grey images dark on light, so that outlines stand out."""
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 1:
        image = (image - low) / max(high - low, 1e-12)
    picture = np.moveaxis(image, 0, -1)
    return 1 - picture if picture.shape[-1] == 1 else picture[..., :3]


def paled(picture: Image, kept: NDArray[np.bool_]) -> Image:
    """The picture with everything but the kept pixels faded towards white."""
    return np.where(kept[..., None], picture, 1 - (1 - picture) * 0.38)


def tile(axes: Axes, picture: Image, at: tuple[float, float], title: str, **text: Any) -> None:
    """An image with a thin frame and a title, its upper left corner at `at`."""
    height, width = picture.shape[:2]
    x, y = at
    shown = picture[..., 0] if picture.shape[-1] == 1 else picture
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=(x, x + width, y + height, y))
    axes.add_patch(Rectangle(at, width, height, fill=False, edgecolor="#BBBBBB", linewidth=0.8))
    axes.text(x + width / 2, y - 0.03 * width, title, ha="center", va="bottom", fontsize=10.5, **text)


def outline(axes: Axes, owner: NDArray[np.int64], players: Iterable[int], at: tuple[float, float], **line: Any) -> None:
    """Edges of the pixels that each of the players owns, drawn."""
    found = [[(x + at[0], y + at[1]) for x, y in ends] for ends in borders(owner, players)]
    axes.add_collection(LineCollection(found, capstyle="butt", zorder=5, **line))


def borders(owner: NDArray[np.int64], players: Iterable[int]) -> list[list[tuple[int, int]]]:
    """Edges of the pixels that each of the players owns, as lines in pixels of the image.

    Example:
        >>> borders(np.array([[0, 1]]), [0])
        [[(0, 0), (1, 0)], [(0, 1), (1, 1)], [(0, 0), (0, 1)], [(1, 0), (1, 1)]]
    """
    edges = []
    for player in players:
        own = np.pad(owner == player, 1)
        edges += [(True, i, j - 1) for i, j in np.argwhere(own[1:] != own[:-1])]  # above row i of the image
        edges += [(False, j, i - 1) for i, j in np.argwhere(own[:, 1:] != own[:, :-1])]  # left of column j
    return joined(edges)


def joined(edges: Iterable[tuple[bool, int, int]]) -> list[list[tuple[int, int]]]:
    """Unit edges joined to long lines, so that dashes do not start anew at every pixel; doubles are dropped.

    Args:
        edges: Whether the edge lies flat, the row (flat) or column (upright) it lies on, and where along it the edge
            starts.

    Example:
        >>> joined([(True, 2, 0), (True, 2, 1), (False, 5, 3)])
        [[(0, 2), (2, 2)], [(5, 3), (5, 4)]]
    """
    lines: dict[tuple[bool, int], set[int]] = {}
    for flat, on, start in edges:
        lines.setdefault((bool(flat), int(on)), set()).add(int(start))
    found = []
    for (flat, on), starts in lines.items():
        begins = sorted(start for start in starts if start - 1 not in starts)
        ends = sorted(start + 1 for start in starts if start + 1 not in starts)
        found += [[(b, on), (e, on)] if flat else [(on, b), (on, e)] for b, e in zip(begins, ends, strict=True)]
    return found
