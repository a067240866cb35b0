"""Whether two quantities rise together."""

import math

import numpy as np
from numpy.typing import NDArray


def rank_correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float]:
    r"""Spearman's rank correlation with its 95 % interval: (value, low, high).

    .. math:: \tanh\Big(\operatorname{artanh} r \pm 1.96 \sqrt{\tfrac{1 + r^2 / 2}{n - 3}}\Big)

    Source: Bonett and Wright, Psychometrika 65, 2000.

    Args:
        x: Finite numbers, shape `(n,)`.
        y: Finite numbers, shape `(n,)`.

    Returns:
        Value and interval; NaN for fewer than 5 pairs, or where one quantity does not vary.

    Example:
        >>> x = np.arange(8.0)
        >>> rank_correlation(x, x**3)[0]
        1.0
    """
    from scipy.stats import rankdata  # takes seconds to import

    if len(x) < 5 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan, math.nan, math.nan
    r = float(np.clip(np.corrcoef(rankdata(x), rankdata(y))[0, 1], -1, 1))
    r = round(r, 12)
    middle, half = math.atanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)), 1.96 * math.sqrt((1 + r**2 / 2) / (len(x) - 3))
    return r, math.tanh(middle - half), math.tanh(middle + half)
