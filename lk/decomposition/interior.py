"""The interior point method: dense games, and games without a residual.

Mehrotra's predictor and corrector with Gondzio's extra corrections on the linear programme of `lk.decomposition.operator`. It starts primal
and dual feasible, so that every iterate carries a proven gap; its normal matrix D diag(d) D^T is a gather from two butterflies; and once
the optimal face shows itself, one linear solve jumps to the exact optimum.

Sources: Mehrotra, 1992; Gondzio, 1996; indicators of the optimal partition: El-Bakry, Tapia and Zhang, 1994.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.linalg import lapack

from lk.decomposition.face import Equations, Face, Point, partition, shortest_point
from lk.decomposition.operator import (
    Flags,
    Matrix,
    Vector,
    block_of,
    normal_matrix,
    possible_effects,
    sums_where_firing,
    values_of,
)

_STAY = 0.9995  # share of the way to the border that a step may take
_CORRECTIONS = 2
_ROUNDS = 100  # corrections of a guessed face
_CLIMBS = (
    10  # of the dual, each to the next coalition that leaves its bound; more, up to `_ROUNDS`, while they are cheap
)
_CHEAP = 4  # blind combinations computed in all climbs together, per coalition: 3 us each at n = 5, 65 us at n = 9
_FINISH_BELOW = 1e-3  # gap from which the optimal face is guessed


@dataclass(frozen=True)
class Interior:
    """Best primal and dual points; `point` where the optimal face was found, `tight` the last feasible multipliers on a guessed face."""

    effects: Vector
    multipliers: Vector
    iterations: int
    point: Point | None
    tight: Vector | None = None

    @property
    def exact(self) -> bool:
        """Whether the optimal face was found."""
        return self.point is not None


class _Iterate:
    """Pairs of non-negative quantities whose products go to zero.

    `primal` holds the positive and negative parts of the effects, then the room below and above each residual; `dual` the slack of each
    price against them, then the multipliers of the two sides of the bound. Without a residual the second halves are empty.
    """

    def __init__(self, u: Vector, bound: float, weight: Vector) -> None:
        self.size = len(u)
        self.possible = np.isfinite(weight)
        self.u, self.bound, self.price = u[1:], bound, weight[self.possible]
        m, rows = len(self.price), len(u) - 1
        self.start_factor = _start_factor(self.size, and_only=not self.possible[-1])
        self.m, self.rows = m, rows if bound > 0 else 0
        effects = self.sums(_solved(self.start_factor, self.u))
        effects += self.sums(_solved(self.start_factor, self.u - self.fit(effects)))
        centre = max(float(np.abs(effects).mean()), 1e-8)
        self.primal = np.empty(2 * m + 2 * self.rows)
        self.dual = np.empty_like(self.primal)
        self.parts[0], self.parts[1] = np.maximum(effects, 0) + centre, np.maximum(-effects, 0) + centre
        self.slack[:] = self.price
        self.room[:] = bound
        self.push[:] = min(centre / bound, 1.0) if bound > 0 else 0.0
        self.y = np.zeros(rows)

    @property
    def parts(self) -> Matrix:
        return self.primal[: 2 * self.m].reshape(2, -1)

    @property
    def room(self) -> Matrix:
        return self.primal[2 * self.m :].reshape(2, self.rows)

    @property
    def slack(self) -> Matrix:
        return self.dual[: 2 * self.m].reshape(2, -1)

    @property
    def push(self) -> Matrix:
        return self.dual[2 * self.m :].reshape(2, self.rows)

    def fit(self, effects: Vector) -> Vector:
        full = np.zeros(2 * self.size)
        full[self.possible] = effects
        values: Vector = values_of(full)
        return values[1:]

    def sums(self, y: Vector) -> Vector:
        full = np.zeros(self.size)
        full[1:] = y
        sums: Vector = sums_where_firing(full)
        return sums[self.possible]

    @property
    def effects(self) -> Vector:
        effects: Vector = self.parts[0] - self.parts[1]
        return effects

    def objective(self) -> float:
        return float(self.price @ np.abs(self.effects))

    def lower_bound(self) -> float:
        excess = max(1.0, float((np.abs(self.sums(self.y)) / self.price).max()))
        return float(self.u @ self.y - self.bound * np.abs(self.y).sum()) / excess

    def move(self, primal: Vector, dual: Vector, y: Vector, accurate: bool) -> None:
        self.primal += primal
        self.dual = np.maximum(self.dual + dual, 1e-30)
        if self.rows:
            room = np.maximum(self.room, 1e-30)
            self.room[:] = np.where(room > room[::-1], 2 * self.bound - room[::-1], room)
            self.y = self.push[0] - self.push[1]
        else:
            self.y = self.y + y
        if accurate:  # slack follows from y; recomputed where it is large enough to gain by it
            sums = self.sums(self.y)
            exact = np.stack([self.price - sums, self.price + sums])
            self.slack[:] = np.where(exact > 1e-3, exact, self.slack)


class _Newton:
    """The linear system of one iterate, factored once, solved for several right-hand sides."""

    def __init__(self, at: _Iterate, refinements: int) -> None:
        self.at, self.refinements = at, refinements
        self.scale = (at.parts / at.slack).sum(0)
        self.softness = 1 / (at.push / at.room).sum(0) if at.rows else np.zeros(at.size - 1)
        full = np.zeros(2 * at.size)
        full[at.possible] = self.scale
        ridge = 1e-15
        while True:
            normal = normal_matrix(full, np.arange(1, at.size))
            diagonal = np.einsum("ii->i", normal)
            diagonal *= 1 + ridge
            diagonal += self.softness
            self.factor, status = lapack.dpotrf(normal, lower=1, clean=0, overwrite_a=1)
            self.failed = status != 0
            if not self.failed or ridge > 1e-6:
                break
            ridge *= 100
        mismatch = at.u - at.fit(at.effects)
        self.mismatch = mismatch - 0.5 * (at.room[1] - at.room[0]) if at.rows else mismatch

    def direction(self, target: Vector) -> tuple[Vector, Vector, Vector]:
        """Changes of primal, dual and y that bring the products of the pairs to `target` more, to first order."""
        at = self.at
        goal, goal_rows = target[: 2 * at.m].reshape(2, -1), target[2 * at.m :].reshape(2, at.rows)
        quotient = goal / at.slack
        right = self.mismatch - at.fit(quotient[0] - quotient[1])
        if at.rows:
            quotient_rows = goal_rows / at.room
            pull = quotient_rows[0] - quotient_rows[1]
            right = right + pull * self.softness
        y = _solved(self.factor, right)
        sums = at.sums(y)
        for _ in range(self.refinements):
            y = y + _solved(self.factor, right - at.fit(self.scale * sums) - self.softness * y)
            sums = at.sums(y)
        both = np.stack([sums, -sums])
        primal, dual = [((goal + at.parts * both) / at.slack).ravel()], [-both.ravel()]
        if at.rows:
            residual = (y - pull) * self.softness
            both = np.stack([residual, -residual])
            primal.append(-both.ravel())
            dual.append(((goal_rows + at.push * both) / at.room).ravel())
        return np.concatenate(primal), np.concatenate(dual), y


def solve_interior(
    u: Vector, bound: float, weight: Vector, gap: float = 1e-9, most_iterations: int = 60, finish: bool = True
) -> Interior:
    """Solve one game by the interior point method.

    Args:
        u: centred game, shape `(2**n,)`, scaled to max |u| = 1.
        bound: largest residual; zero for an exact match.
        weight: price of each effect, shape `(2 * 2**n,)`, infinite for impossible ones.
        gap: relative gap at which to stop.
        most_iterations: stop after so many, whatever the gap.
        finish: look for the canonical point; otherwise stop at `gap`.

    Returns:
        The best feasible points found.
    """
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # what overflows at the end of a game with ties ends the iteration
        return _solve(_Iterate(u, bound, weight), _Finisher(u, bound, weight) if finish else None, gap, most_iterations)


def _solve(at: "_Iterate", finisher: "_Finisher | None", gap: float, most_iterations: int) -> Interior:
    best, best_bound, best_effects, best_y = np.inf, -np.inf, at.effects, at.y
    stalled, iteration, gaps = 0, 0, [np.inf]
    for iteration in range(1, most_iterations + 1):
        objective, lower_bound = at.objective(), at.lower_bound()
        if objective < best:
            best, best_effects = objective, at.effects
        if lower_bound > best_bound:
            best_bound, best_y = lower_bound, at.y
        # Rounding leaves a mismatch that can push the objective below the optimum; the products of the pairs know better.
        complementarity = float(at.primal @ at.dual)
        gaps.append(max(best - best_bound, complementarity) / max(best, 1e-300))
        if min(gaps[-1] / gap, complementarity / (1e-12 * best)) < 1 or (
            gaps[-1] < 1e-7 and gaps[-1] > 0.5 * gaps[max(0, len(gaps) - 7)]
        ):
            break
        # A match without a residual is the worse conditioned one, and needs more care.
        close = (1e-3, 1e-6) if at.rows else (1e-2, 1e-4)
        newton = _Newton(at, (1 if at.rows else 2) * sum(gaps[-1] <= limit for limit in close))
        if newton.failed:
            break
        products = at.primal * at.dual
        average = float(products.mean())
        primal, dual, y = newton.direction(-products)
        if finisher is not None and gaps[-1] < _FINISH_BELOW:
            exact = finisher.attempt(at, primal / at.primal, gaps[-1])
            if exact is not None:
                return Interior(exact[0].effects, exact[1], iteration, exact[0])
        step, dual_step = min(1.0, _to_border(at.primal, primal)), min(1.0, _to_border(at.dual, dual))
        predicted = float(((at.primal + step * primal) * (at.dual + dual_step * dual)).mean())
        target = average * min(1.0, max(predicted / average, 0.0)) ** 3
        goal = target - products - primal * dual
        primal, dual, y = newton.direction(goal)
        step, dual_step = _to_border(at.primal, primal), _to_border(at.dual, dual)
        for _ in range(_CORRECTIONS):
            aim, dual_aim = min(1.0, 1.08 * min(step, 1) + 0.08), min(1.0, 1.08 * min(dual_step, 1) + 0.08)
            reached = (at.primal + aim * primal) * (at.dual + dual_aim * dual)
            wanted = max(target, 1e-3 * average)
            goal = goal + np.maximum(np.clip(reached, 0.1 * wanted, 10 * wanted) - reached, -10 * wanted)
            corrected = newton.direction(goal)
            steps = _to_border(at.primal, corrected[0]), _to_border(at.dual, corrected[1])
            if min(steps[0], 1) + min(steps[1], 1) < min(step, 1) + min(dual_step, 1) + 0.02:
                break
            (primal, dual, y), (step, dual_step) = corrected, steps
        step, dual_step = min(1.0, _STAY * step), min(1.0, _STAY * dual_step)
        if not np.isfinite(primal).all():  # ties have left the normal matrix without rank
            break
        at.move(step * primal, dual_step * dual, dual_step * y, accurate=iteration % 4 == 0)
        stalled = stalled + 1 if max(step, dual_step) < 1e-3 else 0
        if stalled > 2 or not np.isfinite(at.primal).all():
            break
    if finisher is not None and gaps[-1] < 1e-6:
        exact = finisher.last_attempt(at)
        if exact is not None:
            return Interior(exact[0].effects, exact[1], iteration, exact[0])
    effects, multipliers = np.zeros(2 * at.size), np.zeros(at.size)
    effects[at.possible], multipliers[1:] = best_effects, best_y
    return Interior(effects, multipliers, iteration, None, finisher.tight if finisher is not None else None)


class _Finisher:
    """Exact finish: guess which effects are in use and which coalitions are at their bound, solve the equations, accept a proof."""

    def __init__(self, u: Vector, bound: float, weight: Vector) -> None:
        self.u, self.bound, self.weight = u, bound, weight
        self.tried: dict[bytes, float] = {}
        self.previous = b""
        self.tight: Vector | None = None

    def attempt(self, at: _Iterate, relative: Vector, gap: float) -> tuple[Point, Vector] | None:
        """`relative` is the affine step over the present value: near zero for what stays, near minus one for what vanishes."""
        indicator = relative[: 2 * at.m].reshape(2, -1).max(0)
        unclear = int((np.abs(indicator + 0.5) < 0.25).sum())
        in_use = np.zeros(2 * at.size, dtype=bool)
        in_use[at.possible] = indicator > -0.5
        pressed = np.ones(at.size, dtype=bool)
        if at.rows:
            # a room that vanishes belongs to a coalition at its bound
            vanishing = relative[2 * at.m :].reshape(2, -1).min(0)
            unclear += int((np.abs(vanishing + 0.5) < 0.25).sum())
            pressed[1:] = vanishing < -0.5
        pressed[0] = False
        key = np.packbits(in_use).tobytes() + np.packbits(pressed).tobytes()
        repeated = key == self.previous
        self.previous = key
        if gap > 0.01 * self.tried.get(key, np.inf) or (unclear > 0 and not repeated and gap > 1e-7):
            return None
        self.tried[key] = gap
        return self._finish(at, in_use, pressed, 1)

    def last_attempt(self, at: _Iterate) -> tuple[Point, Vector] | None:
        """Games with ties never show a clear partition: try those in which each pair is decided by its larger half, at several scales."""
        parts, slack, room, push = at.parts.max(0), at.slack.min(0), at.room.min(0), at.push.max(0)
        seen: set[bytes] = set()
        for scale in (1.0, 1e-3):
            in_use, pressed = np.zeros(2 * at.size, dtype=bool), np.ones(at.size, dtype=bool)
            in_use[at.possible] = parts > scale * slack
            if at.rows:
                pressed[1:] = push * scale > room
            pressed[0] = False
            key = np.packbits(in_use).tobytes() + np.packbits(pressed).tobytes()
            if key not in seen:
                seen.add(key)
                exact = self._finish(at, in_use, pressed, _ROUNDS)
                if exact is not None:
                    return exact
        return None

    def _finish(self, at: _Iterate, in_use: Flags, pressed: Flags, rounds: int) -> tuple[Point, Vector] | None:
        effects, start = np.zeros(2 * at.size), np.zeros(at.size)
        effects[at.possible], start[1:] = at.effects, at.y
        found = self._dual(partition(in_use, np.sign(effects), pressed, np.sign(start)), start, rounds)
        if found is None:
            return None
        y, guess, equations = found
        face = Face.of(y, self.bound, self.weight)
        if not face.same_as(guess):
            equations = Equations(face, at.size)
        cost = 0
        for climb in range(_ROUNDS):
            if equations.blind.shape[1] == 0 or (climb >= _CLIMBS and cost > _CHEAP * at.size):
                break
            cost += equations.blind.shape[1]
            climbed = self._climbed(y, face, equations.blind)
            if climbed is None:
                break
            y = climbed
            face = Face.of(y, self.bound, self.weight)
            equations = Equations(face, at.size)
        self.tight = y
        point = shortest_point(self.u, self.bound, equations)
        if point is None:
            return None
        used = point.effects != 0
        objective = float(self.weight[used] @ np.abs(point.effects[used]))
        lower_bound = float(self.u @ y - self.bound * np.abs(y).sum())
        return (point, y) if objective - lower_bound < 1e-9 * objective else None

    def _dual(self, guess: Face, start: Vector, rounds: int) -> tuple[Vector, Face, Equations] | None:
        """A feasible dual point on a guessed face; a coalition that pulls the wrong way leaves the guess, an effect beyond its price joins."""
        for _ in range(rounds):
            if len(guess.effects) == 0 or len(guess.coalitions) == 0:  # a bad guess: u beyond its bound needs both
                return None
            equations = Equations(guess, len(start))
            solved = equations.multipliers(guess.effect_sign * self.weight[guess.effects], start[guess.coalitions])
            if self.bound > 0:
                pulls = guess.coalition_sign * solved
                if pulls.min() < -1e-9:
                    stay = pulls >= -1e-9
                    guess = replace(guess, coalitions=guess.coalitions[stay], coalition_sign=guess.coalition_sign[stay])
                    continue
                solved = np.where(pulls > 0, solved, 0.0)
            y = np.zeros(len(start))
            y[guess.coalitions] = solved
            sums = sums_where_firing(y)
            beyond = np.abs(sums) > self.weight * (1 + 1e-9)
            if not beyond.any():
                return y, guess, equations
            in_use, signs = np.zeros(len(sums), dtype=bool), np.sign(sums)
            in_use[guess.effects], signs[guess.effects] = True, guess.effect_sign
            if not (beyond & ~in_use).any():
                return None
            effects = np.nonzero(in_use | beyond)[0]
            guess = replace(guess, effects=effects, effect_sign=signs[effects])
        return None

    def _climbed(self, y: Vector, face: Face, blind: Matrix) -> Vector | None:
        """Raise the dual along what the face cannot reach, effect after effect, until it reaches all; None if it does already.

        Values that are known to seven digits only need effects of that size, which no partition by size shows. Each effect that comes into
        use takes one dimension from `blind`. A coalition that leaves its bound ends the climb: the face is another one then.
        """
        targets = self.u[face.coalitions] - self.bound * face.coalition_sign
        outside = np.isfinite(self.weight)
        outside[face.effects] = False
        moved = False
        while blind.shape[1]:
            rest = blind @ (blind.T @ targets)
            if np.abs(rest).max() < 1e-12:
                break
            direction = np.zeros(len(y))
            direction[face.coalitions] = rest
            sums, rates = sums_where_firing(y), sums_where_firing(direction)
            rising = outside & (np.abs(rates) > 1e-9 * np.abs(rates).max())
            steps = np.where(
                rising,
                np.maximum(self.weight - np.sign(rates) * sums, 0.0) / np.where(rising, np.abs(rates), 1.0),
                np.inf,
            )
            entering = int(steps.argmin())
            if self.bound > 0:
                shrinking = (y != 0) & (np.sign(y) * direction < 0)
                leaving = np.min(np.abs(y)[shrinking] / np.abs(direction)[shrinking], initial=np.inf)
                if leaving < steps[entering]:
                    left: Vector = y + leaving * direction
                    return left
            if not np.isfinite(steps[entering]):
                return None
            y, moved = y + steps[entering] * direction, True
            outside[entering] = False
            # The blind combinations that remain are those orthogonal to the entering effect.
            seen = blind.T @ block_of(face.coalitions, np.array([entering]), len(y))[:, 0]
            seen[0] += np.copysign(np.linalg.norm(seen), seen[0])
            blind = (blind - np.outer(blind @ seen, seen * (2 / (seen @ seen))))[:, 1:]
        return y if moved else None


@lru_cache(maxsize=4)
def _start_factor(size: int, and_only: bool) -> Matrix:
    """Cholesky factor of D D^T, for the feasible start."""
    scales = possible_effects(size.bit_length() - 1).astype(np.float64)
    if and_only:
        scales[size:] = 0.0
    factor: Matrix = lapack.dpotrf(normal_matrix(scales, np.arange(1, size)), lower=1, clean=0, overwrite_a=1)[0]
    return factor


def _solved(factor: Matrix, right: Vector) -> Vector:
    solution: Vector = lapack.dpotrs(factor, right, lower=1)[0]
    return solution


def _to_border(values: Vector, change: Vector) -> float:
    """The largest step that keeps all values non-negative."""
    with np.errstate(divide="ignore"):
        return float(1 / max((-change / values).max(), 1e-300))
