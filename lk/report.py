"""Report."""

from pathlib import Path

from lk.runs import Run


def write_report(runs: list[Run]) -> Path:
    """Write."""
    return runs[0].report


def write_comparison(runs: list[Run], extraction: str = "default") -> Path:
    """Write."""
    return runs[0].path.parent / "comparisons"
