"""Measures: of interactions, one number per sample, ratios and intervals over samples.

Of group networks, from their folded tables.
"""

from lk.interactions.indices import shapley_values
from lk.metrics.agreement import Agreement, agreement
from lk.metrics.biequivariance import biequivariance
from lk.metrics.cka import cka
from lk.metrics.comparison import Comparison, compare
from lk.metrics.coset_constancy import coset_constancy
from lk.metrics.effective_rank import effective_rank
from lk.metrics.gini import gini
from lk.metrics.holm import holm
from lk.metrics.integrated_gradients import by_player, integrated_gradients
from lk.metrics.intervals import Interval, divide, equal_weights, interval, jackknife
from lk.metrics.irrep_losses import irrep_losses
from lk.metrics.irrep_power import irrep_power
from lk.metrics.jaccard import signed_jaccard
from lk.metrics.knn_accuracy import knn_accuracy
from lk.metrics.matching import matching_error
from lk.metrics.noise_share import noise_share
from lk.metrics.rank_correlation import rank_correlation
from lk.metrics.ratios import completeness, ratio, redundancy
from lk.metrics.sparsity_conditions import SparsityConditions, sparsity_conditions
from lk.metrics.stability import mean_by_order, stability
from lk.metrics.strength import count, strength
from lk.metrics.table_losses import table_losses
from lk.metrics.weight_norm import weight_norm
from lk.metrics.wilson import wilson

__all__ = [
    "Agreement",
    "Comparison",
    "Interval",
    "SparsityConditions",
    "agreement",
    "biequivariance",
    "by_player",
    "cka",
    "compare",
    "completeness",
    "coset_constancy",
    "count",
    "divide",
    "effective_rank",
    "equal_weights",
    "gini",
    "holm",
    "integrated_gradients",
    "interval",
    "irrep_losses",
    "irrep_power",
    "jackknife",
    "knn_accuracy",
    "matching_error",
    "mean_by_order",
    "noise_share",
    "rank_correlation",
    "ratio",
    "redundancy",
    "shapley_values",
    "signed_jaccard",
    "sparsity_conditions",
    "stability",
    "strength",
    "table_losses",
    "weight_norm",
    "wilson",
]
