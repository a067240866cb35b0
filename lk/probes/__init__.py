"""Probes: one linear classifier per layer, and recipes to fit them."""

from lk.probes.probes import Optimum, PaperSGD, Probes, Recipe

__all__ = ["Optimum", "PaperSGD", "Probes", "Recipe"]
