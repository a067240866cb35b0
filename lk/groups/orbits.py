"""Orbits of points under permutations."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def number_by_first(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same parts, numbered in the order in which they first occur.

    Example:
        >>> number_by_first(np.array([7, 3, 7, 9])).tolist()
        [0, 1, 0, 2]
    """
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(labels.shape)]


def orbit_labels(permutations: Sequence[NDArray[np.int64]], points: int) -> NDArray[np.int64]:
    """Orbit of each point under the group that permutations generate, numbered by first point.

    Args:
        permutations: Images of the points under each generator, arrays of shape `(points,)`; none leaves all points
            alone.
        points: Number of points.

    Returns:
        Labels, shape `(points,)`.

    Example:
        >>> orbit_labels([np.array([1, 0, 2, 3]), np.array([0, 1, 3, 2])], 4).tolist()
        [0, 0, 1, 1]
    """
    if not len(permutations):
        return np.arange(points)
    ends = np.concatenate(permutations)
    starts = np.tile(np.arange(points), len(permutations))
    _, labels = connected_components(
        coo_array((np.ones(len(ends), dtype=np.int8), (starts, ends)), shape=(points, points)), directed=False
    )
    return number_by_first(labels.astype(np.int64))
