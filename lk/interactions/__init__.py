"""AND-OR interactions of games."""

from lk.interactions.decompose import decompose, decompose_path
from lk.interactions.decomposition import Decomposition
from lk.interactions.gauge import GaugeInterval, gauge_interval
from lk.interactions.indices import (
    banzhaf_interactions,
    banzhaf_values,
    moebius,
    shapley_interactions,
    shapley_taylor,
    shapley_values,
    to_shapiq,
)
from lk.interactions.interactions import Interactions, by_order, interactions_of
from lk.interactions.joint import JointDecomposition, decompose_jointly
from lk.interactions.salience import salient, thresholds
from lk.interactions.transforms import (
    harsanyi,
    inverse_harsanyi,
    inverse_or_interactions,
    number_of_players,
    or_interactions,
    orders,
    players_of,
    superset_sums,
)

__all__ = [
    "Decomposition",
    "GaugeInterval",
    "Interactions",
    "JointDecomposition",
    "banzhaf_interactions",
    "banzhaf_values",
    "by_order",
    "decompose",
    "decompose_jointly",
    "decompose_path",
    "gauge_interval",
    "harsanyi",
    "interactions_of",
    "inverse_harsanyi",
    "inverse_or_interactions",
    "moebius",
    "number_of_players",
    "or_interactions",
    "orders",
    "players_of",
    "salient",
    "shapley_interactions",
    "shapley_taylor",
    "shapley_values",
    "superset_sums",
    "thresholds",
    "to_shapiq",
]
