"""Intervals and p values over samples and training runs: one method, used on every page.

A number is computed on all samples and again with each sample left out (jackknife), everything that depends on the
samples anew: numerator, denominator, normaliser. The differences say how much each sample moves it. From them come

* the standard error (Tukey 1958; Efron and Stein 1981),
* the degrees of freedom of Student's t: long-tailed samples know their own deviation badly (Satterthwaite 1946),
* a wider end on the side of the longer tail (Johnson 1978; Hall 1992).

Several training runs add the variance over runs, with degrees of freedom of its own (Welch 1947). p is of the same
distribution as the interval: it is below 0.05 exactly where the 95 % interval excludes zero.
`docs/results/intervals.md` has the simulated coverage.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit
from torch import Tensor

Array = NDArray[np.float64]

LEVEL = 0.05  # of every interval and test
LEAST = 6  # samples that carry a number with an interval: five of one sign are no evidence yet, 2^(1 - 5) > 0.05
SEEDS = 3  # training runs from which on their variance is estimated, and an architecture is named
_NOTHING = 1e-9  # a change below this share of the largest is a rounding error
_EDGEWORTH = (
    2 * 1.96**2 + 1
) / 6  # first term of the expansion of Student's t at 97.5 %, times skewness / sqrt(samples)
_TOO_SMALL = 40.0  # by which share, times samples, the skewness of few samples is too small, see `stretch`


class Interval(NamedTuple):
    """A number with its 95 % interval and the p value of its difference from zero, each of the same shape.

    Attributes:
        value: The number on all samples.
        low: Lower end; NaN where fewer than `LEAST` samples carry the number, or nothing varies.
        high: Upper end.
        p: Two-sided; 1 where there is no interval, for nothing is shown then.
    """

    value: Array
    low: Array
    high: Array
    p: Array


def equal_weights(samples: int) -> Array:
    """Weights of all samples, `(1, samples)`: a number without interval."""
    if samples < 1:
        raise ValueError(f"expected at least 1 sample, got samples={samples}. Explain more samples.")
    return np.full((1, samples), 1 / samples)


def jackknife(samples: int) -> Array:
    """Weights of all samples, then of all but each one in turn.

    Two numbers computed with the same weights are paired: the interval of their difference is that of the differences
    of their rows.

    Returns:
        Shape `(samples + 1, samples)`, each row sums to 1; a single sample, which nothing is left of, has the first row
        alone.

    Raises:
        ValueError: No sample.

    Example:
        >>> jackknife(3).round(2).tolist()
        [[0.33, 0.33, 0.33], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
    """
    if samples < 2:
        return equal_weights(samples)
    return np.concatenate([equal_weights(samples), (1 - np.eye(samples)) / (samples - 1)])


def contract(weights: Array, x: Tensor) -> Array:
    """Weighted mean over the last axis (samples) for each row.

    `(rows, samples)` and `(..., samples)` to `(rows, ...)`.
    """
    return np.asarray(np.tensordot(weights, x.double().numpy(), axes=(1, -1)))


def divide(numerator: Array, denominator: Array) -> Array:
    """Ratio of two sums over samples, for each row of `jackknife`.

    Where fewer than `LEAST` samples have anything in the denominator, all rows but the first are NaN: the ratio has no
    interval, and neither has what is computed from it.

    Args:
        numerator: Weighted sums, `(rows, ...)`.
        denominator: Weighted sums of what is never negative, broadcastable to the same shape; the first axis has all
            rows.

    Returns:
        Shape `(rows, ...)`; NaN where the denominator is 0.

    Example:
        >>> weights, part, whole = jackknife(6), np.array([1.0, 2, 2, 1, 1, 1]), np.full(6, 4.0)
        >>> divide(weights @ part, weights @ whole)[:2].round(3).tolist()
        [0.333, 0.35]
        >>> divide(weights @ part, weights @ (whole * (part > 1)))[:2].tolist()
        [1.0, nan]
    """
    ratio = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    samples = len(denominator) - 1
    if samples > 0:
        # From a mean and the mean without a sample follows what the sample had.
        own = samples * denominator[0] - (samples - 1) * denominator[1:]
        carried = (own > _NOTHING * samples * denominator[0]).sum(0)
        ratio[1:] = np.where(carried < LEAST, np.nan, ratio[1:])
    return ratio


def interval(replicates: Array, *runs: Array) -> Interval:
    r"""95 % interval and p value of a number over samples, and over training runs where there are several.

    With :math:`u_i = T - T_{(i)}` the change that sample i makes, m the number of samples that make one, and each sum
    over them:

    .. math:: V_s = \frac{m - 1}{m} \sum (u_i - \bar u)^2, \quad
        d_s = \min\left(m - 1, \frac{2 m}{\hat\kappa - 1} - 1\right), \quad
        T \pm \sqrt{t_{d_s}^2 c^2 V_s + t_{d_r}^2 V_r}, \quad V_r = \sum_k V_k, \quad
        d_r = \frac{V_r^2}{\sum V_k^2 / (R_k - 1)}

    c is the `stretch` of the side, :math:`\hat\kappa` the kurtosis of u, and V_k the variance of the mean of R_k runs.
    Samples and runs have each their own t, for three runs know their deviation worse than thirty samples theirs. What
    the samples add to the differences between runs is counted in both, so that the interval is rather too wide than too
    narrow.

    Sources: Efron and Stein, Annals of Statistics 1981 (jackknife); Satterthwaite, Biometrics 1946; Welch, Biometrika
    1947; Johnson, JASA 1978, and Hall, JRSS B 1992 (skewness).

    Args:
        replicates: The number for each row of `jackknife`, `(samples + 1, ...)`; a mean over runs where there are
            several. A single row has no interval.
        runs: For each group of runs that the number is a mean over, or a difference of means of, the number of each run
            on all samples, `(runs, ...)`. Fewer than `SEEDS` runs have no variance to speak of: the interval is then of
            these runs.

    Returns:
        Arrays of shape `(...)`.

    Example:
        >>> x = np.array([1.0, 3.0, 2.0, 5.0, 4.0, 3.0, 2.0, 4.0])
        >>> found = interval(jackknife(8) @ x)
        >>> round(float(found.value), 2), bool(found.low < 3 < found.high), bool(found.p < 0.05)
        (3.0, True, True)
    """
    value, samples = np.asarray(replicates[0], dtype=np.float64), len(replicates) - 1
    if samples < LEAST:
        nothing = np.full_like(value, np.nan)
        return Interval(value, nothing, nothing.copy(), np.ones_like(value))
    changes = value - replicates[1:]
    sizes = np.abs(changes)
    carry = sizes > np.maximum(_NOTHING * np.maximum(sizes.max(0), np.abs(value)), 1e-12)
    known = (carry.sum(0) >= LEAST) & np.isfinite(replicates).all(0)
    m = np.where(known, carry.sum(0), np.nan)
    centred = np.where(carry, changes - np.where(carry, changes, 0.0).sum(0) / m, 0.0)
    squares = np.square(centred).sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        kurtosis = m * (centred**4).sum(0) / squares**2
        skewness = (centred**3).sum(0) / m / (squares / m) ** 1.5 * np.sqrt(m * (m - 1)) / (m - 2)
        degrees = np.clip(2 * m / np.maximum(kurtosis - 1, 1e-12) - 1, 1, m - 1)
        over_samples = squares * (m - 1) / m
        down, up = (np.sqrt(over_samples) * stretch(side * skewness, m, degrees) for side in (-1, 1))
        towards_zero = np.where(value > 0, down, up)
        groups = [group for group in runs if len(group) >= SEEDS]
        if groups:
            variances = [group.var(0, ddof=1) / len(group) for group in groups]
            over_runs = np.asarray(sum(variances))
            weighted = sum(variance**2 / (len(group) - 1) for variance, group in zip(variances, groups, strict=True))
            # Runs that do not differ leave no degrees of freedom, and nothing to multiply by them.
            sources = [
                (towards_zero, degrees),
                (np.sqrt(over_runs), np.where(over_runs > 0, over_runs**2 / weighted, 1.0)),
            ]
            low, high = (
                value + side * reach([(end, degrees), sources[1]], np.full_like(value, LEVEL))
                for side, end in ((-1, down), (1, up))
            )
            p = level_of(np.abs(value), sources)
        else:
            t = stdtrit(degrees, 1 - LEVEL / 2)
            low, high, p = value - t * down, value + t * up, 2 * stdtr(degrees, -np.abs(value) / towards_zero)
    return Interval(value, low, high, np.where(np.isfinite(p), p, 1.0))


def reach(sources: Sequence[tuple[Array, Array]], level: Array) -> Array:
    """Half the length of an interval of this error rate, from each source's standard error and degrees of freedom."""
    return np.sqrt(sum(np.square(error * stdtrit(degrees, level / 2)) for error, degrees in sources))  # type: ignore[no-any-return]


def level_of(distance: Array, sources: Sequence[tuple[Array, Array]]) -> Array:
    """The error rate whose interval just reaches so far; by bisection of its logarithm, NaN where a source is."""
    low, high = np.full_like(distance, -69.0), np.zeros_like(distance)  # Student's t is known from p = 1e-30 on
    for _ in range(60):
        middle = (low + high) / 2
        beyond = reach(sources, np.exp(middle)) > distance  # the interval is too long: its level is higher
        low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
    return np.where(np.isfinite(reach(sources, np.exp(high))), np.exp(high), np.nan)


def stretch(skewness: Array, m: Array, degrees: Array) -> Array:
    r"""How much longer than Student's t an end is, on the side where the samples' tail is longer; 1 on the other side.

    .. math::

        c = 1 + \frac{2 \cdot 1.96^2 + 1}{6 \, t} \frac{\max(0, \hat\gamma)}{\sqrt m} \left(1 + \frac{40}{m}\right)

    The first factors are the term of order :math:`1 / \sqrt m` of the distribution of Student's t (Hall 1992). The last
    one is chosen by simulation: few samples of a long-tailed distribution hardly show their skewness. Of a lognormal
    one with deviation 1 it comes out too small by 4.3, 3.2, 2.8 and 2.0 at m = 10, 20, 30 and 100.

    Args:
        skewness: Of the samples' changes, positive where their longer tail is on this side.
        m: Number of samples.
        degrees: Degrees of freedom of t.
    """
    return np.asarray(
        1 + _EDGEWORTH * np.maximum(skewness, 0.0) / np.sqrt(m) * (1 + _TOO_SMALL / m) / stdtrit(degrees, 1 - LEVEL / 2)
    )
