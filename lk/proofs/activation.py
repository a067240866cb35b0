"""Activations whose values are exact in rational arithmetic.

So that a network's outputs can be compared without doubt.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from lk.proofs.rounding import Floats, Ints

ACTIVATIONS = {"relu": 0, "abs": 1, "square": 2}


def apply(values: Any, name: str) -> Any:
    """The activation of an array; exact integers (dtype object) stay exact.

    Example:
        >>> apply(np.array([-2.0, 3.0]), "relu").tolist()
        [0.0, 3.0]
    """
    return np.maximum(values, 0) if name == "relu" else np.abs(values) if name == "abs" else values * values


def magnitude(values: Floats, name: str) -> Floats:
    """A function a with `act(l + r) <= a(l) + a(r)`: |v|, or 2 v^2 for the square.

    It makes bounds on rounding separable in x and y.
    """
    return 2.0 * values * values if name == "square" else np.abs(values)


@njit(cache=True, nogil=True)
def hidden(left: Any, right: Any, xs: Ints, ys: Ints, kind: int, out: Any) -> None:
    """`out[i, p] = act(left[i, xs[p]] + right[i, ys[p]])`, each with one rounding (two for the square).

    Args:
        left: Shape `(m, n)`, neurons first.
        right: Shape `(m, n)`.
        xs: Left input of each pair, shape `(pairs,)`.
        ys: Right input of each pair.
        kind: A value of `ACTIVATIONS`.
        out: Shape `(m, pairs)`, written.
    """
    for i in range(left.shape[0]):
        a, b, o = left[i], right[i], out[i]
        if kind == 0:
            for p in range(xs.shape[0]):
                o[p] = max(a[xs[p]] + b[ys[p]], 0.0)
        elif kind == 1:
            for p in range(xs.shape[0]):
                o[p] = abs(a[xs[p]] + b[ys[p]])
        else:
            for p in range(xs.shape[0]):
                t = a[xs[p]] + b[ys[p]]
                o[p] = t * t


class Halves(NamedTuple):
    """The two tables of some neurons, neurons first, and their activation.

    Attributes:
        left: Shape `(k, n)`.
        right: Shape `(k, n)`.
        kind: A value of `ACTIVATIONS`.
    """

    left: Any
    right: Any
    kind: int


class Neurons:
    """Neurons of a network, neurons first: their activations on chunks of pairs.

    Args:
        left: Shape `(n, m)`.
        right: Shape `(n, m)`.
        activation: Name.
        dtype: Type in which they are evaluated.
    """

    def __init__(self, left: Any, right: Any, activation: str, dtype: Any = np.float64) -> None:
        self.left, self.right = (np.ascontiguousarray(table.T, dtype) for table in (left, right))
        self.kind = ACTIVATIONS[activation]

    @property
    def halves(self) -> Halves:
        """Its tables and activation, for compiled functions."""
        return Halves(self.left, self.right, self.kind)

    def __call__(self, xs: Ints, ys: Ints, out: Any = None) -> Any:
        """Shape `(m, pairs)`, written to `out` if it is given."""
        out = np.empty((len(self.left), len(xs)), self.left.dtype) if out is None else out
        hidden(self.left, self.right, xs, ys, self.kind, out)
        return out


def means(left: Floats, right: Floats, name: str) -> tuple[Floats, Floats]:
    """Means of `act(left[x] + right[y])` over y and over x, without the n^2 pairs: O(n m log n) by sorting.

    Nothing is proven about their rounding: a verifier uses them as the numbers that they are.

    Args:
        left: Shape `(n, m)`.
        right: Shape `(n, m)`.
        name: Activation.

    Returns:
        Mean over y, shape `(n, m)` by x; mean over x, shape `(n, m)` by y.
    """
    return _mean(left, right, name), _mean(right, left, name)


def _mean(fixed: Floats, averaged: Floats, name: str) -> Floats:
    n = len(averaged)
    if name == "square":
        return np.asarray(fixed**2 + 2.0 * fixed * averaged.mean(0) + (averaged**2).mean(0))
    ordered = np.sort(averaged, axis=0)
    above = np.vstack(
        [np.cumsum(ordered[::-1], axis=0)[::-1], np.zeros((1, averaged.shape[1]))]
    )  # sum of the entries from k on
    first = np.empty(fixed.shape, dtype=np.int64)
    for i in range(fixed.shape[1]):
        first[:, i] = np.searchsorted(ordered[:, i], -fixed[:, i], side="right")
    relu = ((n - first) * fixed + np.take_along_axis(above, first, axis=0)) / n
    return relu if name == "relu" else np.asarray(2.0 * relu - fixed - averaged.mean(0))
