"""The linear maps between values and interactions, as butterflies along the coalition axis.

Every function takes and returns coalition-major tensors: shape `(2**n, ...)`, bit i of the first index is player i, index 0 the empty
coalition; trailing axes are games. A butterfly costs n * 2**n additions per game, against 4**n of a dense matrix.
"""

from typing import Any

import torch
from numba import njit
from torch import Tensor

_SLAB = 1 << 16  # entries worked on at a time: within the fast cache of a core
_NARROWEST = 1 << 10  # entries side by side in memory, at least, in a slab of many coalitions


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
            f"the first axis lists all coalitions, so its length is a power of two, not {coalitions} (shape {tuple(values.shape)})"
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
    return _transformed(values, _SUBTRACT_ABSENT)


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
    return _transformed(interactions, _ADD_ABSENT)


def or_interactions(values: Tensor) -> Tensor:
    r"""OR interactions of a game.

    .. math:: I(S) = -\sum_{T \subseteq S} (-1)^{|S|-|T|} v(N \setminus T), \quad S \neq \emptyset; \qquad I(\emptyset) = v(\emptyset)

    The formula itself would give `-v(N)` for the empty coalition; with `v(empty)` instead, the transform has an inverse.

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
    result = _in_place(values.flip(0).neg_(), _SUBTRACT_ABSENT)
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
    untouched = _transformed(
        interactions, _ADD_ABSENT
    )  # sums over subsets: of the complement, the terms that do not fire
    return (untouched[-1:] - untouched.flip(0)).add_(interactions[:1])


def superset_sums(values: Tensor) -> Tensor:
    r"""Sums over supersets, the transpose of `inverse_harsanyi`.

    .. math:: f(T) = \sum_{S \supseteq T} v(S)

    Args:
        values: shape `(2**n, ...)`; not modified.

    Returns:
        f, same shape, dtype, device and unit.

    Raises:
        ValueError: the first axis is no power of two.

    Example:
        >>> superset_sums(torch.tensor([1.0, 2.0, 3.0, 4.0])).tolist()
        [10.0, 6.0, 7.0, 4.0]
    """
    return _transformed(values, _ADD_PRESENT)


_SUBTRACT_ABSENT, _ADD_ABSENT, _ADD_PRESENT = -1, 1, 2  # present -= absent; present += absent; absent += present


def _transformed(values: Tensor, kind: int) -> Tensor:
    number_of_players(values)
    return _in_place(values.clone(memory_format=torch.contiguous_format), kind)


def _in_place(values: Tensor, kind: int) -> Tensor:
    """Apply one butterfly per player; `values` is contiguous and owned by the caller.

    On the CPU the players are taken in groups, and per group the tensor in slabs that hold all coalitions of the group for some of the
    others: memory is crossed once per group and not once per player.
    """
    n = number_of_players(values)
    if not values.is_floating_point():
        raise ValueError(f"interactions are differences of values, so values are floating point, not {values.dtype}")
    if values.requires_grad or values.device.type != "cpu" or values.dtype not in (torch.float32, torch.float64):
        for player in range(n):
            halves = values.view(1 << (n - player - 1), 2, -1)
            _butterfly(halves[:, 0], halves[:, 1], kind)
        return values
    flat = values.view(-1).numpy()
    first = 0
    while first < n and len(flat):
        inner = len(flat) >> (n - first)  # entries between two coalitions that differ in the first player of the group
        group = min(n - first, (_SLAB // min(inner, _NARROWEST)).bit_length() - 1)
        _butterflies(flat, inner, group, min(inner, _SLAB >> group), kind)
        first += group
    return values


def _butterfly(absent: Tensor, present: Tensor, kind: int) -> None:
    if kind == _ADD_PRESENT:
        absent += present
    else:
        present.add_(absent, alpha=kind)


@njit(cache=True, nogil=True)
def _butterflies(flat: Any, inner: int, group: int, width: int, kind: int) -> None:
    """All butterflies of `group` players, slab by slab, two players per crossing of a slab."""
    block = inner << group
    for begin in range(0, flat.shape[0], block):
        for offset in range(begin, begin + inner, width):
            stop = min(width, begin + inner - offset)
            for player in range(0, group, 2):
                half = inner << player
                step = (
                    half if width == inner else inner
                )  # the slab is one stretch of memory, or one stretch per coalition
                length = half if width == inner else stop
                if player + 1 < group:
                    for start in range(offset, offset + block, 4 * half):
                        for row in range(start, start + half, step):
                            _combine_four(
                                flat[row : row + length],
                                flat[row + half : row + half + length],
                                flat[row + 2 * half : row + 2 * half + length],
                                flat[row + 3 * half : row + 3 * half + length],
                                kind,
                            )
                else:
                    for start in range(offset, offset + block, 2 * half):
                        for row in range(start, start + half, step):
                            _combine(flat[row : row + length], flat[row + half : row + half + length], kind)


@njit(cache=True, nogil=True)
def _combine(absent: Any, present: Any, kind: int) -> None:
    if kind == -1:
        for i in range(absent.shape[0]):
            present[i] -= absent[i]
    elif kind == 1:
        for i in range(absent.shape[0]):
            present[i] += absent[i]
    else:
        for i in range(absent.shape[0]):
            absent[i] += present[i]


@njit(cache=True, nogil=True)
def _combine_four(none: Any, first: Any, second: Any, both: Any, kind: int) -> None:
    """`_combine` for the first player, then for the second, in the same order of additions."""
    if kind == -1:
        for i in range(none.shape[0]):
            p = first[i] - none[i]
            both[i] = (both[i] - second[i]) - p
            second[i] -= none[i]
            first[i] = p
    elif kind == 1:
        for i in range(none.shape[0]):
            p = first[i] + none[i]
            both[i] = (both[i] + second[i]) + p
            second[i] += none[i]
            first[i] = p
    else:
        for i in range(none.shape[0]):
            p = second[i] + both[i]
            none[i] = (none[i] + first[i]) + p
            first[i] += both[i]
            second[i] = p
