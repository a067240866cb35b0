"""The two inequalities over neurons, Hoelder and Cauchy-Schwarz: their norms, and the weights that make them tight."""

import numpy as np

from lk.proofs.rounding import Floats, Ints

_LEAST_WEIGHT = 2.0**-64


def largest_entries(columns: Floats) -> Floats:
    """M_i = max_z |R_i(z)|, shape `(k,)`."""
    return np.asarray(np.abs(columns).max(0))


def largest_norm(columns: Floats, weights: Floats) -> float:
    """max_z sqrt(sum_i R_i(z)^2 / s_i)."""
    return float(np.sqrt((columns**2 / weights).sum(1).max()))


def combine(holder: Floats, norm: Floats) -> Floats:
    """The smaller inequality in each group of columns, summed over the groups; arrays `(groups, pairs)`."""
    return np.asarray(np.minimum(holder, norm).sum(0))


def sample_pairs(order: int) -> tuple[Ints, Ints]:
    """Random pairs, which set the weights of norms and have no part in the proof."""
    xs, ys = np.random.default_rng(0).integers(order, size=(2, min(512, 4 * order)))
    return xs, ys


def norm_weights(columns: Floats, interaction: Floats) -> Floats:
    """s_i = size of column i / size of eta_i, which is best if both are independent noise, each relative to its mean.

    Only ratios matter to the inequality; the range of the numbers matters to its underflow (see `lk.proofs.rounding`).
    """
    size, spread = (_relative(np.sqrt((table**2).mean(axis))) for table, axis in ((columns, 0), (interaction, 1)))
    return np.clip(size / spread, _LEAST_WEIGHT, 1.0 / _LEAST_WEIGHT)


def _relative(sizes: Floats) -> Floats:
    mean = sizes.mean() if len(sizes) else 0.0
    return sizes / mean + 1e-3 if 0.0 < mean < np.inf else np.ones(len(sizes))
