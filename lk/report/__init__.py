"""Run folders to self-contained HTML pages."""

from lk.report.comparison import write_comparison
from lk.report.of_run import write_report

__all__ = ["write_comparison", "write_report"]
