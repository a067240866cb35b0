"""Reports: one self-contained HTML page of a run, or of a comparison of runs, made from files alone."""

from lk.report.comparison import write_comparison
from lk.report.of_run import write_report

__all__ = ["write_comparison", "write_report"]
