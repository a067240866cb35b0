"""How steady effects are when the input is disturbed (Cheng et al., ICML 2024, Eq. 10)."""

import torch
from torch import Tensor

from lk.interactions import by_order


def stability(effects: Tensor) -> Tensor:
    r"""Mean effect over draws of noise, in units of its deviation.

    .. math:: \frac{|E_\epsilon I(S \mid x + \epsilon)|}{\sqrt{Var_\epsilon I(S \mid x + \epsilon)}}

    The variance is that of the noise, of which the draws are a sample: it is estimated without bias (divisor draws -
    1), so that few and many draws aim at the same number. The paper does not say which it uses.

    Source: Cheng et al., ICML 2024, Eq. 10, before both averages; `mean_by_order` takes the one over interactions.

    Args:
        effects: Effects of one kind on the disturbed samples, `(2**n, ..., draws)`.

    Returns:
        Shape `(2**n, ...)`, without unit, never negative; NaN where all draws agree, for the variance is then zero.

    Raises:
        ValueError: Fewer than two draws.

    Example:
        >>> stability(torch.tensor([[1.0, 3.0], [-2.0, -2.0]])).tolist()
        [1.4142135381698608, nan]
    """
    draws = effects.shape[-1] if effects.ndim > 1 else 0
    if draws < 2:
        raise ValueError(
            "expected effects of shape (2**n, ..., draws) with at least 2 draws, got "
            f"effects.shape={tuple(effects.shape)}. Draw more noise: a variance needs two."
        )
    # Equal numbers have a mean that is off by a rounding, and then a tiny variance: compare them themselves.
    deviation = effects.std(-1).where(effects.amax(-1) > effects.amin(-1), torch.nan)
    return effects.mean(-1).abs() / deviation


def mean_by_order(x: Tensor, chosen: Tensor) -> Tensor:
    """Mean over the chosen coalitions of each order, of what is finite.

    Args:
        x: A number for each coalition, `(2**n, ...)`; the empty coalition is ignored, and so is what is NaN or
            infinite.
        chosen: Which coalitions count, broadcastable to the shape of `x`, such as the salient ones.

    Returns:
        Shape `(n + 1, ...)`, in the unit of `x`; NaN where nothing is left.

    Example:
        >>> x = torch.tensor([9.0, 1.0, 3.0, 5.0])
        >>> mean_by_order(x, x < 4).tolist()
        [nan, 2.0, nan]
    """
    counts = chosen.expand_as(x) & x.isfinite()
    counts[0] = False
    number = by_order(counts.to(x.dtype))
    return by_order(x.where(counts, 0.0)) / number.where(number > 0, torch.nan)
