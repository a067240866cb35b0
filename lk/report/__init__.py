"""Run folders to self-contained HTML pages."""

from lk.report.comparison import write_comparison
from lk.report.of_run import write_report
from lk.report.paper import write_paper

__all__ = ["write_comparison", "write_paper", "write_report"]
