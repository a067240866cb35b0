"""Crossover: from a near-optimal interior point to the exact optimum.

Guess which effects are in use and which coalitions are active, solve the equations of that face, accept with a proof
only.

Source of the indicators of the optimal partition: El-Bakry, Tapia and Zhang, 1994.
"""

from dataclasses import replace

import numpy as np

from lk.decomposition.face import Equations, Face, Point, partition, shortest_point
from lk.decomposition.iterate import Iterate
from lk.decomposition.operator import Flags, Matrix, Vector, block_of, sums_where_firing

_ROUNDS = 100  # corrections of a guessed face
_ASCENTS = 10  # of the dual, each to the next coalition that leaves its bound; up to `_ROUNDS` while they are cheap
_CHEAP = 4  # null vectors computed in all ascents, per coalition: 3 us each at n = 5, 65 us at n = 9
_UNCLEAR = 0.25  # distance from the middle below which an indicator decides nothing
_RETRY = 0.01  # a partition that failed is tried again when the gap has fallen to this share
_CLEAR_ENOUGH = 1e-7  # gap from which an unclear partition is tried all the same
_SCALES = (1.0, 1e-3)  # of the multiplier against the slack, where ties leave both small
_INFEASIBLE = 1e-9  # sign or price violated, relatively, that counts as rounding of a solved face
_PROVEN = 1e-9  # relative gap of an accepted point: what `certified` adds for rounding
_REACHED = 1e-12  # value that effects do not reach and that counts as rounding
_RISING = 1e-9  # rate of a sum, relative to the largest, that counts as zero


class Crossover:
    """Exact optima of one game; `tight` holds the last feasible multipliers on a guessed face."""

    def __init__(self, u: Vector, bound: float, weight: Vector) -> None:
        self.u, self.bound, self.weight = u, bound, weight
        self.tried: dict[bytes, float] = {}
        self.previous = b""
        self.tight: Vector | None = None

    def attempt(self, at: Iterate, relative: Vector, gap: float) -> tuple[Point, Vector] | None:
        """The exact optimum, if the partition is clear or repeats.

        `relative` is the affine step over the present value: near zero for what stays, near minus one for what
        vanishes.
        """
        indicator = relative[: 2 * at.m].reshape(2, -1).max(0)
        # A slack that vanishes belongs to an active coalition.
        vanishing = relative[2 * at.m :].reshape(2, -1).min(0)
        unclear = sum(int((np.abs(each + 0.5) < _UNCLEAR).sum()) for each in (indicator, vanishing))
        guess = _guess(at, indicator > -0.5, vanishing < -0.5)
        key = _key(guess)
        repeated = key == self.previous
        self.previous = key
        if gap > _RETRY * self.tried.get(key, np.inf) or (unclear > 0 and not repeated and gap > _CLEAR_ENOUGH):
            return None
        self.tried[key] = gap
        return self._finish(at, guess, 1)

    def last_attempt(self, at: Iterate) -> tuple[Point, Vector] | None:
        """The exact optimum from the end of the iteration.

        With ties, complementary pairs stay undecided. Guess the active set from the larger member of each pair, at
        several scales.
        """
        parts, reduced, slack, sides = at.parts.max(0), at.reduced.min(0), at.slack.min(0), at.sides.max(0)
        seen: set[bytes] = set()
        for scale in _SCALES:
            guess = _guess(at, parts > scale * reduced, sides * scale > slack)
            key = _key(guess)
            if key not in seen:
                seen.add(key)
                exact = self._finish(at, guess, _ROUNDS)
                if exact is not None:
                    return exact
        return None

    def _finish(self, at: Iterate, guess: tuple[Flags, Flags], rounds: int) -> tuple[Point, Vector] | None:
        effects, start = np.zeros(2 * at.size), np.zeros(at.size)
        effects[at.possible], start[1:] = at.effects, at.y
        found = self._dual(partition(guess[0], np.sign(effects), guess[1], np.sign(start)), start, rounds)
        if found is None:
            return None
        y, equations = self._dual_ascent(*found)
        self.tight = y
        point = shortest_point(self.u, self.bound, equations)
        if point is None:
            return None
        used = point.effects != 0
        objective = float(self.weight[used] @ np.abs(point.effects[used]))
        lower_bound = float(self.u @ y - self.bound * np.abs(y).sum())
        return (point, y) if objective - lower_bound < _PROVEN * objective else None

    def _dual_ascent(self, y: Vector, guess: Face, equations: Equations) -> tuple[Vector, Equations]:
        """Multipliers raised until effects of their face reach all values, and the equations of that face."""
        face = Face.of(y, self.bound, self.weight)
        if not face.same_as(guess):
            equations = Equations(face, len(y))
        cost = 0
        for ascent in range(_ROUNDS):
            dimensions = equations.left_null_space.shape[1]
            if dimensions == 0 or (ascent >= _ASCENTS and cost > _CHEAP * len(y)):
                break
            cost += dimensions
            raised = self._raised(y, face, equations.left_null_space)
            if raised is None:
                break
            y = raised
            face = Face.of(y, self.bound, self.weight)
            equations = Equations(face, len(y))
        return y, equations

    def _dual(self, guess: Face, start: Vector, rounds: int) -> tuple[Vector, Face, Equations] | None:
        """Feasible multipliers on a guessed face, the corrected guess and its equations.

        A coalition whose multiplier has the wrong sign leaves the guess; an effect beyond its price joins it.
        """
        for _ in range(rounds):
            if len(guess.effects) == 0 or len(guess.coalitions) == 0:  # a bad guess: u beyond its bound needs both
                return None
            equations = Equations(guess, len(start))
            solved = equations.multipliers(guess.effect_sign * self.weight[guess.effects], start[guess.coalitions])
            if self.bound > 0:
                multipliers = guess.coalition_sign * solved
                if multipliers.min() < -_INFEASIBLE:
                    stay = multipliers >= -_INFEASIBLE
                    guess = replace(guess, coalitions=guess.coalitions[stay], coalition_sign=guess.coalition_sign[stay])
                    continue
                solved = np.where(multipliers > 0, solved, 0.0)
            y = np.zeros(len(start))
            y[guess.coalitions] = solved
            sums = sums_where_firing(y)
            beyond = np.abs(sums) > self.weight * (1 + _INFEASIBLE)
            if not beyond.any():
                return y, guess, equations
            in_use, signs = np.zeros(len(sums), dtype=bool), np.sign(sums)
            in_use[guess.effects], signs[guess.effects] = True, guess.effect_sign
            if not (beyond & ~in_use).any():
                return None
            effects = np.nonzero(in_use | beyond)[0]
            guess = replace(guess, effects=effects, effect_sign=signs[effects])
        return None

    def _raised(self, y: Vector, face: Face, null_space: Matrix) -> Vector | None:
        """Multipliers raised along the left null space of the face, effect after effect; None if there is no ascent.

        Values that are known to seven digits only need effects of that size, which no partition by size shows. Each
        effect that comes into use takes one dimension from the null space. A coalition that leaves its bound ends the
        ascent, because the face is another one then.
        """
        targets = self.u[face.coalitions] - self.bound * face.coalition_sign
        outside = np.isfinite(self.weight)
        outside[face.effects] = False
        moved = False
        while null_space.shape[1]:
            rest = null_space @ (null_space.T @ targets)
            if np.abs(rest).max() < _REACHED:
                break
            direction = np.zeros(len(y))
            direction[face.coalitions] = rest
            steps = self._steps(y, direction, outside)
            entering = int(steps.argmin())
            leaving = _to_zero(y, direction) if self.bound > 0 else np.inf
            if leaving < steps[entering]:
                left: Vector = y + leaving * direction
                return left
            if not np.isfinite(steps[entering]):
                return None
            y, moved = y + steps[entering] * direction, True
            outside[entering] = False
            seen = null_space.T @ block_of(face.coalitions, np.array([entering]), len(y))[:, 0]
            null_space = _orthogonal_part(null_space, seen)
        return y if moved else None

    def _steps(self, y: Vector, direction: Vector, outside: Flags) -> Vector:
        """How far y may go along a direction before each effect outside the face reaches its price."""
        sums, rates = sums_where_firing(y), sums_where_firing(direction)
        rising = outside & (np.abs(rates) > _RISING * np.abs(rates).max())
        slack = np.maximum(self.weight - np.sign(rates) * sums, 0.0)
        return np.where(rising, slack / np.where(rising, np.abs(rates), 1.0), np.inf)


def _to_zero(y: Vector, direction: Vector) -> float:
    """The step at which the first multiplier vanishes."""
    shrinking = (y != 0) & (np.sign(y) * direction < 0)
    return float(np.min(np.abs(y)[shrinking] / np.abs(direction)[shrinking], initial=np.inf))


def _orthogonal_part(null_space: Matrix, seen: Vector) -> Matrix:
    """The combinations of the null space that an effect, of coordinates `seen` in it, does not touch: a reflection."""
    seen[0] += np.copysign(np.linalg.norm(seen), seen[0])
    return (null_space - np.outer(null_space @ seen, seen * (2 / (seen @ seen))))[:, 1:]


def _guess(at: Iterate, in_use: Flags, active: Flags) -> tuple[Flags, Flags]:
    """Flags over all effects and all coalitions, from flags over the pairs; without a residual all coalitions count."""
    effects, coalitions = np.zeros(2 * at.size, dtype=bool), np.ones(at.size, dtype=bool)
    effects[at.possible] = in_use
    if at.rows:
        coalitions[1:] = active
    coalitions[0] = False
    return effects, coalitions


def _key(guess: tuple[Flags, Flags]) -> bytes:
    return np.packbits(guess[0]).tobytes() + np.packbits(guess[1]).tobytes()
