"""AND-OR interactions of games."""

from lk.interactions.decompose import Decomposition, decompose
from lk.interactions.interactions import Interactions, by_order, interactions_of
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
    "Interactions",
    "by_order",
    "decompose",
    "harsanyi",
    "interactions_of",
    "inverse_harsanyi",
    "inverse_or_interactions",
    "number_of_players",
    "or_interactions",
    "orders",
    "players_of",
    "salient",
    "superset_sums",
    "thresholds",
]
