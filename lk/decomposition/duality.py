"""Feasibility repair and duality gap, for the output of any solver.

This module trusts no solver. It takes any effects and any multipliers, repairs the first and scales the second to be
feasible, in float64.
"""

from dataclasses import dataclass

import numpy as np
import torch

from lk.decomposition.operator import Flags, Vector, sums_where_firing, values_of
from lk.transforms import harsanyi

_ROUNDING = 1e-13  # mismatch, relative to max |u|, that is left as rounding


@dataclass(frozen=True)
class Checked:
    """One decomposed game: effects `(2 * 2**n,)`, residual `(2**n,)`, and the two sides of its certificate."""

    effects: Vector
    residual: Vector
    objective: float
    lower_bound: float

    def within(self, gap: float, scale: float) -> bool:
        """Whether `objective - lower_bound <= gap * lower_bound + 1e-9 * scale`."""
        return self.objective - self.lower_bound <= gap * self.lower_bound + 1e-9 * scale


def check(u: Vector, bound: float, effects: Vector, multipliers: Vector, possible: Flags) -> Checked:
    r"""Repair effects, and bound the optimum from below.

    Mismatch beyond the bound is moved into AND effects by the Moebius transform, so that :math:`u = D z + \delta` holds
    whatever came in. For any y, weak duality of the linear programme of `lk.decomposition.operator` gives

    .. math:: \min |z|_1 \ge \frac{u \cdot y - b\,|y|_1}{\max(1, |D^T y|_\infty)}

    Args:
        u: centred game, shape `(2**n,)`, `u[0] = 0`.
        bound: largest residual b, in the unit of `u`.
        effects: any vector of shape `(2 * 2**n,)`.
        multipliers: any y of shape `(2**n,)`.
        possible: which effects are allowed, shape `(2 * 2**n,)`.

    Returns:
        Feasible effects, residual, objective and lower bound, in the unit of `u`.
    """
    effects = np.where(possible & np.isfinite(effects), effects, 0.0)
    residual = u - values_of(effects)
    excess = residual - np.clip(residual, -bound, bound)
    excess[0] = 0.0
    if np.abs(excess).max() > _ROUNDING * np.abs(u).max():
        effects[: len(u)] += harsanyi(torch.from_numpy(excess)).numpy()
        effects[~possible] = 0.0
        residual = u - values_of(effects)
    residual = np.clip(residual, -bound, bound)
    residual[0] = 0.0
    lower_bound = 0.0
    if np.isfinite(multipliers).all():
        multipliers = np.concatenate([[0.0], multipliers[1:]])
        steepest = np.abs(sums_where_firing(multipliers)[possible]).max(initial=1.0)
        lower_bound = max(0.0, float(u @ multipliers - bound * np.abs(multipliers).sum()) / float(steepest))
    return Checked(effects, residual, float(np.abs(effects).sum()), lower_bound)
