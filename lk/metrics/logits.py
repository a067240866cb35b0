"""The logits of a group network on all pairs, one left factor at a time."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Floats = NDArray[np.float64]


class Folded(NamedTuple):
    """A group network as arrays: f(z|x,y) = sum_i unembed[z, i] act(left[x, i] + right[y, i]) + bias[z].

    Attributes:
        left: Shape `(n, m)`.
        right: Shape `(n, m)`.
        unembed: Shape `(n, m)`.
        bias: Shape `(n,)`.
        activation: relu, gelu, square or abs.
    """

    left: Floats
    right: Floats
    unembed: Floats
    bias: Floats
    activation: str = "relu"

    def hidden(self, x: int) -> Floats:
        """Activations of the pairs (x, y), shape `(n, m)` by y."""
        return activate(self.left[x] + self.right, self.activation)


def activate(values: Floats, name: str) -> Floats:
    """An activation by name, elementwise.

    Example:
        >>> activate(np.array([-2.0, 3.0]), "abs").tolist()
        [2.0, 3.0]
    """
    if name == "gelu":
        return np.asarray(0.5 * values * (1.0 + erf(values / np.sqrt(2.0))))
    return np.maximum(values, 0.0) if name == "relu" else np.abs(values) if name == "abs" else values * values


def logits_by_row(network: Folded) -> Iterator[Floats]:
    """The logits f(z|x,y) for x = 0, 1, ...: an array `(n, n)` over y and z each, so that memory stays n^2.

    Args:
        network: The network.

    Example:
        >>> network = Folded(np.eye(2), np.eye(2), np.eye(2), np.zeros(2))
        >>> [row.tolist() for row in logits_by_row(network)]
        [[[2.0, 0.0], [1.0, 1.0]], [[1.0, 1.0], [0.0, 2.0]]]
    """
    for x in range(len(network.left)):
        yield network.hidden(x) @ network.unembed.T + network.bias
