"""Report."""

from pathlib import Path

from lk.runs import Run


def write_report(runs: list[Run]) -> Path:
    """Write."""
    return runs[0].report
