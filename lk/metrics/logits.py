"""The logits of a group network on all pairs, one left factor at a time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from lk.groups import Folded
from lk.proofs.activation import apply

Floats = NDArray[np.float64]
Network = Folded[Floats]


def activate(values: Floats, name: str) -> Floats:
    """An activation by name (relu, gelu, square or abs), elementwise.

    Example:
        >>> activate(np.array([-2.0, 3.0]), "abs").tolist()
        [2.0, 3.0]
    """
    gelu = name == "gelu"
    return np.asarray(0.5 * values * (1.0 + erf(values / np.sqrt(2.0))) if gelu else apply(values, name))


def hidden_of(network: Network, x: int) -> Floats:
    """Activations of the pairs (x, y), shape `(n, m)` by y."""
    return activate(network.left[x] + network.right, network.activation)


def logits_by_row(network: Network) -> Iterator[Floats]:
    """The logits f(z|x,y) for x = 0, 1, ...: an array `(n, n)` over y and z each, so that memory stays n^2.

    Args:
        network: The network.

    Example:
        >>> network = Folded(np.eye(2), np.eye(2), np.eye(2), np.zeros(2))
        >>> [row.tolist() for row in logits_by_row(network)]
        [[[2.0, 0.0], [1.0, 1.0]], [[1.0, 1.0], [0.0, 2.0]]]
    """
    for x in range(network.order):
        yield hidden_of(network, x) @ network.unembed.T + network.bias
