"""The optimal-face range: least and greatest strength of each order over all optimal decompositions."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lk.decomposition.operator import effect_orders
from lk.decomposition.problem import problems_of, weights
from lk.decomposition.solvers import EXACT, solve
from lk.transforms import number_of_players


@dataclass(frozen=True)
class OptimalFaceRange:
    """Least and greatest strength of each order among optima, float64, shape `(n, ...)`: row m - 1 holds order m."""

    low: Tensor
    high: Tensor


def optimal_face_range(
    v: Tensor, kappa: float = 0.04, *, bound: Tensor | float | None = None, spread: float = 1e-5
) -> OptimalFaceRange:
    r"""The range over the optimal face of the strength of each order.

    .. math::

        \min, \max \sum_{|S| = m} |I_{and}(S)| + |I_{or}(S)| \quad \text{among all decompositions of least strength}

    A finding about orders holds for the game, and not for the tie-break, when it holds over the whole range. Each end
    is found by making order m dearer, or cheaper, by `spread`, so 2 n decompositions per game. Their objective exceeds
    the least by at most that share.

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
        >>> found = optimal_face_range(v, kappa=0.0)
        >>> found.low.round(decimals=3).tolist(), found.high.round(decimals=3).tolist()
        ([1.0, 1.0], [1.0, 1.0])
    """
    n = number_of_players(v)
    order = effect_orders(n)
    plain = weights(n, 0.0, "none")
    problems = problems_of(v, kappa, spread, bound, plain)  # exact answers: the tilt is smaller than any gap

    def ends(tilt: float) -> Tensor:
        tilted = [np.where(order == m, plain * (1 + tilt), plain) for m in range(1, n + 1)]
        answers = solve([replace(problem, weight=weight) for weight in tilted for problem in problems], EXACT)
        strength = [
            float(np.abs(answer.effects[order == 1 + place // len(problems)]).sum())
            * problems[place % len(problems)].unit
            for place, answer in enumerate(answers)
        ]
        return torch.tensor(strength, dtype=torch.float64).reshape(n, *v.shape[1:]).to(v.device)

    return OptimalFaceRange(low=ends(spread), high=ends(-spread))
