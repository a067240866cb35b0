r"""The canonical decomposition, and the proof that an answer is it.

Optima of the decomposition are rarely unique. The canonical one minimises, among all effects z whose residual is within
the bound,

.. math:: F(z) = \sum_j w_j |z_j| + \frac{\mu}{2 R} |z|_2^2, \qquad \mu = 10^{-6}, \quad R = \max v - \min v,

with the prices w of `lk.decomposition.problem.weights`. F is strongly convex, so its minimiser z* is unique. Where the
optimal face of the linear programme is clear (reduced costs above :math:`\mu |z| / R`), z* is exactly the point of
least norm of that face (Mangasarian and Meyer, 1979).

**What the flag proves.** Any effects z and any multipliers y give the Fenchel-Young gap

.. math::

    G = \sum_j \left[ F_j(z_j) + F_j^*((D^T y)_j) - (D^T y)_j z_j \right], \qquad
    |z - z^*|_2 \le \sqrt{2 R G / \mu},

where z* is the canonical point of the game that z matches, residuals of coalitions with y != 0 taken to be at the
bound. That game differs from the given one by the mismatch m on coalitions with y != 0, and residuals may pass the
bound by up to b. Two answers to games that differ by at most e on each coalition, bounds included, are compared by
adding both gaps with the multipliers exchanged:

.. math:: |z_1 - z_2|_2^2 \le \frac{4 R}{\mu} \sum_{i = 1, 2} \left[ G_i + m_i \cdot |y_i| + (b + e) |y_i|_1 \right].

Each term must be paid by one answer that does not know the other. So b is one number for all answers, 4e-14 R, and an
answer beyond it is refused; for e each answer takes its own rounding, one unit in the last place of max |v|. With s the
root of 2 R / mu times its own bracket, two flagged answers to games that differ by at most the smaller rounding obey
:math:`|z_1 - z_2|^2 \le 2 (s_1^2 + s_2^2)`. Games that differ by more, as by a shift that costs digits, need the larger
e in both brackets.

The flag is set when the first distance is at most 1e-6 R and s at most 3e-2 R, whatever solver answered, so that two
answers to one game are proven to lie within 6e-2 R; and when s with the answer's own b is at most 1e-2 R, which proves
nothing more but is more cautious. No tolerance on active sets enters: a set of active effects that was guessed wrong
shows as a gap. The formulas themselves are evaluated in float64, and the rounding of that is not paid for. Where the
asked `gap` is below 1e-5, order weights come down to the size of mu and fewer games are flagged.

Source: Fenchel-Young inequality and strong convexity, Bauschke and Combettes, Convex Analysis and Monotone Operator
Theory, 2017, ch. 16 and 18.
"""

from dataclasses import replace

import numpy as np

from lk.decomposition.face import Point
from lk.decomposition.operator import Vector, sums_where_firing, values_of
from lk.decomposition.problem import Answer, Problem

CURVATURE = 1e-6  # mu
_DISTANCE = 1e-6  # to the canonical point of the game that the effects match, relative to max v - min v
# Most that a residual may pass its bound, relative to max v - min v; every answer pays for so much of another's.
_BEYOND = 4e-14
_SENSITIVITY = 3e-2  # of the canonical point to mismatch and rounding, relative to max v - min v
_OWN_SENSITIVITY = 1e-2  # the same with what the answer's own residuals pass their bound by


def at_point(problem: Problem, point: Point | None, answer: Answer) -> Answer:
    """The answer with the effects of a point of its face, flagged canonical if proven; unchanged without a point."""
    if point is None:
        return answer
    found = replace(answer, effects=point.effects)
    return replace(found, canonical=is_canonical(problem, found, point.pull))


def is_canonical(problem: Problem, answer: Answer, pull: Vector) -> bool:
    """Whether the effects of an answer are proven to be the canonical decomposition; False proves nothing.

    Args:
        problem: the game.
        answer: any effects, zero where impossible, and any multipliers of the linear programme.
        pull: what to add to the multipliers, times mu / R, for the quadratic term, shape `(2**n,)`.
    """
    extent = float(problem.u.max() - problem.u.min())
    if extent == 0.0:
        return not answer.effects.any()
    distance, sensitivity, own = distances(problem, answer, pull)
    return distance <= _DISTANCE * extent and sensitivity <= _SENSITIVITY * extent and own <= _OWN_SENSITIVITY * extent


def distances(problem: Problem, answer: Answer, pull: Vector) -> tuple[float, float, float]:
    """The radii of this module's docstring, to z*, s, and s with the answer's own b, in the unit of `u`.

    Infinite where nothing is proven.
    """
    u, bound, effects = problem.u, problem.inner_bound, answer.effects
    extent = float(u.max() - u.min())
    curvature = CURVATURE / extent
    y = answer.multipliers + curvature * pull
    y[0] = 0.0
    possible = np.isfinite(problem.weight)
    z, w = effects[possible], problem.weight[possible]
    sums = sums_where_firing(y)[possible]
    along = np.where(z != 0, np.sign(z) * sums, np.abs(sums))
    strength = np.abs(z)
    # Terms of the gap, none of which cancels: at the optimum `along` is the price plus the curvature times the
    # strength.
    in_use = (along - w - curvature * strength) ** 2 / (2 * curvature)
    below = (
        strength * (w - along) + curvature / 2 * strength**2 + np.maximum(np.abs(sums) - w, 0.0) ** 2 / (2 * curvature)
    )
    gap = float(np.where(along >= w, in_use, below).sum())
    residual = u - values_of(effects)
    beyond = max(float(np.abs(residual[1:]).max(initial=0.0)) - bound, 0.0)
    mismatch = np.where(y != 0, np.abs(bound * np.sign(y) - residual), 0.0)
    cost = gap + float(np.abs(y) @ mismatch)
    spread = float(np.abs(y).sum())
    if not beyond <= _BEYOND * extent or not np.isfinite(cost + spread):
        return np.inf, np.inf, np.inf
    common, own = (cost + (problem.rounding + each) * spread for each in (_BEYOND * extent, beyond))
    distance, sensitivity, own_sensitivity = (float(np.sqrt(2 * each / curvature)) for each in (gap, common, own))
    return distance, sensitivity, own_sensitivity
