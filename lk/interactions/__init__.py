"""AND-OR interactions of games."""

from lk.interactions.decompose import Decomposition, decompose
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
    "decompose",
    "harsanyi",
    "inverse_harsanyi",
    "inverse_or_interactions",
    "number_of_players",
    "or_interactions",
    "orders",
    "players_of",
    "superset_sums",
]
