"""Interval of a share."""

import numpy as np

from lk.metrics.intervals import Array


def wilson(share: Array, n: Array, z: float = 1.96) -> tuple[Array, Array]:
    """95 % interval of a share of n samples (Wilson 1927).

    Example:
        >>> low, high = wilson(np.array([0.9]), np.array([50]))
        >>> round(float(low[0]), 3), round(float(high[0]), 3)
        (0.786, 0.957)
    """
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - half, middle + half
