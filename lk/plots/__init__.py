"""Figures."""

from lk.plots.heat_map import heat_map

__all__ = ["heat_map"]
