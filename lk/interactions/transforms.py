"""The linear maps between values and interactions, as butterflies along the coalition axis.

Every function takes and returns coalition-major tensors: shape `(2**n, ...)`, bit i of the first index is player i, index 0 the empty
coalition; trailing axes are games. A butterfly costs n * 2**n additions per game, against 4**n of a dense matrix.
"""

from collections.abc import Callable

import torch
from torch import Tensor

_CHUNK_BYTES = 1 << 20  # games are transformed in chunks of this size: about the fast cache of one core


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
    return _transformed(values, _subtract_absent)


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
    return _transformed(interactions, _add_absent)


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
    result = _in_place(values.flip(0).neg_(), _subtract_absent)
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
    untouched = _transformed(interactions, _add_absent)  # sums over subsets: of the complement, the terms that do not fire
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
    return _transformed(values, _add_present)


def _subtract_absent(absent: Tensor, present: Tensor) -> None:
    present -= absent


def _add_absent(absent: Tensor, present: Tensor) -> None:
    present += absent


def _add_present(absent: Tensor, present: Tensor) -> None:
    absent += present


_Butterfly = Callable[[Tensor, Tensor], None]


def _transformed(values: Tensor, butterfly: _Butterfly) -> Tensor:
    number_of_players(values)
    return _in_place(values.clone(memory_format=torch.contiguous_format), butterfly)


def _in_place(values: Tensor, butterfly: _Butterfly) -> Tensor:
    """Apply `butterfly(absent, present)` once per player; `values` is contiguous and owned by the caller."""
    n = number_of_players(values)
    if not values.is_floating_point():
        raise ValueError(f"interactions are differences of values, so values are floating point, not {values.dtype}")
    columns = values.view(values.shape[0], -1)
    width = columns.shape[1]
    if values.is_cuda or columns.numel() * columns.element_size() <= _CHUNK_BYTES:
        chunk = max(1, width)
    else:
        chunk = max(1, min(width, _CHUNK_BYTES // (columns.shape[0] * columns.element_size())))
    for start in range(0, width, chunk):
        part = columns[:, start : start + chunk]
        owned = part if part.is_contiguous() else part.contiguous()
        for player in range(n):
            halves = owned.view(-1, 2, (1 << player) * owned.shape[1])
            butterfly(halves[:, 0], halves[:, 1])
        if owned is not part:
            part.copy_(owned)
    return values
