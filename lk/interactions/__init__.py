"""AND-OR interactions."""

from lk.interactions.interactions import Interactions, by_order, interactions_of

__all__ = ["Interactions", "by_order", "interactions_of"]
