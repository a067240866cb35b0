"""Measures of the paper: functions that return one number per sample, ratios and intervals over samples."""

from lk.interactions.indices import shapley_values
from lk.metrics.agreement import Agreement, agreement
from lk.metrics.bootstrap import bootstrap, interval, resamples
from lk.metrics.comparison import Comparison, compare
from lk.metrics.holm import holm
from lk.metrics.matching import matching_error
from lk.metrics.ratios import completeness, ratio, redundancy
from lk.metrics.strength import count, strength

__all__ = [
    "Agreement",
    "Comparison",
    "agreement",
    "bootstrap",
    "compare",
    "completeness",
    "count",
    "holm",
    "interval",
    "matching_error",
    "ratio",
    "redundancy",
    "resamples",
    "shapley_values",
    "strength",
]
