"""Which cosets the neurons see (Stander et al. 2024): explanations for `coset`, from the weights alone."""

from collections.abc import Sequence

import numpy as np

from lk.groups import Group, all_subgroups, cosets
from lk.proofs.explanation import CosetCluster, CosetExplanation
from lk.proofs.rounding import Floats, Ints
from lk.proofs.tables import Tables


def find_cosets(
    tables: Tables, group: Group, subgroups: Sequence[Ints] | None = None, tolerance: float = 0.01, most_parts: int = 24
) -> CosetExplanation:
    """Neurons by the largest subgroups on whose right cosets left, and on whose left cosets right, is nearly constant.

    Args:
        tables: The network.
        group: Its group.
        subgroups: Candidates, conjugates among them; by default all subgroups.
        tolerance: Largest variance within cosets relative to the whole.
        most_parts: Largest number of cosets: the cost of `coset` grows with its square.

    Returns:
        One cluster for each pair of subgroups; neurons without one, or that are constant, are left out.

    Raises:
        ValueError: the network has another order than the group.

    Example:
        >>> from lk.groups import Cyclic
        >>> sign = np.array([[1.0], [-1.0], [1.0], [-1.0]])
        >>> find_cosets(Tables(sign, sign, sign, np.zeros(4)), Cyclic(4)).clusters[0].left.tolist()
        [0, 1, 0, 1]
    """
    tables.check_group(group)
    candidates = all_subgroups(group) if subgroups is None else [np.asarray(h) for h in subgroups]
    candidates = sorted((h for h in candidates if group.order // len(h) <= most_parts), key=len, reverse=True)
    left, right, _, _ = tables.doubles()
    parts_left = [cosets(group, h, side="right") for h in candidates]
    parts_right = [cosets(group, h, side="left") for h in candidates]
    own_left, own_right = first_constant(left, parts_left, tolerance), first_constant(right, parts_right, tolerance)
    live = (np.ptp(left, axis=0) + np.ptp(right, axis=0) > 0) & (own_left >= 0) & (own_right >= 0)
    clusters = []
    for a, b in np.unique(np.stack([own_left[live], own_right[live]], axis=1), axis=0).tolist():
        neurons = np.flatnonzero(live & (own_left == a) & (own_right == b))
        clusters.append(CosetCluster(neurons, parts_left[a], parts_right[b]))
    return CosetExplanation(tuple(clusters), tables.order, tables.width)


def first_constant(table: Floats, partitions: Sequence[Ints], tolerance: float) -> Ints:
    """Index of the first partition on whose parts each column is nearly constant, -1 for none, shape `(m,)`."""
    found = np.full(table.shape[1], -1)
    variance = table.var(0)
    for number, labels in enumerate(partitions):
        counts = np.bincount(labels)
        sums = np.zeros((len(counts), table.shape[1]))
        np.add.at(sums, labels, table)
        within = ((table - (sums / counts[:, None])[labels]) ** 2).mean(0)
        found[(found < 0) & (within <= tolerance * variance)] = number
    return found
