"""How much of what one sees is choice: the range of each order's strength over all optimal decompositions."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lk.decomposition.engines import solve, tasks_of, weights
from lk.decomposition.operator import effect_orders
from lk.decomposition.parallel import in_threads
from lk.transforms import number_of_players


@dataclass(frozen=True)
class GaugeInterval:
    """Least and greatest strength of each order among optima, float64, shape `(n, ...)`: row m - 1 holds order m."""

    low: Tensor
    high: Tensor


def gauge_interval(
    v: Tensor, kappa: float = 0.04, *, bound: Tensor | float | None = None, spread: float = 1e-5
) -> GaugeInterval:
    r"""The range over the optimal face of the strength of each order.

    .. math:: \min, \max \sum_{|S| = m} |I_{and}(S)| + |I_{or}(S)| \quad \text{among all decompositions of least strength}

    A finding about orders holds for the game, and not for the rule that chose among optima, when it holds over the whole range. Each end
    is found by making order m dearer, or cheaper, by `spread`: a decomposition for each, so 2 n of them. The objective of the answers
    exceeds the least by at most that share.

    Args:
        v: values, shape `(2**n, ...)`.
        kappa: largest residual as a share of |v(N) - v(empty)|.
        bound: largest residual in the unit of `v`, in place of `kappa`.
        spread: by how much order m is made dearer or cheaper.

    Returns:
        Both ends, in the unit of `v`.

    Raises:
        ValueError: as `decompose`.

    Example:
        >>> v = torch.tensor([0.0, 0.0, 1.0, 0.0])  # x2 - (x1 and x2), or (x1 or x2) - x1
        >>> found = gauge_interval(v, kappa=0.0)
        >>> found.low.round(decimals=3).tolist(), found.high.round(decimals=3).tolist()
        ([1.0, 1.0], [1.0, 1.0])
    """
    n = number_of_players(v)
    tasks = tasks_of(v, kappa, spread, bound)
    order = effect_orders(n)

    def strength(job: tuple[int, int, float]) -> float:
        game, m, tilt = job
        weight = weights(n, 0.0, "none") * np.where(order == m, 1 + tilt, 1.0)
        answer = solve(tasks[game], weight, spread, "auto", True)  # exact: the tilt is smaller than any gap
        return float(np.abs(answer.effects[order == m]).sum()) * tasks[game].unit

    def ends(tilt: float) -> Tensor:
        jobs = [(game, m, tilt) for m in range(1, n + 1) for game in range(len(tasks))]
        return torch.tensor(in_threads(strength, jobs), dtype=torch.float64).reshape(n, *v.shape[1:]).to(v.device)

    return GaugeInterval(low=ends(spread), high=ends(-spread))
