"""How nearly a neuron sees cosets alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lk.groups import Group, cosets
from lk.metrics.logits import Floats

CONSTANT = 0.01  # share of a neuron's variance inside cosets below which it counts as constant on them


def coset_constancy(
    values: Floats, group: Group, subgroups: Sequence[NDArray[np.int64]], side: str
) -> tuple[Floats, NDArray[np.int64]]:
    r"""Share of each neuron's variance that lies inside the cosets of its best subgroup: 0 is constant on them.

    .. math:: E[Var(l \mid coset)] \, / \, Var(l)

    The smaller a subgroup, the smaller this is, so that the best one is the *largest* with a share below 0.01, and
    where there is none, the one with the least share. Source: Stander et al., ICML 2024; Wu et al., ICLR 2025, for the
    threshold.

    Args:
        values: A column for each neuron, shape `(order, m)`.
        group: The group.
        subgroups: Candidates; the trivial subgroup and the group itself are skipped.
        side: Cosets to take: `right` (Hx) for the left factor's table, `left` (yH) for the right one's.

    Returns:
        Shares, shape `(m,)`, and the place of each neuron's best subgroup in `subgroups`, -1 without candidates; shares
        are then 1. A neuron of no variance has share 0.

    Example:
        >>> from lk.groups import Cyclic, all_subgroups
        >>> z4 = Cyclic(4)
        >>> values = np.array([[1.0, 1.0], [5.0, 2.0], [1.0, 3.0], [5.0, 4.0]])
        >>> coset_constancy(values, z4, all_subgroups(z4), "right")[0].tolist()
        [0.0, 0.8]
    """
    n, m = values.shape
    centred = values - values.mean(axis=0)
    total = (centred**2).sum(axis=0)
    best, sizes, places = np.ones(m), np.zeros(m, dtype=np.int64), np.full(m, -1)
    for place, subgroup in enumerate(subgroups):
        if not 1 < len(subgroup) < n:
            continue
        labels = cosets(group, subgroup, side)
        sums = np.eye(n // len(subgroup))[labels].T @ centred
        within = np.maximum(total - (sums**2).sum(axis=0) / len(subgroup), 0.0)
        share = np.divide(within, total, out=np.zeros(m), where=total > 0)
        constant, known = share < CONSTANT, best < CONSTANT
        larger = (len(subgroup) > sizes) | ((len(subgroup) == sizes) & (share < best))
        better = np.where(constant, ~known | larger, ~known & ((share < best) | (places < 0)))
        best[better], sizes[better], places[better] = share[better], len(subgroup), place
    return best, places
