"""Sparse AND-OR decomposition of games, with a certificate of optimality."""

from lk.decomposition.decompose import decompose, decompose_path
from lk.decomposition.decomposition import Decomposition
from lk.decomposition.gauge import GaugeInterval, gauge_interval
from lk.decomposition.joint import JointDecomposition, decompose_jointly

__all__ = [
    "Decomposition",
    "GaugeInterval",
    "JointDecomposition",
    "decompose",
    "decompose_jointly",
    "decompose_path",
    "gauge_interval",
]
