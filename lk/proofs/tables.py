"""The network that a certificate is about: four tables in float32, and the factors of two of them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lk.groups import Folded, Group
from lk.proofs.activation import ACTIVATIONS
from lk.proofs.rounding import WIDER, Floats, Ints, check_arithmetic, gamma

_LARGEST = 2.0**60  # keeps every product of a verifier far from overflow


Table = NDArray[Any]  # float32 once stored; any real numbers when given


@dataclass(frozen=True, eq=False)
class Factors:
    """What a network stores instead of left and right.

    Left = embed_left weight_left and right = embed_right weight_right.

    Attributes:
        embed_left: Shape `(n, d)`, float32 once stored.
        weight_left: Shape `(d, m)`.
        embed_right: Shape `(n, d)`.
        weight_right: Shape `(d, m)`.

    Raises:
        ValueError: shapes that do not fit, or entries that are not finite or above 2^60.

    Example:
        >>> Factors(np.eye(3), np.ones((3, 4)), np.eye(3), np.zeros((3, 4))).product("left")[0].shape
        (3, 4)
    """

    embed_left: Table
    weight_left: Table
    embed_right: Table
    weight_right: Table

    def __post_init__(self) -> None:
        for name in ("embed_left", "weight_left", "embed_right", "weight_right"):
            object.__setattr__(self, name, _stored(name, getattr(self, name)))
        for side in ("left", "right"):
            embed, weight = self.of(side)
            if embed.ndim != 2 or weight.ndim != 2 or embed.shape[1] != weight.shape[0]:
                raise ValueError(
                    f"expected shapes (n, d) and (d, m), got embed_{side}.shape={embed.shape}, "
                    f"weight_{side}.shape={weight.shape}. Transpose one of them."
                )

    def of(self, side: str) -> tuple[Table, Table]:
        """Embedding and weight of a side, `left` or `right`."""
        return getattr(self, f"embed_{side}"), getattr(self, f"weight_{side}")

    def product(self, side: str) -> tuple[Floats, Floats]:
        """The product of a side in float64 and a bound on the error of each entry.

        Products of float32 are exact, d sums are not.
        """
        embed, weight = (table.astype(np.float64) for table in self.of(side))
        return embed @ weight, gamma(len(weight) + 4) * WIDER * (np.abs(embed) @ np.abs(weight))


@dataclass(frozen=True, eq=False)
class Tables(Folded[Table]):
    r"""The tables of one network, stored in float32 and read as exact real numbers.

    A certificate is about the real-valued function of these tables, without any rounding. With `factors`, the exact
    products of the factors take the place of left and right. The difference is bounded here and added to the rounding
    error of every verifier: with |left - left'| <= e(x), |right - right'| <= e(y), and ReLU and the absolute value
    1-Lipschitz,

    .. math:: |gap - gap'| \le \sum_i (\max_z u_i(z) - \min_z u_i(z)) \, (e_i(x) + e_i(y))

    and for the square, where :math:`|p^2 - p'^2| \le e (2 |p| + e)`, with each e times `2 |left| + 2 |right| + e`, made
    separable by maxima.

    GELU is refused: its values are not rational, and no proven error bound of its evaluation is at hand.

    Args:
        left: Shape `(n, m)`.
        right: Shape `(n, m)`.
        unembed: Shape `(n, m)`.
        bias: Shape `(n,)`.
        activation: `"relu"`, `"abs"` or `"square"`.
        factors: What the network stores; None where it stores left and right themselves.

    Attributes:
        folding_x, folding_y: The two parts of the bound above, shape `(n,)` each; zero without factors.

    Raises:
        ValueError: shapes that do not fit, entries that are not finite or above 2^60, an activation that cannot be
            certified.
        RuntimeError: this thread does not compute as `lk.proofs.rounding` assumes.

    Example:
        >>> Tables(np.zeros((6, 4)), np.zeros((6, 4)), np.zeros((6, 4)), np.zeros(6)).width
        4
    """

    factors: Factors | None = None
    folding_x: Floats = field(init=False, repr=False)
    folding_y: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_arithmetic()
        if self.activation not in ACTIVATIONS:
            reason = (
                ": its values are not rational and no proven error bound of its evaluation is at hand"
                if self.activation == "gelu"
                else ""
            )
            raise ValueError(
                f"expected activation in {list(ACTIVATIONS)}, got activation={self.activation!r}{reason}. Train with "
                "one of these to certify."
            )
        for name in ("left", "right", "unembed", "bias"):
            object.__setattr__(self, name, _stored(name, getattr(self, name)))
        shape = self.left.shape
        if self.left.ndim != 2 or 0 in shape:
            raise ValueError(
                f"expected left of shape (n, m), got left.shape={shape}. Give a row for each element, a column for "
                "each neuron."
            )
        for name, expected in (("right", shape), ("unembed", shape), ("bias", shape[:1])):
            if getattr(self, name).shape != expected:
                raise ValueError(
                    f"expected {name} of shape {expected}, got {name}.shape={getattr(self, name).shape}. Give it the "
                    f"elements and neurons of left, of shape {shape}."
                )
        for name, part in zip(("folding_x", "folding_y"), self._folding(), strict=True):
            object.__setattr__(self, name, part)

    @classmethod
    def fold(cls, factors: Factors, unembed: Table, bias: Table, activation: str = "relu") -> "Tables":
        """The network that stores these factors.

        Example:
            >>> tables = Tables.fold(Factors(*[np.eye(3)] * 4), np.eye(3), np.zeros(3))
            >>> tables.left.tolist() == np.eye(3).tolist(), tables.folding_x.max() < 1e-14
            (True, np.True_)
        """
        left, right = (factors.product(side)[0] for side in ("left", "right"))
        return cls(left, right, unembed, bias, activation, factors)

    def _folding(self) -> tuple[Floats, Floats]:
        if self.factors is None:
            return np.zeros(self.order), np.zeros(self.order)
        ranges = np.ptp(self.unembed.astype(np.float64), axis=0)
        errors, sizes = [], []
        for side, table in (("left", self.left.astype(np.float64)), ("right", self.right.astype(np.float64))):
            exact, bound = self.factors.product(side)
            if exact.shape != table.shape:
                raise ValueError(
                    f"expected factors whose product has {side}.shape={table.shape}, got shape {exact.shape}. Give the "
                    "factors of this table."
                )
            errors.append(WIDER * np.abs(exact - table) + bound)
            sizes.append(2.0 * np.abs(table) + errors[-1])
        factor = sizes[0].max(0) + sizes[1].max(0) if self.activation == "square" else 1.0
        return WIDER**2 * ((errors[0] * factor) @ ranges), WIDER**2 * ((errors[1] * factor) @ ranges)

    def folding(self, xs: Ints, ys: Ints) -> Floats:
        """Bounds on the difference of the logit gaps of the tables and of the network, for pairs."""
        return np.asarray(self.folding_x[xs] + self.folding_y[ys])

    @property
    def brute_force_operations(self) -> int:
        """Multiply-adds of evaluating all logits of all pairs: n^3 m."""
        return self.order**3 * self.width

    def doubles(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Left, right, unembed and bias in float64, which holds every float32 exactly."""
        left, right, unembed, bias = (np.ascontiguousarray(table, np.float64) for table in self.arrays)
        return left, right, unembed, bias

    def check_explanation(self, order: int, width: int) -> None:
        """Raise unless an explanation for a network of this order and width is one for this network."""
        if (order, width) != (self.order, self.width):
            raise ValueError(
                f"expected the explanation of a network of order {self.order} and width {self.width}, got one for "
                f"order {order} and width {width}. Find an explanation of this network."
            )

    def check_group(self, group: Group) -> None:
        """Raise unless the network has a row per group element and this thread rounds as `lk.proofs` assumes."""
        check_arithmetic()
        if group.order != self.order:
            raise ValueError(
                f"expected a group of order {self.order}, the network's inputs, got {group}. Pass the "
                "group that the network was trained on."
            )


def _stored(name: str, given: ArrayLike) -> NDArray[np.float32]:
    array = np.asarray(given)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"expected {name} as real numbers, got {name}.dtype={array.dtype}. Convert it to float32.")
    bad = np.argwhere(~(np.abs(np.asarray(array, np.float64)) <= _LARGEST))  # NaN compares false
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"expected finite numbers of at most 2^60, got {name}{list(where)} = {array[where]}. Look at the loss: "
            "training may have diverged."
        )
    stored = np.array(array, np.float32, order="C")
    stored.setflags(write=False)
    return stored
