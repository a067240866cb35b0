"""Parts of an HTML page: sections with text, tables and pictures.

One template, every name escaped, nothing loaded from elsewhere.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from lk.pages.glossary import GLOSSARY, SOURCE
from lk.plots.style import data_uri, figure_bytes
from lk.storage.files import writing


@dataclass(frozen=True)
class Picture:
    """A figure on the page."""

    name: str
    title: str
    caption: str
    uri: str


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
        folder: Where each figure is kept as SVG and PNG.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hang(self, section: Section, name: str, title: str, caption: str, figure: Figure) -> None:
        """Draw once, then save: the layout is solved a single time for both files."""
        content = figure_bytes(figure)
        for form, data in (("svg", content), ("png", figure_bytes(figure, "png"))):
            with writing(self.folder / f"{name}.{form}") as temporary:
                temporary.write_bytes(data)
        section.pictures.append(Picture(name, title, caption, data_uri(content)))


def render(path: Path, **context: Any) -> Path:
    """Fill the template; every name is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    context = {"glossary": GLOSSARY, "source": SOURCE, "version": version("layerwise-knowledge"), **context}
    page = environment.get_template("page.html.jinja").render(context)
    page = re.sub(r"(?<=\d) (?=%)", "\N{NO-BREAK SPACE}", page)  # no line ends between a number and its percent sign
    with writing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path
