"""Lightning modules, and what they are optimised with."""

from lk.tasks.adam import Adam
from lk.tasks.classification import Classification

__all__ = ["Adam", "Classification"]
