"""The four tables of a group network: the object that certificates speak about."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lk.groups import Group
from lk.proofs.activation import ACTIVATIONS
from lk.proofs.rounding import Floats

_LARGEST = 2.0**60  # keeps every product of a verifier far from overflow


Table = NDArray[Any]  # float32 once stored; any real numbers when given


@dataclass(frozen=True, eq=False)
class Tables:
    r"""A group network, folded into tables; stored in float32 and read as exact real numbers.

    .. math:: f(z \mid x, y) = \sum_i unembed[z, i] \, act(left[x, i] + right[y, i]) + bias[z]

    Certificates are about this real-valued function, with no rounding anywhere in it. Folding a network's weights into tables
    rounds; a statement about the network before folding needs that error besides.

    GELU is refused: its values are not rational, and no proven error bound of its evaluation is at hand.

    Args:
        left: Shape `(n, m)`.
        right: Shape `(n, m)`.
        unembed: Shape `(n, m)`.
        bias: Shape `(n,)`.
        activation: `"relu"`, `"abs"` or `"square"`.

    Raises:
        ValueError: shapes that do not fit, entries that are not finite or above 2^60, an activation that cannot be certified.

    Example:
        >>> Tables(np.zeros((6, 4)), np.zeros((6, 4)), np.zeros((6, 4)), np.zeros(6)).width
        4
    """

    left: Table
    right: Table
    unembed: Table
    bias: Table
    activation: str = "relu"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            reason = (
                ": its values are not rational and no proven error bound of its evaluation is at hand" if self.activation == "gelu" else ""
            )
            raise ValueError(f"given activation {self.activation!r}; certificates know {', '.join(ACTIVATIONS)}{reason}")
        for name in ("left", "right", "unembed", "bias"):
            object.__setattr__(self, name, _stored(name, getattr(self, name)))
        shape = self.left.shape
        if self.left.ndim != 2 or 0 in shape:
            raise ValueError(f"given left of shape {shape}; expected (n, m): a row for each element, a column for each neuron")
        for name, expected in (("right", shape), ("unembed", shape), ("bias", shape[:1])):
            if getattr(self, name).shape != expected:
                raise ValueError(f"given {name} of shape {getattr(self, name).shape}; expected {expected}, as left has shape {shape}")

    @property
    def order(self) -> int:
        """Number of group elements n."""
        return len(self.left)

    @property
    def width(self) -> int:
        """Number of neurons m."""
        return int(self.left.shape[1])

    @property
    def brute_force_operations(self) -> int:
        """Multiply-adds of evaluating all logits of all pairs: n^3 m."""
        return self.order**3 * self.width

    def doubles(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Left, right, unembed and bias in float64, which holds every float32 exactly."""
        left, right, unembed, bias = (np.ascontiguousarray(t, np.float64) for t in (self.left, self.right, self.unembed, self.bias))
        return left, right, unembed, bias

    def check_group(self, group: Group) -> None:
        """Raise a ValueError unless the network has one row per element of the group."""
        if group.order != self.order:
            raise ValueError(
                f"given a network with {self.order} inputs and a group of order {group.order}; expected the group it was trained on"
            )


def _stored(name: str, given: ArrayLike) -> NDArray[np.float32]:
    array = np.asarray(given)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"given {name} of {array.dtype}; expected real numbers")
    bad = np.argwhere(~(np.abs(np.asarray(array, np.float64)) <= _LARGEST))  # NaN compares false
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        raise ValueError(f"given {name}{list(where)} = {array[where]}; expected finite numbers of at most 2^60: training may have diverged")
    stored = np.array(array, np.float32, order="C")
    stored.setflags(write=False)
    return stored
