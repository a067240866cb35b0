"""The published rule: gradient descent on the split of the values and on the residual, kept for comparison.

Source: Cheng et al., ICML 2024, Sect. 3.2.2; settings of the laboratory's public code `sjtu-xai-lab/interaction-concept`: split and
residual start at zero, SGD with momentum 0.9, learning rate falling from 1e-5 to 1e-6 on a logarithmic scale over 10 000 steps, residual
clamped before each step, plain sum of strengths. It proves nothing: its answers carry a lower bound of zero.
"""

import numpy as np
import torch
from torch import Tensor

from lk.decomposition.decomposition import Answer
from lk.decomposition.engines import Task
from lk.transforms import harsanyi, number_of_players, or_interactions, orders, superset_sums


def published_rule(
    tasks: list[Task],
    steps: int = 10_000,
    learning_rate: float = 1e-5,
    last_learning_rate: float = 1e-6,
    momentum: float = 0.9,
) -> list[Answer | None]:
    r"""Run the published rule on a batch.

    .. math:: I_{and} = A\left(\tfrac{v - \delta}{2} + \gamma\right), \quad I_{or} = O\left(\tfrac{v - \delta}{2} - \gamma\right), \quad
        \min_{\gamma, \delta} |I_{and}|_1 + |I_{or}|_1

    Args:
        tasks: games; learning rates apply in their own unit, as published.
        steps: number of gradient steps.
        learning_rate: at the first step.
        last_learning_rate: at the last step.
        momentum: of the gradient.

    Returns:
        One answer per game, not canonical, with multipliers of zero.
    """
    if not tasks:
        return []
    v = torch.from_numpy(np.stack([task.u * task.unit for task in tasks], axis=1))
    bound = torch.tensor([task.bound * task.unit for task in tasks], dtype=torch.float64)
    split, residual = torch.zeros_like(v), torch.zeros_like(v)
    speed_split, speed_residual = torch.zeros_like(v), torch.zeros_like(v)
    for rate in np.geomspace(learning_rate, last_learning_rate, steps):
        half = (v - residual) / 2
        and_, or_ = harsanyi(half + split).sign(), or_interactions(half - split).sign()
        to_and, to_or = _transposed_harsanyi(and_), _transposed_or(or_)
        speed_split = momentum * speed_split + to_and - to_or
        speed_residual = momentum * speed_residual - (to_and + to_or) / 2
        split = split - rate * speed_split
        residual = torch.maximum(torch.minimum(residual - rate * speed_residual, bound), -bound)
        residual[0] = 0.0
    half = (v - residual) / 2
    and_, or_ = harsanyi(half + split), or_interactions(half - split)
    single = orders(number_of_players(v)) == 1
    and_[single] += or_[single]
    or_[single] = 0.0
    units = torch.tensor([task.unit for task in tasks], dtype=torch.float64)
    effects = (torch.cat([and_, or_]) / units).numpy()
    return [Answer(effects[:, game].copy(), np.zeros(len(v)), "sgd", steps, False) for game in range(len(tasks))]


def _transposed_harsanyi(values: Tensor) -> Tensor:
    sign = torch.where(orders(number_of_players(values)) % 2 == 0, 1.0, -1.0).to(values).unsqueeze(1)
    return sign * superset_sums(sign * values)


def _transposed_or(values: Tensor) -> Tensor:
    first = values[:1]
    rest = values.clone()
    rest[0] = 0.0
    result = -_transposed_harsanyi(rest).flip(0)
    result[:1] += first
    return result
