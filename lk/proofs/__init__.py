"""Trusted: proven accuracy bounds of group networks from explanations, which `lk.finders` searches for."""

from lk.proofs.brute_force import brute_force
from lk.proofs.cascade import at, cascade
from lk.proofs.certificate import Certificate
from lk.proofs.circuits import GSetCircuit, SidedCircuit, SignTerm
from lk.proofs.coset import coset
from lk.proofs.executed import PRECISIONS, executed
from lk.proofs.explanation import (
    Clusters,
    CosetCluster,
    CosetExplanation,
    FourierExplanation,
    GSetExplanation,
    LookupExplanation,
)
from lk.proofs.gset import gset
from lk.proofs.irrep import irrep
from lk.proofs.lookup import lookup
from lk.proofs.lowrank import lowrank
from lk.proofs.schur import schur
from lk.proofs.separable import separable
from lk.proofs.storage import load_explanation, save_explanation, save_network, tables_of
from lk.proofs.tables import Factors, Tables

__all__ = [
    "PRECISIONS",
    "Certificate",
    "Clusters",
    "CosetCluster",
    "CosetExplanation",
    "Factors",
    "FourierExplanation",
    "GSetCircuit",
    "GSetExplanation",
    "LookupExplanation",
    "SidedCircuit",
    "SignTerm",
    "Tables",
    "at",
    "brute_force",
    "cascade",
    "coset",
    "executed",
    "gset",
    "irrep",
    "load_explanation",
    "lookup",
    "lowrank",
    "save_explanation",
    "save_network",
    "schur",
    "separable",
    "tables_of",
]
