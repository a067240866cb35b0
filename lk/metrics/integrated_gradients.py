"""Integrated gradients: an attribution to compare interactions with (Sundararajan et al., ICML 2017)."""

from collections.abc import Callable

import torch
from torch import Tensor


def integrated_gradients(function: Callable[[Tensor], Tensor], x: Tensor, baseline: Tensor, steps: int = 64) -> Tensor:
    r"""What each entry of one input adds to a score, along the straight path from the baseline.

    .. math:: (x_i - b_i) \int_0^1 \frac{\partial f}{\partial x_i}\bigl(b + t \, (x - b)\bigr) \, dt

    The integral is taken by the midpoint rule: exact for polynomials of degree two and less, with an error of order 1 /
    steps^2 for smooth functions. Completeness, the sum being f(x) - f(b), holds up to that error.

    Source: Sundararajan et al., ICML 2017, Eq. 1 (the rule differs: Eq. 3 takes right ends).

    Args:
        function: Scores `(batch,)` of inputs `(batch, *input)`, differentiable, each row by itself (a network in
            evaluation mode).
        x: One input, floating point.
        baseline: Where the path begins, shape of `x`.
        steps: Points of the path; they pass the function as one batch.

    Returns:
        Shape of `x`, in the unit of the score.

    Raises:
        ValueError: `steps` is below 1, the baseline has another shape, or the function returns something else than one
            number per row.

    Example:
        >>> product = lambda batch: batch[:, 0] * batch[:, 1]
        >>> integrated_gradients(product, torch.tensor([2.0, 3.0]), torch.zeros(2)).tolist()
        [3.0, 3.0]
    """
    if steps < 1 or x.shape != baseline.shape:
        raise ValueError(
            f"expected steps of at least 1 and equal shapes, got steps={steps}, x.shape={tuple(x.shape)}, "
            f"baseline.shape={tuple(baseline.shape)}. Expand the baseline to the shape of x."
        )
    times = (torch.arange(steps, dtype=x.dtype, device=x.device) + 0.5) / steps
    path = torch.lerp(baseline, x, times.reshape(-1, *[1] * x.ndim)).detach()
    with torch.enable_grad():
        path.requires_grad_()
        scores = function(path)
        if scores.shape != (steps,):
            raise ValueError(
                f"expected scores of shape ({steps},) from function, got shape {tuple(scores.shape)}. Return one "
                "number for each input."
            )
        (gradients,) = torch.autograd.grad(scores.sum(), path)
    return (x - baseline).detach() * gradients.mean(0)


def by_player(attribution: Tensor, owner: Tensor, n: int) -> Tensor:
    """Attribution of each player: the sum over the entries that it owns.

    Args:
        attribution: A number for each entry of one input, shape `input`.
        owner: Owner of each entry, broadcastable over the input; -1, the background, is left out. Missing axes at the
            end are features: owners `(length,)` go with embeddings `(length, hidden)`.
        n: Number of players; one that owns nothing gets 0.

    Returns:
        Shape `(n,)`, in the unit of the attribution.

    Raises:
        ValueError: An owner is n or above.

    Example:
        >>> by_player(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), torch.tensor([1, -1, 0]), n=2).tolist()
        [11.0, 3.0]
    """
    if owner.numel() and int(owner.max()) >= n:
        raise ValueError(f"expected owners from -1 to {n - 1}, got {int(owner.max())} with n={n}. Raise n.")
    entries = owner.reshape(*owner.shape, *[1] * (attribution.ndim - owner.ndim)).expand_as(attribution).flatten()
    owned = entries >= 0
    return attribution.new_zeros(n).index_add_(0, entries[owned], attribution.flatten()[owned])
