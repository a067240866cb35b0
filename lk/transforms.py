"""The linear maps between values and interactions, as butterflies along the coalition axis.

Public functions take and return coalition-major tensors: shape `(2**n, ...)`, bit i of the first index is player i,
index 0 the empty coalition; trailing axes are games. A butterfly costs n * 2**n additions per game, against 4**n of a
dense matrix. `add_subsets` and `add_supersets` are the same sums, compiled and in place, for the loops of the solvers.
"""

from typing import Any

import torch
from numba import njit
from torch import Tensor

_SLAB = 1 << 16  # entries worked on at a time: within the fast cache of a core
_NARROWEST = 1 << 10  # entries side by side in memory, at least, in a slab of many coalitions

# Sums may be reordered, which lets the compiler use vector instructions; infinities keep their meaning.
FAST = {"reassoc", "contract", "nsz", "nnan"}


def number_of_players(values: Tensor) -> int:
    """The n of a tensor of shape `(2**n, ...)`.

    Raises:
        ValueError: the first axis is no power of two.

    Example:
        >>> number_of_players(torch.zeros(8, 5))
        3
    """
    coalitions = values.shape[0] if values.ndim else 0
    if coalitions < 1 or coalitions & (coalitions - 1):
        raise ValueError(
            f"expected a power of two of coalitions along the first axis, got {coalitions} (shape "
            f"{tuple(values.shape)}). List all 2**n coalitions."
        )
    return coalitions.bit_length() - 1


def orders(n: int) -> Tensor:
    """The order |S| of every coalition: an int64 tensor of shape `(2**n,)`.

    Example:
        >>> orders(2).tolist()
        [0, 1, 1, 2]
    """
    order = torch.zeros(1, dtype=torch.int64)
    for _ in range(n):
        order = torch.cat([order, order + 1])
    return order


def alternating(like: Tensor) -> Tensor:
    """(-1)^|S| of every coalition, shaped to meet the games of `like`, in its dtype and on its device.

    Example:
        >>> alternating(torch.zeros(4)).tolist()
        [1.0, -1.0, -1.0, 1.0]
    """
    signs = torch.where(orders(number_of_players(like)) % 2 == 0, 1.0, -1.0)
    return signs.to(like).reshape(-1, *[1] * (like.ndim - 1))


def players_of(index: int) -> tuple[int, ...]:
    """The players of the coalition with this index, in ascending order.

    Example:
        >>> players_of(0b1011)
        (0, 1, 3)
    """
    return tuple(player for player in range(index.bit_length()) if index >> player & 1)


def harsanyi(values: Tensor) -> Tensor:
    r"""AND interactions of a game: Harsanyi dividends, the Moebius transform.

    .. math:: I(S) = \sum_{T \subseteq S} (-1)^{|S|-|T|} v(T)

    Source: Cheng et al., ICML 2024, Eq. 1; Harsanyi, 1963.

    Args:
        values: v, shape `(2**n, ...)`, any floating dtype, any device; not modified.

    Returns:
        I, same shape, dtype, device and unit as `values`; `I[0] = v[0]`.

    Raises:
        ValueError: the first axis is no power of two.

    Example:
        >>> harsanyi(torch.tensor([1.0, 3.0, 4.0, 9.0])).tolist()
        [1.0, 2.0, 3.0, 3.0]
    """
    return _transformed(values, -1.0)


def inverse_harsanyi(interactions: Tensor) -> Tensor:
    r"""The game with these AND interactions.

    .. math:: v(T) = \sum_{S \subseteq T} I(S)

    Source: Cheng et al., ICML 2024, Theorem 3.3 with OR interactions equal to zero.

    Args:
        interactions: I, shape `(2**n, ...)`; not modified.

    Returns:
        v, same shape, dtype, device and unit.

    Raises:
        ValueError: the first axis is no power of two.

    Example:
        >>> inverse_harsanyi(torch.tensor([1.0, 2.0, 3.0, 3.0])).tolist()
        [1.0, 3.0, 4.0, 9.0]
    """
    return _transformed(interactions, 1.0)


def or_interactions(values: Tensor) -> Tensor:
    r"""OR interactions of a game.

    .. math::
        I(S) = -\sum_{T \subseteq S} (-1)^{|S|-|T|} v(N \setminus T), \quad S \neq \emptyset; \qquad
        I(\emptyset) = v(\emptyset)

    The formula itself would give `-v(N)` for the empty coalition; with `v(empty)` instead, the transform has an
    inverse.

    Source: Cheng et al., ICML 2024, Eq. 2 and Theorem 3.3.

    Args:
        values: v, shape `(2**n, ...)`; not modified.

    Returns:
        I, same shape, dtype, device and unit.

    Raises:
        ValueError: the first axis is no power of two.

    Example:
        >>> or_interactions(torch.tensor([0.0, 1.0, 1.0, 1.0])).tolist()  # player 0 or player 1
        [0.0, 0.0, 0.0, 1.0]
    """
    number_of_players(values)
    result = _in_place(values.flip(0).neg_(), -1.0)
    result[0] = values[0]
    return result


def inverse_or_interactions(interactions: Tensor) -> Tensor:
    r"""The game with these OR interactions.

    .. math:: v(T) = I(\emptyset) + \sum_{S \cap T \neq \emptyset} I(S)

    Source: Cheng et al., ICML 2024, Theorem 3.3 with AND interactions equal to zero.

    Args:
        interactions: I, shape `(2**n, ...)`; not modified.

    Returns:
        v, same shape, dtype, device and unit.

    Raises:
        ValueError: the first axis is no power of two.

    Example:
        >>> inverse_or_interactions(torch.tensor([0.0, 0.0, 0.0, 1.0])).tolist()
        [0.0, 1.0, 1.0, 1.0]
    """
    untouched = _transformed(interactions, 1.0)  # of the complement: the effects that do not fire
    return (untouched[-1:] - untouched.flip(0)).add_(interactions[:1])


def superset_sums(values: Tensor, discount: float = 1.0) -> Tensor:
    r"""Sums over supersets, the transpose of `inverse_harsanyi`.

    .. math:: f(T) = \sum_{S \supseteq T} d^{|S|-|T|} v(S)

    Args:
        values: shape `(2**n, ...)`; not modified.
        discount: d, the factor of each further player.

    Returns:
        f, same shape, dtype, device and unit.

    Raises:
        ValueError: the first axis is no power of two.

    Example:
        >>> superset_sums(torch.tensor([1.0, 2.0, 3.0, 4.0])).tolist()
        [10.0, 6.0, 7.0, 4.0]
        >>> superset_sums(torch.tensor([1.0, 2.0, 3.0, 4.0]), discount=0.5).tolist()
        [4.5, 4.0, 5.0, 4.0]
    """
    return _transformed(values, discount, to_absent=True)


def _transformed(values: Tensor, factor: float, to_absent: bool = False) -> Tensor:
    number_of_players(values)
    return _in_place(values.clone(memory_format=torch.contiguous_format), factor, to_absent)


def _in_place(values: Tensor, factor: float, to_absent: bool = False) -> Tensor:
    """One butterfly per player: add `factor` times the coalitions without the player to those with it, or back.

    `values` is contiguous and owned by the caller. On the CPU the players are taken in groups, and per group the tensor
    in slabs that hold all coalitions of the group for some of the others: memory is crossed once per group and not per
    player.
    """
    n = number_of_players(values)
    if not values.is_floating_point():
        raise ValueError(f"expected floating values, got values.dtype={values.dtype}. Convert with values.double().")
    if values.requires_grad or values.device.type != "cpu" or values.dtype not in (torch.float32, torch.float64):
        for player in range(n):
            halves = values.view(1 << (n - player - 1), 2, (1 << player) * values[0].numel())
            target, source = (halves[:, 0], halves[:, 1]) if to_absent else (halves[:, 1], halves[:, 0])
            target += factor * source
        return values
    flat = values.view(-1).numpy()
    first = 0
    while first < n and len(flat):
        inner = len(flat) >> (n - first)  # entries between two coalitions that differ in the first player of the group
        group = min(n - first, (_SLAB // min(inner, _NARROWEST)).bit_length() - 1)
        _butterflies(flat, inner, group, min(inner, _SLAB >> group), flat.dtype.type(factor), to_absent)
        first += group
    return values


@njit(cache=True, nogil=True)
def _butterflies(flat: Any, inner: int, group: int, width: int, factor: Any, to_absent: bool) -> None:
    """All butterflies of `group` players, slab by slab, two players per crossing of a slab."""
    block = inner << group
    for begin in range(0, flat.shape[0], block):
        for offset in range(begin, begin + inner, width):
            stop = min(width, begin + inner - offset)
            for player in range(0, group, 2):
                half = inner << player
                # The slab is one stretch of memory, or one stretch per coalition.
                step = half if width == inner else inner
                length = half if width == inner else stop
                paired = player + 1 < group
                for start in range(offset, offset + block, 4 * half if paired else 2 * half):
                    for row in range(start, start + half, step):
                        none, first = flat[row : row + length], flat[row + half : row + half + length]
                        if paired:
                            second = flat[row + 2 * half : row + 2 * half + length]
                            both = flat[row + 3 * half : row + 3 * half + length]
                            if to_absent:
                                _combine_four(both, second, first, none, factor)
                            else:
                                _combine_four(none, first, second, both, factor)
                        elif to_absent:
                            _combine(first, none, factor)
                        else:
                            _combine(none, first, factor)


@njit(cache=True, nogil=True)
def _combine(source: Any, target: Any, factor: Any) -> None:
    for i in range(source.shape[0]):
        target[i] += factor * source[i]


@njit(cache=True, nogil=True)
def _combine_four(none: Any, first: Any, second: Any, both: Any, factor: Any) -> None:
    """`_combine` for the first player, then for the second, in the same order of additions."""
    for i in range(none.shape[0]):
        p = first[i] + factor * none[i]
        both[i] = (both[i] + factor * second[i]) + factor * p
        second[i] += factor * none[i]
        first[i] = p


@njit(cache=True, nogil=True, fastmath=FAST)
def add_subsets(flat: Any, unit: int = 1, paired: bool = False) -> None:
    """Replace each entry by the sum over its subsets, in place.

    Args:
        flat: shape `(2**n * unit,)`, contiguous.
        unit: entries side by side that belong to one coalition; 1 for a single vector.
        paired: take two players per crossing of memory, which rounds differently.
    """
    total = flat.shape[0]
    half = unit
    if not paired and unit == 1 and total >= 4:  # slices of one entry are too short for the loops below
        for i in range(0, total, 4):
            none, first, second = flat[i], flat[i + 1], flat[i + 2]
            flat[i + 1] = none + first
            flat[i + 2] = none + second
            flat[i + 3] += none + first + second
        half = 4
    while paired and 4 * half <= total:
        for start in range(0, total, 4 * half):
            nones, firsts = flat[start : start + half], flat[start + half : start + 2 * half]
            seconds, boths = flat[start + 2 * half : start + 3 * half], flat[start + 3 * half : start + 4 * half]
            for i in range(half):
                p = nones[i] + firsts[i]
                boths[i] += seconds[i] + p
                seconds[i] += nones[i]
                firsts[i] = p
        half *= 4
    while half < total:
        for start in range(0, total, 2 * half):
            absent, present = flat[start : start + half], flat[start + half : start + 2 * half]
            for i in range(half):
                present[i] += absent[i]
        half *= 2


@njit(cache=True, nogil=True, fastmath=FAST)
def add_supersets(flat: Any, unit: int = 1, paired: bool = False) -> None:
    """Replace each entry by the sum over its supersets, in place; arguments as of `add_subsets`."""
    total = flat.shape[0]
    half = unit
    if not paired and unit == 1 and total >= 4:
        for i in range(0, total, 4):
            first, second, both = flat[i + 1], flat[i + 2], flat[i + 3]
            flat[i] += first + second + both
            flat[i + 1] = first + both
            flat[i + 2] = second + both
        half = 4
    while paired and 4 * half <= total:
        for start in range(0, total, 4 * half):
            nones, firsts = flat[start : start + half], flat[start + half : start + 2 * half]
            seconds, boths = flat[start + 2 * half : start + 3 * half], flat[start + 3 * half : start + 4 * half]
            for i in range(half):
                p = seconds[i] + boths[i]
                nones[i] += firsts[i] + p
                firsts[i] += boths[i]
                seconds[i] = p
        half *= 4
    while half < total:
        for start in range(0, total, 2 * half):
            absent, present = flat[start : start + half], flat[start + half : start + 2 * half]
            for i in range(half):
                absent[i] += present[i]
        half *= 2
