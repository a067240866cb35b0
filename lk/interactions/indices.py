"""Classical attributions, read off AND and OR effects.

Sums over the effects that a player, or a set of players, takes part in.

Every function takes `and_` and `or_` of shape `(2**n, ...)`, as `decompose` returns them, and speaks of the game that
they explain, v - delta. An OR effect is the dual of an AND effect, so that its indices are those of the AND effect up
to the sign (-1)**(|T| + 1).
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lk.transforms import harsanyi, inverse_or_interactions, number_of_players, orders, players_of, superset_sums

if TYPE_CHECKING:
    from shapiq import InteractionValues


def shapley_values(and_: Tensor, or_: Tensor) -> Tensor:
    r"""Shapley values: each effect is shared equally by its players.

    .. math:: \phi(i) = \sum_{S \ni i} \frac{I_{and}(S) + I_{or}(S)}{|S|}

    Source: Cheng et al., ICML 2024, App. B; Harsanyi, 1963.

    Args:
        and_: AND effects, shape `(2**n, ...)`.
        or_: OR effects, same shape.

    Returns:
        One value per player, shape `(n, ...)`, in the unit of the effects.

    Example:
        >>> shapley_values(torch.tensor([0.0, 1.0, 0.0, 4.0]), torch.zeros(4)).tolist()
        [3.0, 2.0]
    """
    return _of_players(_shared(and_ + or_, 1 / _order(and_).clamp(min=1)))


def banzhaf_values(and_: Tensor, or_: Tensor) -> Tensor:
    r"""Banzhaf values: the mean marginal contribution over all coalitions of the others.

    .. math:: \beta(i) = \sum_{S \ni i} 2^{1-|S|} (I_{and}(S) + I_{or}(S))

    Source: Grabisch and Roubens, 1999, for the AND part; the OR part follows by duality.

    Args:
        and_: AND effects, shape `(2**n, ...)`.
        or_: OR effects, same shape.

    Returns:
        One value per player, shape `(n, ...)`, in the unit of the effects.

    Example:
        >>> banzhaf_values(torch.tensor([0.0, 1.0, 0.0, 4.0]), torch.zeros(4)).tolist()
        [3.0, 2.0]
    """
    return _of_players(_shared(and_ + or_, 2 ** (1 - _order(and_))))


def shapley_interactions(and_: Tensor, or_: Tensor) -> Tensor:
    r"""Shapley interaction indices of all sets of players.

    .. math::

        SII(T) = \sum_{S \supseteq T} \frac{I_{and}(S) - (-1)^{|T|} I_{or}(S)}{|S| - |T| + 1}, \qquad T \ne \emptyset

    The weight is the integral of q**(|S| - |T|) over q in [0, 1], and Gauss-Legendre nodes integrate it exactly: a
    butterfly per node.

    Source: Grabisch and Roubens, 1999.

    Args:
        and_: AND effects, shape `(2**n, ...)`.
        or_: OR effects, same shape.

    Returns:
        Indices, shape `(2**n, ...)`; entry 0 is zero.

    Example:
        >>> shapley_interactions(torch.tensor([0.0, 1.0, 0.0, 4.0]), torch.zeros(4)).tolist()
        [0.0, 3.0, 2.0, 4.0]
    """
    nodes, weights = np.polynomial.legendre.leggauss(number_of_players(and_) // 2 + 1)
    parts = (w / 2 * _discounted(and_, or_, (q + 1) / 2) for q, w in zip(nodes.tolist(), weights.tolist(), strict=True))
    return torch.stack(list(parts)).sum(0)


def banzhaf_interactions(and_: Tensor, or_: Tensor) -> Tensor:
    r"""Banzhaf interaction indices of all sets of players.

    .. math:: BII(T) = \sum_{S \supseteq T} 2^{|T|-|S|} (I_{and}(S) - (-1)^{|T|} I_{or}(S)), \qquad T \ne \emptyset

    Source: Grabisch and Roubens, 1999.

    Args:
        and_: AND effects, shape `(2**n, ...)`.
        or_: OR effects, same shape.

    Returns:
        Indices, shape `(2**n, ...)`; entry 0 is zero.

    Example:
        >>> banzhaf_interactions(torch.tensor([0.0, 1.0, 0.0, 4.0]), torch.zeros(4)).tolist()
        [0.0, 3.0, 2.0, 4.0]
    """
    return _discounted(and_, or_, 0.5)


def shapley_taylor(and_: Tensor, or_: Tensor, order: int) -> Tensor:
    r"""Shapley-Taylor indices up to an order k: lower orders are dividends, order k shares what lies above.

    .. math:: STI_k(T) = m(T), \; |T| < k; \qquad STI_k(T) = \sum_{S \supseteq T} m(S) / \tbinom{|S|}{k}, \; |T| = k

    with m the Harsanyi dividends of the explained game, AND and OR together.

    Source: Sundararajan, Dhamdhere and Agarwal, ICML 2020.

    Args:
        and_: AND effects, shape `(2**n, ...)`.
        or_: OR effects, same shape.
        order: k, between 1 and n.

    Returns:
        Indices, shape `(2**n, ...)`; zero for orders above k.

    Raises:
        ValueError: `order` is out of range.

    Example:
        >>> shapley_taylor(torch.tensor([0.0, 1.0, 0.0, 4.0]), torch.zeros(4), 1).tolist()
        [0.0, 3.0, 2.0, 0.0]
    """
    n = number_of_players(and_)
    if not 1 <= order <= n:
        raise ValueError(f"expected order from 1 to n = {n}, got order={order}. Choose an order that the game has.")
    size = _order(and_)
    dividends = moebius(and_, or_)
    above = torch.special.gammaln(size + 1) - torch.special.gammaln((size - order).clamp(min=0) + 1)
    binomial = (above - torch.special.gammaln(torch.tensor(order + 1.0, dtype=size.dtype))).exp().round()
    shared = superset_sums(_shared(dividends, torch.where(size >= order, 1 / binomial.clamp(min=1), 0)))
    return torch.where(
        _along(size == order, and_),
        shared,
        torch.where(_along(size < order, and_), dividends, torch.zeros_like(dividends)),
    )


def moebius(and_: Tensor, or_: Tensor) -> Tensor:
    """Harsanyi dividends of the explained game: OR effects rewritten as AND effects, shape `(2**n, ...)`.

    Example:
        >>> moebius(torch.zeros(4), torch.tensor([0.0, 0.0, 0.0, 1.0])).tolist()
        [0.0, 1.0, 1.0, -1.0]
    """
    return and_ + harsanyi(inverse_or_interactions(or_))


def to_shapiq(and_: Tensor, or_: Tensor) -> "InteractionValues":
    """The Harsanyi dividends of one explained game, as an object of the shapiq library.

    Args:
        and_: AND effects, shape `(2**n,)`.
        or_: OR effects, same shape.

    Returns:
        `shapiq.InteractionValues` with index "Moebius", all orders.

    Raises:
        ImportError: shapiq is not installed.
        ValueError: more than one game.

    Example:
        >>> to_shapiq(torch.tensor([0.5, 1.0, 0.0, 4.0]), torch.zeros(4))[(0, 1)]
        4.0
    """
    try:
        from shapiq import InteractionValues
    except ImportError as error:
        raise ImportError("expected the shapiq library, got none installed. Install it: pip install shapiq.") from error
    if and_.ndim != 1:
        raise ValueError(
            f"expected one game, got and_.shape={tuple(and_.shape)}. Choose one by its trailing index, such as and_[:, "
            "0, 0]."
        )
    n = number_of_players(and_)
    return InteractionValues(
        values=moebius(and_, or_).cpu().numpy().astype(np.float64),
        index="Moebius",
        n_players=n,
        min_order=0,
        max_order=n,
        interaction_lookup={players_of(index): index for index in range(2**n)},
        baseline_value=float(and_[0]),
    )


def _order(like: Tensor) -> Tensor:
    return orders(number_of_players(like)).to(like)


def _along(entries: Tensor, like: Tensor) -> Tensor:
    """One entry per coalition, shaped to meet the games of `like`."""
    return entries.to(like.device).reshape(-1, *[1] * (like.ndim - 1))


def _shared(effects: Tensor, share: Tensor) -> Tensor:
    return effects * _along(share, effects)


def _of_players(shares: Tensor) -> Tensor:
    """Sums over all coalitions with player i, for each i."""
    n = number_of_players(shares)
    return superset_sums(shares)[[1 << player for player in range(n)]]


def _discounted(and_: Tensor, or_: Tensor, discount: float) -> Tensor:
    """Sums over supersets, each further player discounted, with the sign of duality for OR effects."""
    sums = superset_sums(torch.stack([and_, or_], -1), discount)
    sign = torch.where(orders(number_of_players(and_)) % 2 == 1, 1.0, -1.0).to(and_)
    indices = sums[..., 0] + _shared(sums[..., 1], sign)
    indices[0] = 0.0
    return indices
