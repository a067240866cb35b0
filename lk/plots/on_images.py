"""The strongest interactions drawn on the image itself."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from lk.plots.style import DAGGER, DOUBT, KIND_COLOURS, KIND_LINES, WIDTH, footnote, short, styled

Image = NDArray[np.float32]


@styled
def on_images(effects: pd.DataFrame, images: Image, owners: NDArray[np.int64], unit: str = "nats") -> Figure:
    """One row per group, its strongest interactions to the right: patches outlined, the others paled, kind and effect above.

    Args:
        effects: Columns group (name of the row), image (position in `images`), rank (from 0), kind (`AND`, `OR`), players (numbers),
            effect (signed); `marked` where known.
        images: `(images, channels, height, width)`, 1 or 3 channels, any range.
        owners: Player that owns each pixel, `(images, height, width)`; -1 is background.
        unit: Unit of the effects.
    """
    groups = list(dict.fromkeys(effects["group"]))
    columns = int(effects["rank"].max()) + 2
    side = WIDTH / (columns + 0.55)
    figure = Figure(figsize=(WIDTH, 0.55 + len(groups) * (side * images.shape[2] / images.shape[3] + 0.28)))
    axes = figure.subplots(len(groups), columns, squeeze=False)
    for line, group in zip(axes, groups, strict=True):
        rows = effects[effects["group"] == group].sort_values("rank")
        place = int(rows["image"].iloc[0])
        picture, owner = displayed(images[place]), owners[place]
        for panel in line:
            panel.axis("off")
        show(line[0], picture)
        outline(line[0], owner, range(int(owner.max()) + 1), "#9A9A9A", "-", 0.8)
        line[0].set_title("players", fontsize=10, fontweight="normal", color="#555555", loc="center")
        doubted = bool(rows["marked"].any()) if "marked" in rows else False
        line[0].text(
            -0.06, 0.5, "\n".join(short(part, 18) for part in str(group).split("\n")) + (f" {DAGGER}" if doubted else ""), transform=line[0].transAxes,
            ha="right", va="center", fontsize=10.5, color=DOUBT if doubted else "black", rotation=90 if len(str(group)) > 12 else 0, multialignment="center",
        )  # fmt: skip
        for row in rows.to_dict("records"):
            panel, kind = line[int(row["rank"]) + 1], str(row["kind"]).lower()
            show(panel, paled(picture, np.isin(owner, list(row["players"]))))
            outline(panel, owner, row["players"], KIND_COLOURS[kind], KIND_LINES[kind], 2.4)
            panel.set_title(f"{row['kind']} {row['effect']:+.2f}".replace("-", "−"), fontsize=10.5, color="black", loc="center")
    handles = [Line2D([], [], color=KIND_COLOURS[k], linestyle=KIND_LINES[k], linewidth=2.4) for k in KIND_COLOURS]
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


def show(axes: Axes, picture: Image) -> None:
    """An image with a thin frame, pixel by pixel."""
    shown = picture[..., 0] if picture.shape[-1] == 1 else picture
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    height, width = picture.shape[:2]
    axes.plot(
        [-0.5, width - 0.5, width - 0.5, -0.5, -0.5],
        [-0.5, -0.5, height - 0.5, height - 0.5, -0.5],
        color="#BBBBBB",
        linewidth=0.8,
        clip_on=False,
    )


def outline(axes: Axes, owner: NDArray[np.int64], players: object, colour: str, line: object, width: float) -> None:
    """Edges of the pixels that each of the players owns."""
    edges = []
    for player in players:  # type: ignore[attr-defined]
        own = np.pad(owner == player, 1)
        for i, j in np.argwhere(own[1:] != own[:-1]):  # between rows i - 1 and i of the image
            edges.append([(j - 1.5, i - 0.5), (j - 0.5, i - 0.5)])
        for i, j in np.argwhere(own[:, 1:] != own[:, :-1]):
            edges.append([(j - 0.5, i - 1.5), (j - 0.5, i - 0.5)])
    axes.add_collection(
        LineCollection(joined(edges), colors=colour, linestyles=[line], linewidths=width, capstyle="butt", clip_on=False, zorder=5)
    )


def joined(edges: list[list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
    """Unit edges on one line joined to long ones, so that dashes do not start anew at every pixel; doubles are dropped."""
    lines: dict[tuple[str, float], set[float]] = {}
    for (x0, y0), (x1, y1) in edges:
        key = ("h", y0) if y0 == y1 else ("v", x0)
        lines.setdefault(key, set()).add(min(x0, x1) if y0 == y1 else min(y0, y1))
    found = []
    for (way, at), starts in lines.items():
        ordered = sorted(starts)
        begin = before = ordered[0]
        for start in [*ordered[1:], float("inf")]:
            if start != before + 1:
                found.append([(begin, at), (before + 1, at)] if way == "h" else [(at, begin), (at, before + 1)])
                begin = start
            before = start
    return found
