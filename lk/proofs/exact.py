"""Logit differences in exact integers: float32 numbers are integers times a power of two."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lk.proofs.activation import apply
from lk.proofs.tables import Tables


class Exact:
    """A network in integers: inputs in units of 2^-a, unembeddings and biases so that all logits share one unit.

    A network that stores factors is read from these: its inputs are their exact products.

    Args:
        tables: The network.

    Example:
        >>> tables = Tables(np.eye(2), np.eye(2), np.array([[1.0, 0.0], [0.0, 0.1]]), np.zeros(2))
        >>> Exact(tables).gap(0, 0, 0, 1), Exact(tables).gap(1, 1, 0, 1)
        (Fraction(2, 1), Fraction(-13421773, 67108864))
    """

    def __init__(self, tables: Tables) -> None:
        self.activation = tables.activation
        left, right = _inputs(tables, "left"), _inputs(tables, "right")
        inputs = max(left[1], right[1])
        hidden = 2 * inputs if tables.activation == "square" else inputs
        outputs = max(_bits(tables.unembed), _bits(tables.bias) - hidden)
        self.shift = hidden + outputs
        self.left, self.right = left[0] << (inputs - left[1]), right[0] << (inputs - right[1])
        self.unembed, self.bias = _integers(tables.unembed, outputs), _integers(tables.bias, self.shift)

    def gap(self, x: int, y: int, z: int, other: int) -> Fraction:
        """f(z|x,y) - f(other|x,y), exactly."""
        hidden = apply(self.left[x] + self.right[y], self.activation)
        difference = ((self.unembed[z] - self.unembed[other]) * hidden).sum() + self.bias[z] - self.bias[other]
        return Fraction(int(difference), 1 << self.shift)

    def smallest_gap(self, x: int, y: int, z: int, others: Iterable[int]) -> Fraction | None:
        """The least gap between z and the others, None without others."""
        return min((self.gap(x, y, z, int(other)) for other in others), default=None)


def _inputs(tables: Tables, side: str) -> tuple[NDArray[Any], int]:
    """The exact table of a side as integers, and the b of their unit 2^-b."""
    if tables.factors is None:
        table = getattr(tables, side)
        return _integers(table, _bits(table)), _bits(table)
    embed, weight = tables.factors.of(side)
    return _integers(embed, _bits(embed)) @ _integers(weight, _bits(weight)), _bits(embed) + _bits(weight)


def _bits(table: NDArray[np.float32]) -> int:
    """Least b >= 0 such that 2^b times every entry is an integer."""
    mantissas, exponents = np.frexp(table[table != 0].astype(np.float64))
    whole = np.abs(np.ldexp(mantissas, 24)).astype(np.int64)  # float32 has 24 bits
    trailing = np.log2((whole & -whole).astype(np.float64)).astype(np.int64)
    return max(0, int((24 - exponents - trailing).max(initial=0)))


def _integers(table: NDArray[np.float32], bits: int) -> NDArray[Any]:
    """Python integers 2^bits * entry, dtype object."""
    mantissas, exponents = np.frexp(table.astype(np.float64))
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    shifts = exponents.astype(np.int64) - 53 + bits
    pairs = zip(whole.ravel().tolist(), shifts.ravel().tolist(), strict=True)
    integers = [value << shift if shift >= 0 else value >> -shift for value, shift in pairs]
    return np.array(integers, dtype=object).reshape(table.shape)
