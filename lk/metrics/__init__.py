"""Measures of the paper: functions that return one number per sample, ratios and intervals over samples."""

from lk.interactions.indices import shapley_values
from lk.metrics.bootstrap import bootstrap
from lk.metrics.comparison import Comparison, compare
from lk.metrics.matching import matching_error
from lk.metrics.ratios import completeness, ratio, redundancy
from lk.metrics.strength import count, strength

__all__ = [
    "Comparison",
    "bootstrap",
    "compare",
    "completeness",
    "count",
    "matching_error",
    "ratio",
    "redundancy",
    "shapley_values",
    "strength",
]
