"""One look for all figures: the same colour for the same thing everywhere, safe for colour-blind readers.

Okabe and Ito.
"""

import base64
import functools
import io
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, ParamSpec

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator
from numpy.typing import NDArray
from PIL import Image

from lk.metrics.intervals import LEAST
from lk.text import MINUS, number
from lk.text import short as short

AND, OR = "#009E73", "#CC79A7"
OVERLAP, FORGOTTEN, NEW = "#999999", "#E69F00", "#56B4E9"
TRAIN, TEST = "#999999", "#0072B2"
THRESHOLD = "#D55E00"  # the salience line, the chance level
LOW_SIGNAL = "#767676"  # names of marked layers
KIND_COLOURS = {"and": AND, "or": OR}
KIND_LINES = {"and": "-", "or": (0, (2.5, 1.2))}
RUNS = ("#0072B2", "#D55E00", "#000000", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DAGGER = "†"
REACH = f"mean |v(N) {MINUS} v(∅)|"
FOOTNOTE = f"{DAGGER} probe at chance, or {REACH} below the floor: read with care"
MOST_LAYERS = 6  # panels side by side
WIDTH = 11.4  # inches of a full-width figure; shown at this size, 10 pt text is 10 pt

STYLE: Any = {  # matplotlib's own type lists every key
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#444444",
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "hatch.linewidth": 0.8,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "svg.fonttype": "path",  # looks the same everywhere
    "svg.hashsalt": "lk",  # the same figure gives the same file
}

P = ParamSpec("P")


def styled(plot: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw a figure in this style, whatever the caller's own settings are."""

    @functools.wraps(plot)
    def inner(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(STYLE):
            return plot(*args, **kwargs)

    return inner


def grid(rows: int, columns: int, width: float = WIDTH, height: float = 3.2, **subplots: Any) -> tuple[Figure, Any]:
    """A figure outside pyplot's global state, and its axes `(rows, columns)`."""
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(rows, columns, squeeze=False, **subplots)


# ---- names


def layer_labels(layers: Iterable[str], marked: Iterable[str] = (), most: int = 16) -> list[str]:
    """Layer names as shown, marked ones with a dagger."""
    flagged = set(marked)
    return [short(layer, most) + (f" {DAGGER}" if layer in flagged else "") for layer in layers]


def marked_in(frame: pd.DataFrame) -> list[str]:
    """Layers that the frame marks at any of its checkpoints."""
    return list(dict.fromkeys(frame.loc[frame["marked"], "layer"])) if "marked" in frame else []


def layers_of(frame: pd.DataFrame) -> list[str]:
    """Layers in the order of their depth."""
    return (
        list(frame.sort_values("depth", kind="stable")["layer"].unique())
        if "depth" in frame
        else list(dict.fromkeys(frame["layer"]))
    )


def spread(items: Sequence[str], most: int) -> list[str]:
    """At most so many of the items, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def part_of(shown: Sequence[str], every: Sequence[str], what: str = "layers") -> str:
    """How many of all are drawn, for the footnote of a figure; empty where all are.

    Example:
        >>> part_of(["a", "c"], ["a", "b", "c"]), part_of(["a"], ["a"])
        ('2 of 3 layers, evenly spread', '')
    """
    return f"{len(shown)} of {len(every)} {what}, evenly spread" if len(shown) < len(every) else ""


def left_out(every: Sequence[str], most: int = MOST_LAYERS, what: str = "layers") -> str:
    """A sentence for the caption: which of all a figure with room for so many leaves out, and why; empty where none.

    Example:
        >>> left_out(["a", "b", "c"], 2)
        'For lack of room 2 of 3 layers are shown, evenly spread; not shown: b.'
    """
    shown = spread(every, most)
    missing = [name for name in every if name not in shown]
    if not missing:
        return ""
    return (
        f"For lack of room {len(shown)} of {len(every)} {what} are shown, evenly spread; not shown: "
        f"{', '.join(missing)}."
    )


# ---- colours
def order_colours(orders: Sequence[int]) -> dict[int, str]:
    """Dark to light from low to high order."""
    stops = np.linspace(0.0, 0.88, max(2, len(orders)))
    return {order: to_hex(mpl.colormaps["viridis"](stop)) for order, stop in zip(orders, stops, strict=False)}


def depth_colours(layers: Sequence[str]) -> dict[str, str]:
    """Blue to yellow from the input to the output."""
    stops = np.linspace(0.0, 0.9, max(2, len(layers)))
    return {layer: to_hex(mpl.colormaps["cividis"](stop)) for layer, stop in zip(layers, stops, strict=False)}


# ---- parts of figures
def grey_marked(axes: Axes, names: Sequence[str], marked: Iterable[str], axis: str = "x") -> None:
    """Show the tick labels of marked layers in grey italics."""
    flagged = set(marked)
    for name, text in zip(names, (axes.get_xticklabels if axis == "x" else axes.get_yticklabels)(), strict=False):
        if name in flagged:
            text.set(color=LOW_SIGNAL, style="italic")


def layer_ticks(axes: Axes, names: Sequence[str], marked: Iterable[str], axis: str = "x", most: int = 16) -> None:
    """One tick per layer with its name; slanted where names are long."""
    labels = layer_labels(names, marked, most)
    if axis == "x":
        place = axes.get_subplotspec()
        beside = place.get_gridspec().ncols if place is not None else 1
        slanted = max(map(len, labels), default=0) * len(labels) > 120 / max(
            3, beside
        )  # panels side by side are narrow
        slant: Any = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
        axes.set_xticks(range(len(names)), labels, **slant)
    else:
        axes.set_yticks(range(len(names)), labels)
    grey_marked(axes, names, marked, axis)


def footnote(figure: Figure, marked: Iterable[str], *texts: str) -> None:
    """What stands behind the numbers, what is left out and what the dagger means, inside the figure.

    It goes along onto a slide.
    """
    lines = [line for line in (", ".join(text for text in texts if text), FOOTNOTE if list(marked) else "") if line]
    if lines:
        between = "   " if sum(map(len, lines)) < 150 else "\n"  # a full line of a figure of full width
        figure.supxlabel(between.join(lines), x=0.01, ha="left", fontsize=9, color="#555555")


def log_scale(axes: Axes, axis: Literal["x", "y"] = "y") -> None:
    """A logarithmic axis with plain numbers (the usual labels need mathtext, which is off)."""
    (axes.set_yscale if axis == "y" else axes.set_xscale)("log")
    along = axes.yaxis if axis == "y" else axes.xaxis

    def between(value: float, _: int) -> str:
        low, high = along.get_view_interval()
        leading = f"{value:.0e}"[0]
        return f"{value:g}" if high < 30 * low and leading in "25" else ""

    # A fixed number of ticks: the automatic one depends on the size, which the layout is only about to find.
    along.set_major_locator(LogLocator(numticks=6 if axis == "y" else 4))
    along.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    along.set_minor_formatter(FuncFormatter(between))


def mirrored(axes: Axes) -> None:
    """Ticks without a sign on the y axis: strengths are never negative, also those that are drawn downwards."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))


def wide(values: Iterable[float], ratio: float = 30.0) -> bool:
    """Whether positive values span so much that a logarithmic axis shows them better; never where one is 0 or less.

    Example:
        >>> wide([1.0, 5.0, float("nan")]), wide([0.1, 50.0]), wide([0.0, 50.0])
        (False, True, False)
    """
    known = np.array([value for value in values if np.isfinite(value)])
    return bool(len(known)) and bool(known.min() > 0) and bool(known.max() > ratio * known.min())


def of_samples(frame: pd.DataFrame) -> str:
    """How many samples stand behind the numbers of a frame with `n`; the range where rows differ.

    Example:
        >>> of_samples(pd.DataFrame({"n": [30, 30]})), of_samples(pd.DataFrame({"n": [28, 30]}))
        ('n = 30 samples', 'n = 28 to 30 samples')
    """
    n = frame["n"].dropna()
    if not len(n):
        return "n unknown"
    low, high = int(n.min()), int(n.max())
    return f"n = {high} samples" if low == high else f"n = {low} to {high} samples"


def without_interval(frame: pd.DataFrame) -> str:
    """What it means that a number of the frame has no interval, for the footnote; empty where all have one.

    Example:
        >>> without_interval(pd.DataFrame({"mean": [1.0], "low": [0.5]}))
        ''
    """
    missing = frame["mean"].notna() & frame["low"].isna()
    return f"none where fewer than {LEAST} samples carry the number, or nothing varies" if missing.any() else ""


def with_intervals(frame: pd.DataFrame, what: str = "whiskers") -> str:
    """How many samples stand behind the numbers of a frame with mean, low, high and n, and what its whiskers are.

    Example:
        >>> with_intervals(pd.DataFrame({"mean": [1.0], "low": [0.5], "high": [1.5], "n": [30]}))
        'n = 30 samples, whiskers: 95 % intervals'
    """
    return ", ".join(text for text in (of_samples(frame), f"{what}: 95 % intervals", without_interval(frame)) if text)


def step_scale(axes: Axes, last: float, first: float = 0.0) -> None:
    """A logarithmic x axis of training steps, which includes step 0 or starts just before a later first step."""
    axes.set_xscale("symlog", linthresh=1.0, linscale=0.35)
    low, high = (-0.15 if first < 1 else 0.5 * first), 1.25 * max(last, 1.0)
    near = high < 200 * low
    ticks = [0.0, *(a * 10.0**k for k in range(9) for a in ((1, 2, 5) if near else (1,)))]
    ticks = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(ticks, [number(tick, 0) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlim(low, high)
    axes.set_xlabel("training step (log scale)")


def whiskers(axes: Axes, x: Any, frame: pd.DataFrame, colour: str = "#333333") -> None:
    """95 % intervals of a frame with low and high, as thin vertical lines."""
    axes.vlines(x, frame["low"], frame["high"], color=colour, linewidth=1.1)


# ---- out
def settle(figure: Figure, dpi: int = 150) -> FigureCanvasAgg:
    """Solve the layout once and keep it.

    Every later drawing would solve it again, which costs more than the drawing.
    """
    canvas = figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        figure.dpi = dpi
        with mpl.rc_context(STYLE):
            engine.execute(figure)
        with mpl.rc_context({"figure.constrained_layout.use": False, "figure.autolayout": False}):
            figure.set_layout_engine(None)
    return canvas


def figure_image(figure: Figure, dpi: int = 100) -> NDArray[np.uint8]:
    """Pixels of a figure, `(height, width, 3)`."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing from font"
        )  # names in scripts that the bundled font lacks
        canvas: Any = settle(figure, dpi)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def figure_bytes(figure: Figure, form: str = "svg") -> bytes:
    """A figure as a file in memory: `svg` or `png`."""
    buffer = io.BytesIO()
    if form == "png":
        # Level 1 is four times as quick as the default and a little larger.
        Image.fromarray(figure_image(figure, 150)).save(buffer, "png", compress_level=1, dpi=(figure.dpi, figure.dpi))
        return buffer.getvalue()
    with mpl.rc_context({**STYLE, "figure.constrained_layout.use": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        settle(figure)
        figure.savefig(buffer, format=form, metadata={"Date": None})
    return buffer.getvalue()


def data_uri(content: bytes, form: str = "svg") -> str:
    """A file as an address that an HTML page can hold."""
    kind = {"svg": "image/svg+xml", "png": "image/png"}[form]
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
