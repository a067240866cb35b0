"""Untrusted: everything that searches for an explanation of a group network. `lk.proofs` never imports it."""

from lk.finders.cosets import find_cosets
from lk.finders.describe import FoundCircuit, describe_circuits, why_unexplained
from lk.finders.fourier import find_fourier
from lk.finders.gsets import find_gset
from lk.finders.lookup import find_lookup

__all__ = [
    "FoundCircuit",
    "describe_circuits",
    "find_cosets",
    "find_fourier",
    "find_gset",
    "find_lookup",
    "why_unexplained",
]
