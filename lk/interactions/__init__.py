"""AND-OR interactions of games."""

from lk.interactions.decomposed import interactions_of
from lk.interactions.indices import (
    banzhaf_interactions,
    banzhaf_values,
    moebius,
    shapley_interactions,
    shapley_taylor,
    shapley_values,
    to_shapiq,
)
from lk.interactions.interactions import Effect, Interactions, by_order
from lk.interactions.origin import Origin
from lk.interactions.salience import salient, thresholds

__all__ = [
    "Effect",
    "Interactions",
    "Origin",
    "banzhaf_interactions",
    "banzhaf_values",
    "by_order",
    "interactions_of",
    "moebius",
    "salient",
    "shapley_interactions",
    "shapley_taylor",
    "shapley_values",
    "thresholds",
    "to_shapiq",
]
