"""Probes: one linear classifier per layer, and recipes to fit them."""

from lk.probes.optimum import Optimum
from lk.probes.probes import Probes, Recipe
from lk.probes.published import PaperSGD

__all__ = ["Optimum", "PaperSGD", "Probes", "Recipe"]
