"""The size of a network's weights."""

from collections.abc import Iterable

import numpy as np

from lk.metrics.logits import Floats


def weight_norm(weights: Iterable[Floats]) -> float:
    """Euclidean norm of all weights together.

    Its fall after memorising is the clean-up phase of Nanda et al., ICLR 2023.

    Args:
        weights: Arrays of any shape.

    Example:
        >>> weight_norm([np.array([[3.0]]), np.array([0.0, 4.0])])
        5.0
    """
    return float(np.sqrt(sum(float((np.asarray(array, np.float64) ** 2).sum()) for array in weights)))
