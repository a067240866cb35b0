"""Games: a sample masked in all 2^n ways, scored at every layer."""

from lk.games.game import OUTPUT, count_players, mask, play, present
from lk.games.players import Central, Columns, Foreground, Grid, Patches, Players, Rows
from lk.games.words import Words

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
