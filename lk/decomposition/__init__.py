"""Sparse AND-OR decomposition of games, with a certificate of optimality."""

from lk.decomposition.decompose import decompose, decompose_path
from lk.decomposition.decomposition import Decomposition
from lk.decomposition.joint import JointDecomposition, decompose_jointly
from lk.decomposition.range import OptimalFaceRange, optimal_face_range

__all__ = [
    "Decomposition",
    "JointDecomposition",
    "OptimalFaceRange",
    "decompose",
    "decompose_jointly",
    "decompose_path",
    "optimal_face_range",
]
