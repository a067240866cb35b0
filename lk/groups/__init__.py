"""Finite groups, their subgroups, G-sets and real irreducible representations.

The tables of networks that learn them.
"""

from lk.groups.affine import Affine
from lk.groups.cyclic import Cyclic, Dihedral, Quaternion
from lk.groups.folded import Folded
from lk.groups.from_table import FromTable
from lk.groups.group import Group
from lk.groups.gsets import (
    coset_action,
    orbitals,
)
from lk.groups.irreps import Irrep, irreps
from lk.groups.permutations import Alternating, Permutations, Symmetric
from lk.groups.power import power, project
from lk.groups.products import DirectProduct, SemidirectProduct
from lk.groups.subgroups import all_subgroups, cosets, is_subgroup, subgroups

__all__ = [
    "Affine",
    "Alternating",
    "Cyclic",
    "Dihedral",
    "DirectProduct",
    "Folded",
    "FromTable",
    "Group",
    "Irrep",
    "Permutations",
    "Quaternion",
    "SemidirectProduct",
    "Symmetric",
    "all_subgroups",
    "coset_action",
    "cosets",
    "irreps",
    "is_subgroup",
    "orbitals",
    "power",
    "project",
    "subgroups",
]
