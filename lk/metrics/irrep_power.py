"""How much of a table lies in each irrep."""

from collections.abc import Sequence

import numpy as np

from lk.groups import Irrep, power
from lk.metrics.logits import Floats


def irrep_power(values: Floats, irreps: Sequence[Irrep]) -> Floats:
    r"""Share of the squared norm of a table that lies in each irrep, all neurons together.

    .. math:: power_\rho = \sum_i |P_\rho f_i|^2 \big/ \sum_i |f_i|^2

    Source: Chughtai et al., ICML 2023, Sect. 5 ("percent of the embedding explained").

    Args:
        values: A column for each neuron, shape `(order, m)`.
        irreps: Irreps of the group.

    Returns:
        Shares, shape `(irreps,)`; they sum to 1 over all irreps of the group, and are 0 for a table of zeros.

    Example:
        >>> from lk.groups import Cyclic, irreps
        >>> irrep_power(np.array([[1.0, 3.0], [1.0, -3.0]]), irreps(Cyclic(2))).round(6).tolist()
        [0.1, 0.9]
    """
    squares = (values**2).sum(axis=0)
    total = squares.sum()
    if not total > 0.0:
        return np.zeros(len(irreps))
    return np.array([float(power(values, irrep) @ squares) for irrep in irreps]) / float(total)
