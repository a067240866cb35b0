"""How much each neuron of a group network contributes to its logits."""

import numpy as np

from lk.proofs.rounding import Floats, Ints
from lk.proofs.tables import Tables

ACTIVE = (
    1e-2  # of the largest contribution: a neuron below it is inactive, and may be assigned to a missing pair of points
)


def contributions(tables: Tables) -> Floats:
    """Norm of left and right about their means times that of the centred unembedding, of each neuron: shape `(m,)`."""
    left, right, unembed, _ = tables.doubles()
    return np.asarray(np.sqrt((left.var(0) + right.var(0)) * unembed.var(0)) * tables.order)


def active_neurons(sizes: Floats) -> Ints:
    """Neurons with more than `ACTIVE` of the largest contribution.

    Example:
        >>> active_neurons(np.array([1.0, 0.0, 0.5])).tolist()
        [0, 2]
    """
    return np.flatnonzero(sizes > ACTIVE * sizes.max(initial=1e-300))
