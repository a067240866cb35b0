"""How unequally a quantity is shared out."""

import numpy as np

from lk.metrics.logits import Floats


def gini(shares: Floats) -> float:
    r"""Gini index: 0 where all shares are equal, 1 - 1 / k where one of k has everything.

    .. math:: G = \frac{\sum_j (2 j - k - 1) \, s_j}{k \sum_j s_j}, \quad s_1 \le \dots \le s_k

    Source: Hurley and Rickard, 2009; used for the sparsity of Fourier spectra in Nanda et al., ICLR 2023.

    Args:
        shares: Not negative, shape `(k,)`.

    Returns:
        The index; 0 for shares that are all zero.

    Example:
        >>> gini(np.array([1.0, 1.0, 1.0, 1.0])), gini(np.array([0.0, 0.0, 0.0, 2.0]))
        (0.0, 0.75)
    """
    ordered = np.sort(shares)
    k, total = len(ordered), float(ordered.sum())
    return float((2 * np.arange(1, k + 1) - k - 1) @ ordered / (k * total)) if total > 0 else 0.0
