"""The tables of a group network: what measures, certificates and the network itself share."""

from dataclasses import dataclass, replace
from typing import Any, Generic, Self, TypeVar

Array = TypeVar("Array", bound=Any)


@dataclass(frozen=True, eq=False)
class Folded(Generic[Array]):
    r"""A group network with its linear maps folded away; arrays are of NumPy or torch.

    .. math:: f(z \mid x, y) = \sum_i unembed[z, i] \, act(left[x, i] + right[y, i]) + bias[z]

    Several networks have a leading axis of seeds. `lk.proofs.Tables` are those of one network in float32.

    Args:
        left: Shape `([seeds,] n, m)`.
        right: Shape `([seeds,] n, m)`.
        unembed: Shape `([seeds,] n, m)`.
        bias: Shape `([seeds,] n)`; zero where the network has none.
        activation: relu, gelu, square or abs.

    Example:
        >>> import numpy as np
        >>> tables = Folded(*np.zeros((3, 5, 6, 4)), np.zeros((5, 6)))
        >>> tables.order, tables.width, tables.seed(2).left.shape
        (6, 4, (6, 4))
    """

    left: Array
    right: Array
    unembed: Array
    bias: Array
    activation: str = "relu"

    @property
    def order(self) -> int:
        """Number of group elements n."""
        return int(self.left.shape[-2])

    @property
    def width(self) -> int:
        """Number of neurons m."""
        return int(self.left.shape[-1])

    @property
    def arrays(self) -> tuple[Array, Array, Array, Array]:
        """Left, right, unembed and bias."""
        return self.left, self.right, self.unembed, self.bias

    def seed(self, index: int) -> Self:
        """The tables of one network.

        Args:
            index: Place along the axis of seeds, from 0.
        """
        return replace(
            self,
            left=self.left[index],
            right=self.right[index],
            unembed=self.unembed[index],
            bias=self.bias[index],
        )
