"""Charts: panels of SVG marks, of which any attribute may take one value per checkpoint."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from lk.text import epochs as epoch_text

STYLE = (Path(__file__).parent / "chart.css").read_text(encoding="utf-8")
ON_WHITE = re.sub(r"light-dark\(([^,]+), [^)]+\)", r"\1", STYLE)  # for programs that know one theme
GAP = 10  # between panels of a file, in user units
LINE = 24  # height of a line of title or legend in a file

Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Mark:
    """An SVG element with what hovering says about it.

    Attributes:
        tag: Name of the element.
        attributes: By name; a list holds one value per checkpoint.
        text: Content, or one per checkpoint.
        at: What the mark stands for: for each of the chart's `names` a word, or one per checkpoint.
        values: Mean, low and high (NaN: no interval), per checkpoint or once.
    """

    tag: str
    attributes: dict[str, Any]
    text: str | list[str] = ""
    at: tuple[str | list[str], ...] = ()
    values: tuple[Interval, ...] = ()

    @property
    def moving(self) -> dict[str, list[Any]]:
        """The attributes that differ between checkpoints."""
        everything = {**self.attributes, "text": self.text}
        return {key: value for key, value in everything.items() if isinstance(value, list) and len(set(value)) > 1}

    def svg(self) -> str:
        """The element as it is at the last checkpoint."""
        attributes = {key: value[-1] if isinstance(value, list) else value for key, value in self.attributes.items()}
        text = self.text[-1] if isinstance(self.text, list) else self.text
        recorded = " data-m" if self.moving or self.values else ""
        inner = "".join(f' {key}="{escape(shown(value))}"' for key, value in attributes.items() if value != "")
        return f"<{self.tag}{inner}{recorded}>{escape(text)}</{self.tag}>"


class Panel:
    """One drawing of a chart, in user units of about a pixel.

    Example:
        >>> panel = Panel(40, 20)
        >>> panel.add("rect", x=0, y=[1.04, 2], width=8, height=4)
        >>> panel.svg()
        '<svg viewBox="0 0 40 20"><rect x="0" y="2" width="8" height="4" data-m></rect></svg>'
    """

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.marks: list[Mark] = []

    def add(
        self,
        tag: str,
        text: str | list[str] = "",
        at: Sequence[object] = (),
        values: Sequence[Interval] = (),
        **attributes: Any,
    ) -> None:
        """Draw an element; `cls` stands for `class` and an underscore for a hyphen."""
        named = {"class" if key == "cls" else key.replace("_", "-"): value for key, value in attributes.items()}
        missing = [math.isnan(value[0]) for value in values]
        if any(missing):
            named["visibility"] = ["hidden" if gone else "visible" for gone in missing]
        words = tuple([*map(str, word)] if isinstance(word, list) else str(word) for word in at)
        self.marks.append(Mark(tag, named, text, words, tuple(values)))

    def svg(self, place: str = "") -> str:
        """The drawing at the last checkpoint.

        Args:
            place: Further attributes, such as where it stands within another drawing.
        """
        box = f"0 0 {shown(self.width)} {shown(self.height)}"
        return f'<svg{place} viewBox="{box}">{"".join(mark.svg() for mark in self.marks)}</svg>'


@dataclass
class Chart:
    """A figure: panels side by side, a legend and a footnote.

    Attributes:
        names: What the words of a mark's `at` are; the columns of the saved table.
        epochs: Epoch of each checkpoint; empty where nothing moves.
        columns: Panels side by side on a wide page.
        narrow: Panels side by side on a phone.
        unit: Unit of the values.
        legend: Class of a swatch (see `chart.css`) and its words.
        note: What stands behind the numbers.
    """

    names: tuple[str, ...]
    epochs: Sequence[float] = ()
    columns: int = 1
    narrow: int = 1
    unit: str = ""
    legend: list[tuple[str, str]] = field(default_factory=list)
    note: str = ""
    panels: list[Panel] = field(default_factory=list)

    @property
    def moves(self) -> bool:
        """Whether anything differs between checkpoints."""
        return any(mark.moving for panel in self.panels for mark in panel.marks)

    @property
    def last(self) -> str:
        """Epoch of the last checkpoint, as text."""
        return epoch_text(self.epochs[-1])

    @property
    def shape(self) -> float:
        """Width of all panels relative to their height."""
        rows = self.rows()
        return round(
            max(sum(panel.width for panel in row) for row in rows)
            / sum(max(panel.height for panel in row) for row in rows),
            2,
        )

    def rows(self) -> list[list[Panel]]:
        """Panels by row of a wide page."""
        return [self.panels[i : i + self.columns] for i in range(0, len(self.panels), self.columns)]

    def panel(self, width: float, height: float) -> Panel:
        """A new panel behind the others."""
        self.panels.append(Panel(width, height))
        return self.panels[-1]

    def data(self) -> str:
        """What moves and what hovering shows, as JSON that a script element can hold."""
        marks = [mark for panel in self.panels for mark in panel.marks if mark.moving or mark.values]
        content = {
            "epochs": [float(epoch) for epoch in self.epochs],
            "names": self.names,
            "unit": self.unit,
            "marks": [
                {
                    "move": {key: list(map(shown, values)) for key, values in mark.moving.items()},
                    "at": mark.at,
                    "values": [[significant(number) for number in value] for value in mark.values],
                }
                for mark in marks
            ],
        }
        return json.dumps(content, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")

    def file(self, title: str) -> str:
        """The figure at the last checkpoint as an SVG file of its own, on white.

        Args:
            title: Line above it.
        """
        rows = self.rows()
        width = max(sum(panel.width + GAP for panel in row) for row in rows) + GAP
        parts, y = [f'<text x="{GAP}" y="17" class="title">{escape(title)}</text>'], float(LINE)
        if self.legend:
            starts = accumulate((26 + 7 * len(words) for _, words in self.legend[:-1]), initial=GAP)
            for start, (swatch, words) in zip(starts, self.legend, strict=True):
                parts.append(f'<rect class="{swatch}" x="{start}" y="{y + 4}" width="12" height="12"/>')
                parts.append(f'<text x="{start + 17}" y="{y + 14}">{escape(words)}</text>')
            y += LINE
        for row in rows:
            x = float(GAP)
            for panel in row:
                place = f' x="{shown(x)}" y="{shown(y)}" width="{shown(panel.width)}" height="{shown(panel.height)}"'
                parts.append(panel.svg(place))
                x += panel.width + GAP
            y += max(panel.height for panel in row) + GAP
        if self.note:
            parts.append(f'<text x="{GAP}" y="{shown(y + 12)}" class="soft">{escape(self.note)}</text>')
            y += LINE
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {shown(width)} {shown(y)}" class="chart">'
        return (
            f'{head}<style>{ON_WHITE}</style><rect width="100%" height="100%" class="paper"/>{"".join(parts)}</svg>'
        ).replace(" data-m>", ">")


def shown(value: object) -> str:
    """An attribute as text: a number with one decimal at most.

    Example:
        >>> shown(3.14159), shown(2.0), shown(-0.01), shown("none")
        ('3.1', '2', '0', 'none')
    """
    if isinstance(value, (float, np.floating)):
        text = f"{value:.1f}".rstrip("0").rstrip(".") if math.isfinite(value) else "0"
        return "0" if text == "-0" else text
    return str(value)


def significant(value: float) -> float | None:
    """Four digits of a number; nothing where there is none."""
    return float(f"{value:.4g}") if math.isfinite(value) else None
