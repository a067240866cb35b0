"""The figures of Cheng et al. (ICML 2024) with our data, each with its Parquet table, and the page that holds them."""

from collections.abc import Sequence
from pathlib import Path

from lk.report.page import Gallery
from lk.studies.paper import Studied


def write_paper(studied: Studied, figures: Sequence[str]) -> Path:
    """Draw the figures that are asked for and write the page.

    Args:
        studied: The studies; each is run when a figure first needs it.
        figures: Their numbers in the paper, and `counts`.

    Returns:
        The HTML file, `report.html` in the study's folder.
    """
    folder = studied.paper.folder
    gallery = Gallery(folder / "figures")
    return folder / "report.html"
