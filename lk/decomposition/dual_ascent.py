"""Exact optimal multipliers of games whose values nearly tie, by dual ascent.

Values that tie up to a noise of 1e-7 to 1e-14 need effects of the size of that noise, which no interior point and no
perturbed path resolves. The least-squares primal-dual method does: it fits the game by effects of non-negative sign on
the present face; what it cannot fit is a direction in which the dual rises strictly, so that ties cannot make it cycle.
Large effects are projected out first and the rest is scaled up, so that noise of any size is fitted to full precision.

Source: Barnes, Chen, Gopalakrishnan and Johnson, A least-squares primal-dual algorithm, Oper. Res. Lett. 30, 2002;
scaling of what is left: Gleixner, Steffy and Wolter, Iterative refinement for linear programming, INFORMS J. Comput.
28, 2016.
"""

import numpy as np
from scipy.linalg import qr, solve_triangular
from scipy.optimize import nnls

from lk.decomposition.canonical import CURVATURE
from lk.decomposition.face import Equations, Face, Point
from lk.decomposition.operator import Flags, Matrix, Vector, block_of, sums_where_firing, values_of

_FITTED = 4e-16  # mismatch that counts as rounding (games are scaled to max |u| = 1)
_ROUNDED = 2e-14  # mismatch that may be rounding
_CLIPPED = 4e-15  # strength of the wrong sign that counts as rounding
_LARGE = 1e3  # times the mismatch: effects beyond are projected out
_DEPENDENT = 1e-10  # pivot, relatively, below which a column depends on others
_TIGHT = 1e-9  # slack of a price, relatively, that counts as none
_PAYABLE = 100.0  # price that an effect may lack, in units of the curvature times the largest value, to be tried
_NEAR = 1e-6  # distance of a residual from its bound from which the bound is watched


def ascended(
    u: Vector, bound: float, weight: Vector, multipliers: Vector, effects: Vector, rounds: int
) -> tuple[Vector, Vector] | None:
    """Exact optimal multipliers, from feasible ones.

    Args:
        u: centred game, shape `(2**n,)`, scaled to max |u| = 1.
        bound: largest residual.
        weight: price of each effect, shape `(2 * 2**n,)`.
        multipliers: near-optimal multipliers, shape `(2**n,)`.
        effects: near-optimal effects, shape `(2 * 2**n,)`, which show what is large.
        rounds: most steps of the ascent.

    Returns:
        Multipliers, and effects on their face that match the game; None if that takes more rounds.
    """
    possible = np.isfinite(weight)
    y = multipliers / max(1.0, float((np.abs(sums_where_firing(multipliers))[possible] / weight[possible]).max()))
    watched = np.abs(u - values_of(effects)) > bound - _NEAR
    last = np.inf
    for _ in range(rounds):
        y[np.abs(y) < _TIGHT] = 0.0
        face = _face(y, weight)
        fit = _Fit(u, bound, y, face, watched, effects)
        if fit.rest is None:
            return None
        beyond = ~watched & (np.abs(u - values_of(fit.effects)) > bound + _FITTED)
        beyond[0] = False
        if beyond.any() and bound > 0:
            watched |= beyond
            continue
        effects = fit.effects
        missed = np.abs(fit.rest).max()
        direction = fit.rest / max(missed, 1e-300)
        # A direction that rounding has spoilt would raise effects beyond their price.
        spoilt = (face.effect_sign * sums_where_firing(direction)[face.effects]).max(initial=0.0) > 1e-6
        if missed <= _FITTED or (spoilt and missed <= _ROUNDED):
            return _sharpened(y, bound, weight, face), effects
        if spoilt and missed < 0.5 * last:  # what is left is small against what was fitted: again, in its own units
            last = missed
            continue
        last = np.inf
        raised = None if spoilt else _raised(y, weight, face, direction)
        if raised is None:
            return None
        y = raised
    return None


def _face(y: Vector, weight: Vector) -> Face:
    sums = sums_where_firing(y)
    effects = np.nonzero(np.abs(sums) >= weight * (1 - _TIGHT))[0]
    coalitions = np.nonzero(y)[0]
    return Face(effects, np.sign(sums[effects]), coalitions, np.sign(y[coalitions]))


def _sharpened(y: Vector, bound: float, weight: Vector, face: Face) -> Vector:
    """The multipliers at which the effects of a face have their prices to the last digit."""
    rows = face.coalitions if bound > 0 else np.arange(1, len(y))
    equations = Equations(Face(face.effects, face.effect_sign, rows, np.sign(y[rows])), len(y))
    sharp = np.zeros_like(y)
    sharp[rows] = equations.multipliers(face.effect_sign * weight[face.effects], y[rows])
    return sharp


class _Fit:
    """Effects of the right sign on a face that match the game best, and their residual `rest` over all coalitions."""

    def __init__(self, u: Vector, bound: float, y: Vector, face: Face, watched: Flags, effects: Vector) -> None:
        self.u, self.bound, self.face, self.size = u, bound, face, len(u)
        self.side = np.where(y != 0, np.sign(y), np.sign(u - values_of(effects)))
        self.fixed = np.arange(self.size) > 0 if bound == 0 else y != 0
        self.watched = watched & ~self.fixed & (np.arange(self.size) > 0)
        self.targets = u - bound * self.side
        self.effects, self.rest = self._fitted(effects)

    def _fitted(self, effects: Vector) -> tuple[Vector, Vector | None]:
        """Large effects and large distances to the bound are free.

        The small ones are kept non-negative in units of the mismatch.
        """
        strength = self.face.effect_sign * effects[self.face.effects]
        slack = self.bound - self.side * (self.u - values_of(effects))
        missed = np.abs(slack[self.fixed]).max(initial=0.0)
        floor = max(_LARGE * missed, 1e-9) if missed < 1e-4 else 1e-2
        large, open_ = strength > floor, self.watched & (slack > floor)
        for _ in range(20):
            found = self._free(effects, large, open_)
            if found is None:
                return effects, None
            fitted, rest = found
            strength = self.face.effect_sign * fitted[self.face.effects]
            slack = self.bound - self.side * (self.u - values_of(fitted))
            if not (strength[large] < 0).any() and not (slack[open_] < -_FITTED).any():
                return fitted, rest
            large, open_ = large & (strength > 0), open_ & (slack > 0)
        return effects, None

    def _free(self, effects: Vector, large: Flags, open_: Flags) -> tuple[Vector, Vector] | None:
        """The fit with these effects free in sign, and these coalitions free."""
        rows = np.nonzero(self.fixed | (self.watched & ~open_))[0]
        side, sign = self.side[rows], self.face.effect_sign
        block = block_of(rows, self.face.effects, self.size)
        space = _Range(block[:, large])
        strength = np.where(large, sign * effects[self.face.effects], 0.0)
        targets = self.targets[rows] - block @ (sign * strength)
        left = space.outside.T @ targets
        scale = np.abs(left).max(initial=0.0)
        if scale > _FITTED:
            free = np.nonzero(~self.fixed[rows])[0]
            seen = np.concatenate(
                [space.outside.T @ (block[:, ~large] * sign[~large]), -space.outside.T[:, free] * side[free]], axis=1
            )
            if seen.shape[1]:
                try:
                    added = scale * nnls(seen, left / scale, maxiter=30 * seen.shape[1] + 100)[0]
                except RuntimeError:
                    return None
                left = left - seen @ added
                strength[~large] = added[: len(strength) - large.sum()]
                targets[free] += side[free] * added[len(strength) - large.sum() :]
                targets -= block[:, ~large] @ (sign * strength)[~large]
        strength[large] += sign[large] * space.solved(targets)
        fitted, rest = np.zeros(2 * self.size), np.zeros(self.size)
        fitted[self.face.effects] = sign * strength
        rest[rows] = space.outside @ left
        return fitted, rest


class _Range:
    """The column space of a block and what is orthogonal to it, by a QR factorisation with pivots."""

    def __init__(self, block: Matrix) -> None:
        self.block = block
        rotation, triangle, self.pivots = qr(block, pivoting=True, check_finite=False)
        diagonal = np.abs(np.diagonal(triangle))
        self.rank = int((diagonal > _DEPENDENT * diagonal.max(initial=1.0)).sum())
        self.inside, self.outside = rotation[:, : self.rank], rotation[:, self.rank :]
        self.triangle = triangle[: self.rank, : self.rank]

    def solved(self, targets: Vector) -> Vector:
        """Coefficients on independent columns that match the part of `targets` inside the space."""
        solution = np.zeros(self.block.shape[1])
        for _ in range(2 if self.rank else 0):
            rest = self.inside.T @ (targets - self.block @ solution)
            solution[self.pivots[: self.rank]] += solve_triangular(self.triangle, rest, check_finite=False)
        return solution


def _raised(y: Vector, weight: Vector, face: Face, direction: Vector) -> Vector | None:
    """Go along a direction of ascent until an effect reaches its price or a multiplier vanishes."""
    sums, rates = sums_where_firing(y), sums_where_firing(direction)
    outside = np.isfinite(weight)
    outside[face.effects] = False
    rising = outside & (np.abs(rates) > 1e-9)
    steps = np.where(
        rising, np.maximum(weight - np.sign(rates) * sums, 0.0) / np.where(rising, np.abs(rates), 1.0), np.inf
    )
    shrinking = (y != 0) & (np.sign(y) * direction < -1e-12)
    leaving = np.where(shrinking, np.abs(y) / np.where(shrinking, np.abs(direction), 1.0), np.inf)
    step = min(float(steps.min()), float(leaving.min()))
    if not np.isfinite(step):
        return None
    raised = y + step * direction
    raised[leaving <= step * (1 + 1e-12)] = 0.0
    return raised


def shortest_of_face(
    u: Vector, bound: float, multipliers: Vector, weight: Vector, effects: Vector, steps: int
) -> Point | None:
    """The point of least norm of a thin face, from another point of it, by the primal active-set method.

    Effects of any size are kept exactly non-negative on the way, which non-negative least squares does to 1e-11 only.
    Effects that lack so little of their price that the norm may pay for it take part: each costs what it lacks, in
    units of the curvature.
    """
    size, curvature = len(u), CURVATURE / float(u.max() - u.min())
    sums = sums_where_firing(multipliers)
    lacking = weight - np.abs(sums)
    effects_near = np.nonzero(lacking <= _PAYABLE * curvature)[0]
    coalitions = np.nonzero(multipliers)[0]
    face = Face(effects_near, np.sign(sums[effects_near]), coalitions, np.sign(multipliers[coalitions]))
    cost = np.where(lacking > _TIGHT, lacking / curvature, 0.0)[effects_near]
    fixed = np.zeros(size, dtype=bool)
    fixed[face.coalitions if bound > 0 else slice(1, None)] = True
    residual = u - values_of(effects)
    side = np.where(fixed, np.sign(multipliers), np.sign(residual))
    tight = fixed | (np.abs(np.abs(residual) - bound) <= _CLIPPED)
    tight[0] = False
    z = face.effect_sign * effects[face.effects]
    used = z > 0
    for _ in range(steps):
        rows = np.nonzero(tight)[0]
        equations = Equations(Face(face.effects[used], face.effect_sign[used], rows, side[rows]), size)
        paid = face.effect_sign[used] * cost[used]
        goal, held = equations.pulled(u[rows] - bound * side[rows] + equations.fit(paid))
        goal = face.effect_sign[used] * (goal - paid)
        step, vanishing = _first_vanishing(z[used], goal)
        full = np.zeros(2 * size)
        full[face.effects[used]] = face.effect_sign[used] * goal
        reached = u - values_of(full)
        step, row = _first_at_bound(residual, reached, bound, tight, step)
        z[used] += step * (goal - z[used])
        z = np.maximum(z, 0.0)
        residual = residual + step * (reached - residual)
        if row >= 0:
            tight[row], side[row] = True, np.sign(reached[row])
            continue
        if vanishing >= 0:
            place = np.nonzero(used)[0][vanishing]
            z[place], used[place] = 0.0, False
            continue
        pull = np.zeros(size)
        pull[rows] = held
        gain = np.where(used, 0.0, face.effect_sign * sums_where_firing(pull)[face.effects] - cost)
        wrong = np.where(tight & ~fixed, -side * pull, 0.0)
        if max(gain.max(initial=0.0), wrong.max()) < 1e-11:
            full[face.effects] = face.effect_sign * z
            return Point(full, pull)
        if gain.max(initial=0.0) >= wrong.max():
            used[gain.argmax()] = True
        else:
            tight[wrong.argmax()] = False
    return None


def _first_vanishing(z: Vector, goal: Vector) -> tuple[float, int]:
    """The step towards `goal`, at most 1, at which the first strength vanishes, and its place; -1 if none does."""
    falling = goal < -_CLIPPED
    if not falling.any():
        return 1.0, -1
    ratios = np.where(falling, z / np.where(falling, z - goal, 1.0), np.inf)
    return float(ratios.min()), int(ratios.argmin())


def _first_at_bound(residual: Vector, reached: Vector, bound: float, tight: Flags, step: float) -> tuple[float, int]:
    """The step, at most `step`, at which the first free residual meets its bound, and its coalition.

    -1 if none does.
    """
    growing = ~tight & (np.abs(reached) > bound + _CLIPPED)
    growing[0] = False
    side = np.sign(reached)
    slack, rate = bound - side * residual, side * (reached - residual)
    steps = np.where(growing, slack / np.where(growing, rate, 1.0), np.inf)
    return (max(float(steps.min()), 0.0), int(steps.argmin())) if steps.min() < step else (step, -1)
