"""Greedy groups of neurons by a relation between them: a loop that ends whatever the relation says."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lk.proofs.rounding import Ints


def greedy_groups(near: NDArray[np.bool_], least: int = 1) -> Iterator[tuple[Ints, int]]:
    """The neuron with most neighbours and these, again and again among those that are left.

    Ends at a group of fewer than `least`.

    A neuron belongs to its own group even where `near` denies it, as a cosine of a constant function with itself is 0
    and not 1. So each round takes at least one neuron away, and there are at most as many rounds as neurons.

    Args:
        near: Whether two neurons are neighbours, shape `(k, k)`; from comparisons of floats, which may say anything.
        least: Neurons of a group.

    Yields:
        Members in ascending order, and the neuron that the group started from.

    Example:
        >>> near = np.array([[True, True, False], [True, True, False], [False, False, False]])
        >>> [(members.tolist(), first) for members, first in greedy_groups(near)]
        [([0, 1], 0), ([2], 2)]
    """
    near = near | np.eye(len(near), dtype=bool)
    open_ = np.arange(len(near))
    while len(open_) >= max(least, 1):
        first = open_[near[np.ix_(open_, open_)].sum(1).argmax()]
        members = open_[near[first, open_]]
        if len(members) < least:
            return
        yield members, int(first)
        open_ = np.setdiff1d(open_, members)
