"""Untrusted: searches for explanations of group networks, and ideal networks to test them on.

`lk.proofs` never imports it.
"""

from lk.finders.cosets import find_cosets
from lk.finders.fourier import find_fourier
from lk.finders.gsets import find_gset
from lk.finders.ideal import circuit, ideal, margin, rho_set, sign_term
from lk.finders.lookup import find_lookup

__all__ = [
    "circuit",
    "find_cosets",
    "find_fourier",
    "find_gset",
    "find_lookup",
    "ideal",
    "margin",
    "rho_set",
    "sign_term",
]
