r"""The theoretical curve of the order of interactions under parameter noise, fitted to each checkpoint.

A network whose output carries noise of variance :math:`c_T = 2^{|T|} \sigma^2` on every AND interaction T learns, in
place of the target :math:`w^*`,

.. math:: \hat w = (J^T J + 2^n \, \mathrm{diag}(c))^{-1} J^T J w^*, \qquad J_{TS} = [S \subseteq T].

High orders are suppressed most; training is a decrease of :math:`\sigma^2`. Source: arXiv 2405.10262 and 2407.19198, by
their project page; the target is not stated there. Here it is the last network's own Harsanyi dividends, so that the
last checkpoint is explained by :math:`\sigma = 0` by construction, and only earlier ones say anything.

Every matrix is a Kronecker product of 2x2 matrices, one per player: the solution for all :math:`\sigma` takes n 2^n
steps.
"""

import math

import torch
from torch import Tensor

from lk.interactions import by_order
from lk.transforms import harsanyi, inverse_harsanyi, inverse_or_interactions, number_of_players

VARIANCES = (0.0, *(10 ** (-8 + k / 4) for k in range(45)))  # sigma squared that is tried, up to 1 000


def along_players(x: Tensor, matrix: Tensor) -> Tensor:
    """The Kronecker power of a 2x2 matrix, applied to the coalition axis of `(2**n, ...)`."""
    n = number_of_players(x)
    for player in range(n):
        parts = x.reshape(2 ** (n - 1 - player), 2, 2**player, *x.shape[1:])
        x = torch.einsum("ab,hb...->ha...", matrix, parts).reshape(x.shape)
    return x


def noisy_optimum(target: Tensor, variances: Tensor) -> Tensor:
    """AND interactions that a network under noise learns, `(2**n, ..., variances)`.

    Args:
        target: The interactions that it would learn without noise, `(2**n, ...)`.
        variances: sigma squared, several.

    Example:
        >>> noisy_optimum(torch.tensor([0.0, 1.0, 1.0, 1.0]), torch.tensor([0.0]))[:, 0].round(decimals=4).tolist()
        [0.0, 1.0, 1.0, 1.0]
    """
    n, root = number_of_players(target), math.sqrt(0.5)
    # diag(c)^(-1/2) J^T J diag(c)^(-1/2) without sigma, for one player
    values, vectors = torch.linalg.eigh(torch.tensor([[2.0, root], [root, 0.5]], dtype=target.dtype))
    scale = torch.diag(torch.tensor([1.0, math.sqrt(2.0)], dtype=target.dtype))
    spectrum = along_players(torch.ones(2**n, dtype=target.dtype), torch.diag(values))[:, None]
    kept = spectrum / (spectrum + 2**n * variances.to(target.dtype))
    inside = along_players(along_players(target, scale), vectors.T.contiguous())
    filtered = inside[..., None] * kept.reshape(2**n, *[1] * (target.ndim - 1), -1)
    return along_players(along_players(filtered, vectors), torch.linalg.inv(scale))


def order_shares(effects: Tensor) -> Tensor:
    """Share of each order in the summed strength, `(n, ...)` for orders 1 to n."""
    strength = by_order(effects.abs())[1:]
    total = strength.sum(0)
    return strength / total.where(total > 0, torch.nan)


def dividends(effects: Tensor) -> Tensor:
    """Harsanyi dividends of the games that AND and OR effects rebuild, `(2, 2**n, ...)` to `(2**n, ...)`."""
    both = effects.double()
    found = harsanyi(inverse_harsanyi(both[0]) + inverse_or_interactions(both[1]))
    found[0] = 0
    return found


def fitted_noise(effects: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sigma squared whose curve is nearest to the measured shares of orders, and how near it is.

    Nearest is the least sum of squared differences of the shares, averaged over samples. Each half of the samples takes
    the sigma that fits the other half, so that the distances are not those of a fit to itself.

    Args:
        effects: AND and OR effects of one checkpoint and layer, `(2, 2**n, samples)`.
        target: Those of the last checkpoint.

    Returns:
        Sigma squared of each sample's half `(samples,)`; the distance of each sample's shares from the curve
        `(samples,)`; that of the target's own shares; and the mean curve over samples, `(n,)`.
    """
    real, optimum = order_shares(dividends(effects)), dividends(target)
    tried = torch.tensor(VARIANCES, dtype=torch.float64)
    curves = order_shares(noisy_optimum(optimum, tried))  # orders x samples x variances
    distance = (curves - real[..., None]).square().sum(0)
    best = torch.zeros(real.shape[1], dtype=torch.long)
    for own, other in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        best[own] = torch.nanmean(distance[other], 0).argmin()
    samples = torch.arange(real.shape[1])
    return tried[best], distance[samples, best], distance[:, 0], torch.nanmean(curves[:, samples, best], 1)
