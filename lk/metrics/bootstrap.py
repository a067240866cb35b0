"""Bootstrap intervals over samples: everything that depends on the samples is recomputed in each draw."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def resamples(samples: int, draws: int = 1000, seed: int = 0) -> Array:
    """How often each sample counts in each draw.

    The first row gives all samples equal weight, so that a statistic computed for all rows carries its own centre in front. Two
    statistics computed with the same weights are paired: the interval of their difference is that of the differences of their rows.

    Args:
        samples: Number of samples.
        draws: Number of resamples.
        seed: Decides the draws.

    Returns:
        Shape `(draws + 1, samples)`; each row sums to 1.
    """
    equal = np.full(samples, 1 / samples)
    drawn = np.random.default_rng(seed).multinomial(samples, equal, size=draws) / samples
    return np.concatenate([equal[None], drawn])


def interval(statistic: Array, level: float = 0.95) -> tuple[Array, Array, Array]:
    """Percentile interval of a statistic that was computed for every row of `resamples`.

    Args:
        statistic: Shape `(draws + 1, ...)`. A draw where it is NaN (an empty denominator) is left out.
        level: Coverage.

    Returns:
        The statistic with equal weights, the lower and the upper end, each of shape `(...)`; NaN where it is never defined.
    """
    centre, drawn = statistic[0], np.sort(statistic[1:], axis=0)  # NaN comes last
    last = np.isfinite(drawn).sum(0) - 1
    ends = []
    for q in ((1 - level) / 2, (1 + level) / 2):
        place = q * np.maximum(last, 0)
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(last, 0))
        low, high = (np.take_along_axis(drawn, index[None], 0)[0] for index in (below, above))
        ends.append(np.where(last >= 0, low + (high - low) * (place - below), np.nan))
    return centre, ends[0], ends[1]


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
    if samples < 2:
        centre = np.asarray(statistic(np.full(samples, 1 / samples)))
        return centre, np.full_like(centre, np.nan), np.full_like(centre, np.nan)
    return interval(np.stack([np.asarray(statistic(w), dtype=np.float64) for w in resamples(samples, draws, seed)]), level)
