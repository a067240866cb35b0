"""The published rule: gradient descent on the split of the values and on the residual, kept for comparison.

Source: Cheng et al., ICML 2024, Sect. 3.2.2, with the settings of the public code `sjtu-xai-lab/interaction-concept`.
Split and residual start at zero; SGD has momentum 0.9 and a learning rate falling from 1e-5 to 1e-6 on a logarithmic
scale over 10 000 steps; the residual is clamped after each step; the loss is the plain sum of strengths. Answers carry
a lower bound of zero, because the rule proves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lk.decomposition.problem import Answer, Problem
from lk.transforms import alternating, harsanyi, number_of_players, or_interactions, orders, superset_sums


@dataclass(frozen=True)
class PublishedRule:
    r"""The published rule as a solver.

    .. math::
        I_{and} = A\left(\tfrac{v - \delta}{2} + \gamma\right), \quad
        I_{or} = O\left(\tfrac{v - \delta}{2} - \gamma\right), \quad
        \min_{\gamma, \delta} |I_{and}|_1 + |I_{or}|_1

    Args:
        steps: number of gradient steps.
        learning_rate: at the first step.
        last_learning_rate: at the last step.
        momentum: of the gradient.
    """

    steps: int = 10_000
    learning_rate: float = 1e-5
    last_learning_rate: float = 1e-6
    momentum: float = 0.9

    def solve(self, problems: Sequence[Problem]) -> list[Answer | None]:
        """One answer per game, not canonical, with multipliers of zero.

        Learning rates apply in the unit of the values.
        """
        if not problems:
            return []
        v = torch.from_numpy(np.stack([problem.u * problem.unit for problem in problems], axis=1))
        bound = torch.tensor([problem.bound * problem.unit for problem in problems], dtype=torch.float64)
        half, split = self._descended(v, bound)
        and_, or_ = harsanyi(half + split), or_interactions(half - split)
        single = orders(number_of_players(v)) == 1
        and_[single] += or_[single]
        or_[single] = 0.0
        units = torch.tensor([problem.unit for problem in problems], dtype=torch.float64)
        effects = (torch.cat([and_, or_]) / units).numpy()
        nothing = np.zeros(len(v))
        return [Answer(effects[:, game].copy(), nothing, "sgd", self.steps, False) for game in range(len(problems))]

    def _descended(self, v: Tensor, bound: Tensor) -> tuple[Tensor, Tensor]:
        """Half of what the residual leaves of the values, and gamma."""
        split, residual = torch.zeros_like(v), torch.zeros_like(v)
        speed_split, speed_residual = torch.zeros_like(v), torch.zeros_like(v)
        for rate in np.geomspace(self.learning_rate, self.last_learning_rate, self.steps):
            half = (v - residual) / 2
            and_, or_ = harsanyi(half + split).sign(), or_interactions(half - split).sign()
            to_and, to_or = _transposed_harsanyi(and_), _transposed_or(or_)
            speed_split = self.momentum * speed_split + to_and - to_or
            speed_residual = self.momentum * speed_residual - (to_and + to_or) / 2
            split = split - rate * speed_split
            residual = torch.maximum(torch.minimum(residual - rate * speed_residual, bound), -bound)
            residual[0] = 0.0
        return (v - residual) / 2, split


def _transposed_harsanyi(values: Tensor) -> Tensor:
    sign = alternating(values)
    return sign * superset_sums(sign * values)


def _transposed_or(values: Tensor) -> Tensor:
    first = values[:1]
    rest = values.clone()
    rest[0] = 0.0
    result = -_transposed_harsanyi(rest).flip(0)
    result[:1] += first
    return result
