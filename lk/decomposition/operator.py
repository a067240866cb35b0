"""The map from effects to values, for NumPy vectors of one game: what all engines of the decomposition share.

A vector of effects has length 2 * 2**n: AND effects first, OR effects after them. The empty coalition has no effect,
and OR effects of order one do not exist beside the AND effects of the same players, which fire on the same masked
samples (Cheng et al., 2024, App. M.4). With D this map, u the centred game and `bound` the largest residual, the
decomposition of the paper's Sect. 3.2.2 is the linear programme

    minimise  sum_j weight_j |effect_j|   subject to  |u(T) - (D effects)(T)| <= bound  for every non-empty coalition T,

    maximise  u . y - bound |y|_1         subject to  |D^T y|_j <= weight_j  (its dual, y one multiplier per coalition).
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lk.transforms import FAST, add_subsets, add_supersets

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]


@njit(cache=True, nogil=True, fastmath=FAST)
def values_of(effects: Any) -> Any:
    """D: the centred game that effects `(2 * 2**n,)` add up to, shape `(2**n,)`."""
    size = effects.shape[0] // 2
    values = effects[:size].copy()
    untouched = effects[size:].copy()
    add_subsets(values)
    add_subsets(untouched)
    for i in range(size):
        values[i] += untouched[size - 1] - untouched[size - 1 - i]
    return values


@njit(cache=True, nogil=True, fastmath=FAST)
def sums_where_firing(multipliers: Any) -> Any:
    """D^T: for each effect the sum of multipliers `(2**n,)` over the coalitions where it fires, shape `(2 * 2**n,)`."""
    size = multipliers.shape[0]
    sums = np.empty(2 * size)
    for i in range(size):
        sums[i] = multipliers[i]
    untouched = multipliers.copy()
    add_supersets(sums[:size])
    add_subsets(untouched)
    for i in range(size):
        sums[size + i] = untouched[size - 1] - untouched[size - 1 - i]
    return sums


@njit(cache=True, nogil=True)
def fires(effect: Any, coalition: Any, size: Any) -> Any:
    """The entry D[coalition, effect].

    One where all players of an AND effect, or any player of an OR effect, are present.
    """
    if effect < size:
        return 1.0 if effect & coalition == effect else 0.0
    return 1.0 if (effect - size) & coalition else 0.0


@njit(cache=True, nogil=True)
def block_of(coalitions: Any, effects: Any, size: Any) -> Any:
    """The dense block D[coalitions, effects]."""
    block = np.empty((coalitions.shape[0], effects.shape[0]))
    for i in range(coalitions.shape[0]):
        for j in range(effects.shape[0]):
            block[i, j] = fires(effects[j], coalitions[i], size)
    return block


@njit(cache=True, nogil=True, fastmath=FAST)
def normal_matrix(scales: Any, coalitions: Any) -> Any:
    """Lower triangle of D diag(scales) D^T on the given ascending coalitions, from two butterflies and a gather.

    Two coalitions share the AND effects inside their intersection, and the OR effects that neither leaves untouched.
    """
    size = scales.shape[0] // 2
    shared = scales[:size].copy()
    untouched = scales[size:].copy()
    add_subsets(shared)
    add_subsets(untouched)
    full = size - 1
    count = coalitions.shape[0]
    transposed = np.empty((count, count))  # returned as its transpose: LAPACK reads columns first
    for j in range(count):
        right = coalitions[j]
        touched = untouched[full] - untouched[full ^ right]
        for i in range(j, count):
            left = coalitions[i]
            transposed[j, i] = (
                shared[left & right] + (touched - untouched[full ^ left]) + untouched[full ^ (left | right)]
            )
    return transposed.T


@lru_cache(maxsize=32)
def possible_effects(n: int) -> Flags:
    """Which of the 2 * 2**n entries are effects: AND of order one and more, OR of order two and more."""
    order = effect_orders(n)
    possible = order >= np.repeat([1, 2], 1 << n)
    possible.flags.writeable = False
    return possible


@lru_cache(maxsize=32)
def effect_orders(n: int) -> Indices:
    """The order |S| of each of the 2 * 2**n entries."""
    order = np.array([index.bit_count() for index in range(1 << n)], dtype=np.int64)
    order = np.concatenate([order, order])
    order.flags.writeable = False
    return order
