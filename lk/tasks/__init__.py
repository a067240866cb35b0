"""Lightning modules."""

from lk.tasks.classification import Classification

__all__ = ["Classification"]
