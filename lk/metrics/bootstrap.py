"""Bootstrap intervals over samples: everything that depends on the samples is recomputed in each draw."""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def bootstrap(
    statistic: Callable[[Array], Array], samples: int, draws: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[Array, Array, Array]:
    """Percentile interval of a statistic over resampled samples.

    Args:
        statistic: Maps weights `(samples,)`, how often each sample counts, summing to 1, to an array of any shape.
        samples: Number of samples.
        draws: Number of resamples.
        level: Coverage.
        seed: Decides the draws.

    Returns:
        The statistic with equal weights, the lower and the upper end. With a single sample both ends are NaN.

    Example:
        >>> x = np.arange(100.0)
        >>> mean, low, high = bootstrap(lambda w: w @ x, 100)
        >>> bool(low < mean < high)
        True
    """
    if samples < 1 or draws < 1 or not 0 < level < 1:
        raise ValueError(f"Given samples={samples}, draws={draws}, level={level}; expected at least 1, 1, and a level between 0 and 1.")
    centre = np.asarray(statistic(np.full(samples, 1 / samples)))
    if samples < 2:
        return centre, np.full_like(centre, np.nan), np.full_like(centre, np.nan)
    weights = np.random.default_rng(seed).multinomial(samples, np.full(samples, 1 / samples), size=draws) / samples
    drawn = np.stack([np.asarray(statistic(w)) for w in weights])
    tail = (1 - level) / 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)  # an entry that no draw defines has no interval
        low, high = (np.asarray(np.nanquantile(drawn, q, axis=0)) for q in (tail, 1 - tail))
    return centre, low, high
