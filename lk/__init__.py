"""Layerwise knowledge: train networks, read what every layer knows at every epoch, back each claim with evidence."""

from lk.explain import Explained, explain

__all__ = ["Explained", "explain"]
