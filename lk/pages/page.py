"""Parts of an HTML page: sections with text, tables and pictures.

One template, every name escaped, nothing loaded from elsewhere. The page reads without its script, which moves the
charts through the epochs, names values under the pointer and saves figures.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from lk.charts.chart import STYLE, Chart
from lk.pages.glossary import GLOSSARY, SOURCE
from lk.pages.terms import Terms, anchor
from lk.plots.style import data_uri, figure_bytes
from lk.storage.files import writing

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Picture:
    """A figure on the page: a chart, or the address of a still picture."""

    name: str
    title: str
    caption: str
    uri: str = ""
    chart: Chart | None = None


@dataclass
class Section:
    """A part of the page: text, then tables, then pictures."""

    title: str
    text: list[str] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """Where links to this section lead."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")

    def table(self, header: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> None:
        """Add a table."""
        self.tables.append({"header": list(header), "rows": [list(map(str, row)) for row in rows], "caption": caption})


class Gallery:
    """Saves figures into a folder and hands them to a section.

    Args:
        folder: Where each figure is kept: charts as SVG at the last checkpoint, still figures as SVG and PNG.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hang(self, section: Section, name: str, title: str, caption: str, figure: Figure | Chart) -> None:
        """Draw once, save, and add to the section."""
        if isinstance(figure, Chart):
            self.keep(f"{name}.svg", figure.file(title).encode())
            section.pictures.append(Picture(name, title, caption, chart=figure))
            return
        content = figure_bytes(figure)
        for form, data in (("svg", content), ("png", figure_bytes(figure, "png"))):
            self.keep(f"{name}.{form}", data)
        section.pictures.append(Picture(name, title, caption, data_uri(content)))

    def keep(self, name: str, content: bytes) -> None:
        """Write a file of the folder."""
        with writing(self.folder / name) as temporary:
            temporary.write_bytes(content)


def render(path: Path, **context: Any) -> Path:
    """Fill the template; every name is escaped.

    Args:
        path: Where the page is written.
        context: What the template shows: title, subtitle, answers, sections, config; `lead` (the words that the
            answers use, in sentences), `glossary` and `source` where they differ from the usual.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    script = unbroken((HERE / "page.js").read_text(encoding="utf-8"))  # as it will stand on the page, for its digest
    context = {"glossary": GLOSSARY, "source": SOURCE, "lead": (), "version": version("layerwise-knowledge"), **context}
    context |= {
        "chart_style": STYLE,
        "page_style": (HERE / "page.css").read_text(encoding="utf-8"),
        "script": script,
        "script_digest": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "terms": Terms(context["glossary"]),
        "anchor": anchor,
    }
    page = unbroken(environment.get_template("page.html.jinja").render(context))
    with writing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def unbroken(text: str) -> str:
    r"""A text of which no line ends between a number and its percent sign.

    Example:
        >>> unbroken("5 %")
        '5\xa0%'
    """
    return re.sub(r"(?<=[\d)]) (?=%)", "\N{NO-BREAK SPACE}", text)
