"""How much of a coalition's part of the input is noise (Cheng et al., ICML 2024, App. L)."""

import torch
from torch import Tensor

from lk.games.game import count_players


def noise_share(x: Tensor, noisy: Tensor, owner: Tensor) -> Tensor:
    r"""Size of the noise on the players of each coalition, relative to the size of their own entries.

    .. math:: Ratio_S = \frac{\|x^\epsilon_S - x_S\|}{\|x_S\|}

    Norms are Euclidean, over the entries that players of S own. If the ratio does not depend on the order, interactions
    of high order are not less stable because they get more noise.

    Source: Cheng et al., ICML 2024, App. L and Fig. 12.

    Args:
        x: Samples `(samples, *input)`.
        noisy: The same with noise, `(draws, samples, *input)`.
        owner: Owner of each entry, `(samples, *input)`, broadcastable over the input (`lk.games.Players.divide`); -1 is
            background. Missing axes at the end are features: `(samples, length)` goes with inputs
            `(samples, length, hidden)`.

    Returns:
        Shape `(2**n, draws, samples)`, without unit; NaN for the empty coalition and where the players' entries are all
        zero.

    Raises:
        ValueError: `noisy` has another shape than draws of `x`.

    Example:
        >>> x, noisy = torch.tensor([[3.0, 4.0]]), torch.tensor([[[3.0, 5.0]]])
        >>> noise_share(x, noisy, torch.tensor([[0, 1]])).flatten().tolist()
        [nan, 0.0, 0.25, 0.20000000298023224]
    """
    if noisy.shape[1:] != x.shape:
        raise ValueError(
            f"expected noisy of shape (draws, {', '.join(map(str, x.shape))}), got noisy.shape={tuple(noisy.shape)}. "
            "Stack the draws of noise along the first axis."
        )
    n = count_players(owner)
    owner = owner.reshape(*owner.shape, *[1] * (x.ndim - owner.ndim)).expand_as(x).flatten(1)
    place = owner.where(owner >= 0, n)  # the background in a column of its own

    def squared_norms(entries: Tensor) -> Tensor:
        """Of all coalitions, `(2**n, draws, samples)`: squares add over players."""
        squares = entries.double().square().flatten(2)
        players = squares.new_zeros(*squares.shape[:2], n + 1).scatter_add_(2, place.expand_as(squares), squares)
        sums = players.new_zeros(1, *players.shape[:2])
        for player in range(n):
            sums = torch.cat([sums, sums + players[..., player]])
        return sums

    own = squared_norms(x[None])
    return (squared_norms(noisy - x) / own.where(own > 0, torch.nan)).sqrt().to(x.dtype)
