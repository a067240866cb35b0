"""Games: a sample masked in all 2^n ways, scored at every layer."""

from lk.games.game import count_players, mask, play, present
from lk.games.players import Central, Columns, Foreground, Grid, Patches, Players, Rows
from lk.games.words import Words
from lk.layers import OUTPUT

__all__ = [
    "OUTPUT",
    "Central",
    "Columns",
    "Foreground",
    "Grid",
    "Patches",
    "Players",
    "Rows",
    "Words",
    "count_players",
    "mask",
    "play",
    "present",
]
