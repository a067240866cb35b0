"""Measures: of interactions, one number per sample, ratios and intervals over samples; of group networks, from their folded tables."""

from lk.interactions.indices import shapley_values
from lk.metrics.agreement import Agreement, agreement
from lk.metrics.biequivariance import biequivariance
from lk.metrics.bootstrap import bootstrap, interval, resamples
from lk.metrics.comparison import Comparison, compare
from lk.metrics.coset_constancy import coset_constancy
from lk.metrics.gini import gini
from lk.metrics.holm import holm
from lk.metrics.irrep_losses import irrep_losses
from lk.metrics.irrep_power import irrep_power
from lk.metrics.logits import Folded
from lk.metrics.matching import matching_error
from lk.metrics.ratios import completeness, ratio, redundancy
from lk.metrics.strength import count, strength
from lk.metrics.table_losses import table_losses
from lk.metrics.weight_norm import weight_norm

__all__ = [
    "Agreement",
    "Comparison",
    "Folded",
    "agreement",
    "biequivariance",
    "bootstrap",
    "compare",
    "completeness",
    "coset_constancy",
    "count",
    "gini",
    "holm",
    "interval",
    "irrep_losses",
    "irrep_power",
    "matching_error",
    "ratio",
    "redundancy",
    "resamples",
    "shapley_values",
    "strength",
    "table_losses",
    "weight_norm",
]
