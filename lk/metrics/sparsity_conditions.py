"""Whether a game meets the conditions under which its interactions are proven to be sparse (Ren et al., ICLR 2024)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lk.interactions import by_order
from lk.transforms import harsanyi, number_of_players


class SparsityConditions(NamedTuple):
    """What the three conditions ask for, of each game.

    Attributes:
        average: u(m), the mean of v(S) - v(empty) over all S of order m, shape `(n + 1, ...)`, in the unit of the
            values.
        above: Condition 1. Share of the strength of AND interactions that lies above order M, for M = 0 .. n, shape
            `(n + 1, ...)`; the condition holds for M where it is 0. NaN for a constant game.
        monotone: Condition 2. Whether u(m') <= u(m) for all m' <= m, shape `(...)`.
        violation: Largest u(m') - u(m) over m' <= m, relative to |u(n)|, shape `(...)`; 0 where monotone, infinite
            where only u(n) is 0.
        power: Condition 3. The least p >= 0 with u(m') >= (m' / m)^p u(m) for all 1 <= m' <= m, shape `(...)`; infinite
            where no p will do.
    """

    average: Tensor
    above: Tensor
    monotone: Tensor
    violation: Tensor
    power: Tensor


def sparsity_conditions(values: Tensor) -> SparsityConditions:
    """Check the conditions of the sparsity theorem on each game, from its 2**n values.

    (1) no interactions above some order M; (2) the average value does not fall with the order; (3) it does not fall too
        fast towards
    low orders. They concern plain AND interactions (Harsanyi dividends), not those that are split into AND and OR.
    Together they bound the number of salient interactions only up to a factor that depends on how far effects cancel:
    x_1 + ... + x_n plus all pairs with balanced signs meets them with p = 1, and yet all pairs are salient. No bound is
    returned.

    Source: Ren et al., ICLR 2024, "Where We Have Arrived in Proving the Emergence of Sparse Interaction Primitives in
    DNNs".

    Args:
        values: v, shape `(2**n, ...)`.

    Returns:
        The conditions, in double precision.

    Raises:
        ValueError: The first axis is no power of two.

    Example:
        >>> found = sparsity_conditions(torch.tensor([0.0, 1.0, 1.0, 4.0]))  # x_1 + x_2 + 2 x_1 x_2
        >>> found.average.tolist(), found.above.tolist(), bool(found.monotone), float(found.power)
        ([0.0, 1.0, 4.0], [1.0, 0.5, 0.0], True, 2.0)
    """
    n = number_of_players(values)
    centred = values.double() - values[:1].double()
    sizes = torch.tensor([math.comb(n, m) for m in range(n + 1)], dtype=torch.float64, device=values.device)
    average = by_order(centred) / sizes.reshape(-1, *[1] * (values.ndim - 1))
    strength = by_order(harsanyi(centred).abs())
    total = strength.sum(0)
    above = (strength.flip(0).cumsum(0).flip(0) - strength) / total.where(total > 0, torch.nan)
    # A mean of equal numbers is off by a rounding: what is that small is no fall.
    rounding = 1e-12 * centred.abs().amax(0)
    fall = (average.cummax(0).values - average).amax(0)
    fall = fall.where(fall > rounding, 0.0)
    violation = torch.where(fall > 0, fall / average[-1].abs(), fall)
    return SparsityConditions(average, above, fall == 0, violation, _least_power(average))


def _least_power(average: Tensor) -> Tensor:
    """The least p >= 0 with u(m') >= (m' / m)^p u(m).

    Each pair gives a lower bound of p, an upper one, none, or rules out all p.
    """
    least, most = torch.zeros_like(average[0]), torch.full_like(average[0], torch.inf)
    for high in range(2, len(average)):
        for low in range(1, high):
            small, large = average[low], average[high]
            bound = (small / large).log() / math.log(low / high)  # where both have one sign
            least = torch.where((small > 0) & (large > 0), torch.maximum(least, bound), least)
            most = torch.where((small < 0) & (large < 0), torch.minimum(most, bound), most)
            impossible = (small <= 0) & (large > 0) | (small < 0) & (large == 0)
            least = torch.where(impossible, torch.inf, least)
    return torch.where((least <= most) & least.isfinite(), least, torch.inf)
