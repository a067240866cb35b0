"""The interior point method: dense games, and games without a residual.

Mehrotra's predictor and corrector with Gondzio's extra corrections on the linear programme of
`lk.decomposition.operator`. It starts primal and dual feasible, so that every iterate carries a proven gap. Once the
optimal face shows itself, the crossover solves for the exact optimum. Games whose values nearly tie end in the dual
ascent.

Sources: Mehrotra, 1992; Gondzio, 1996.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lk.decomposition.canonical import at_point
from lk.decomposition.crossover import Crossover
from lk.decomposition.dual_ascent import ascended, shortest_of_face
from lk.decomposition.face import Point
from lk.decomposition.iterate import Iterate, Newton
from lk.decomposition.operator import Vector
from lk.decomposition.parallel import in_threads
from lk.decomposition.problem import INTERIOR_PLAYERS, Answer, Problem

_ROUNDS_OF_ASCENT = {7: 100, 8: 40, 9: 10}  # each costs a QR factorisation: at most about a second for a game
_ROUNDS_OF_SMALL_GAMES = 200  # below seven players

_STAY = 0.9995  # share of the way to the border that a step may take
_CENTRING_POWER = 3  # Mehrotra, 1992: the target falls with the cube of what the predictor reaches
_CORRECTIONS = 2  # Gondzio's, per factorisation
_AIM_FACTOR, _AIM_SHIFT = 1.08, 0.08  # a correction aims at a step longer by this (Gondzio, 1996: delta = 0.1)
_OUTLIERS = (0.1, 10)  # products outside these factors of the target are corrected (Gondzio's beta)
_LEAST_TARGET = 1e-3  # of the average product, in corrections
_WORTHWHILE = 0.02  # by which a correction must lengthen the steps, together, to be kept
_CROSSOVER_BELOW = 1e-3  # gap from which the optimal face is guessed
_LAST_CROSSOVER_BELOW = 1e-6  # gap at which the iteration must have ended for a last guess
_COMPLEMENTARY = 1e-12  # sum of all products, relative to the objective, at which nothing is left to gain
_STAGNANT_BELOW = 1e-7  # gap from which the iteration ends when six iterations do not halve it
_STAGNANT_ITERATIONS = 6
_REFINED_BELOW = {True: (1e-3, 1e-6), False: (1e-2, 1e-4)}  # gaps that call for refinement, with a residual and without
_ACCURATE_EVERY = 4  # iterations between two recomputations of the reduced costs
_SHORT_STEP = 1e-3
_SHORT_STEPS = 2  # so many in sequence are allowed


@dataclass(frozen=True)
class InteriorPoint:
    """Best primal and dual points.

    Attributes:
        effects: best effects, shape `(2 * 2**n,)`.
        multipliers: best multipliers, shape `(2**n,)`.
        iterations: iterations done.
        point: the canonical point, where the optimal face was found.
        tight: the last feasible multipliers on a guessed face.
    """

    effects: Vector
    multipliers: Vector
    iterations: int
    point: Point | None
    tight: Vector | None = None


@dataclass(frozen=True)
class Interior:
    """The interior point method as a solver: any game of up to twelve players."""

    def solve(self, problems: Sequence[Problem]) -> list[Answer | None]:
        """Optima, moved to the canonical point where it is wanted; None beyond twelve players."""
        return in_threads(self._solved, problems)

    def _solved(self, problem: Problem) -> Answer | None:
        if problem.trivial:
            return problem.without_effects("path", optimal=True)
        if problem.players > INTERIOR_PLAYERS:
            return None
        gap = 1e-12 if problem.canonical else problem.gap / 2
        found = solve_interior(problem.u, problem.inner_bound, problem.weight, gap=gap, finish=problem.canonical)
        answer = Answer(found.effects, found.multipliers, "interior", found.iterations, False)
        answer = at_point(problem, found.point, answer)
        if not problem.canonical or answer.canonical:
            return answer
        return self._raised(problem, answer, found.multipliers if found.tight is None else found.tight)

    def _raised(self, problem: Problem, answer: Answer, start: Vector) -> Answer:
        """The canonical answer of a game that nearly ties, by dual ascent; `answer` where that takes too long."""
        rounds = _ROUNDS_OF_ASCENT.get(problem.players, _ROUNDS_OF_SMALL_GAMES if problem.players < 7 else 0)
        game = (problem.u, problem.inner_bound)
        exact = ascended(*game, problem.weight, start, answer.effects, rounds)
        if exact is None:
            return answer
        multipliers, effects = exact
        point = shortest_of_face(*game, multipliers, problem.weight, effects, 2 * rounds)
        found = at_point(problem, point, replace(answer, multipliers=multipliers))
        return found if found.canonical else answer


def solve_interior(
    u: Vector, bound: float, weight: Vector, gap: float = 1e-9, most_iterations: int = 60, finish: bool = True
) -> InteriorPoint:
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
    # What overflows at the end of a game with ties ends the iteration.
    with np.errstate(over="ignore", invalid="ignore"):
        crossover = Crossover(u, bound, weight) if finish else None
        return _iterated(Iterate(u, bound, weight), crossover, gap, most_iterations)


class _Record:
    """Best points and gaps of an iteration."""

    def __init__(self, at: Iterate) -> None:
        self.best, self.best_bound, self.effects, self.y = np.inf, -np.inf, at.effects, at.y
        self.gaps = [np.inf]

    def ends(self, at: Iterate, gap: float) -> bool:
        """Take in the present point; whether the iteration is at its end."""
        objective, lower_bound = at.objective(), at.lower_bound()
        if objective < self.best:
            self.best, self.effects = objective, at.effects
        if lower_bound > self.best_bound:
            self.best_bound, self.y = lower_bound, at.y
        # Rounding leaves a mismatch that can push the objective below the optimum; the products of the pairs show it.
        complementarity = float(at.primal @ at.dual)
        last = max(self.best - self.best_bound, complementarity) / max(self.best, 1e-300)
        self.gaps.append(last)
        before = self.gaps[max(0, len(self.gaps) - 1 - _STAGNANT_ITERATIONS)]
        small = min(last / gap, complementarity / (_COMPLEMENTARY * self.best)) < 1
        return small or (last < _STAGNANT_BELOW and last > 0.5 * before)


def _iterated(at: Iterate, crossover: Crossover | None, gap: float, most_iterations: int) -> InteriorPoint:
    record = _Record(at)
    iteration, short = 0, 0
    for iteration in range(1, most_iterations + 1):
        if record.ends(at, gap):
            break
        # A match without a residual is the worse conditioned one, and needs more care.
        close = sum(record.gaps[-1] <= limit for limit in _REFINED_BELOW[at.rows > 0])
        newton = Newton(at, (1 if at.rows else 2) * close)
        if newton.failed:
            break
        predictor = newton.direction(-(at.primal * at.dual))
        if crossover is not None and record.gaps[-1] < _CROSSOVER_BELOW:
            exact = crossover.attempt(at, predictor[0] / at.primal, record.gaps[-1])
            if exact is not None:
                return InteriorPoint(exact[0].effects, exact[1], iteration, exact[0])
        (primal, dual, y), steps = _corrected(at, newton, predictor)
        step, dual_step = (min(1.0, _STAY * each) for each in steps)
        if not np.isfinite(primal).all():  # ties have left the normal matrix without rank
            break
        at.move(step * primal, dual_step * dual, dual_step * y, accurate=iteration % _ACCURATE_EVERY == 0)
        short = short + 1 if max(step, dual_step) < _SHORT_STEP else 0
        if short > _SHORT_STEPS or not np.isfinite(at.primal).all():
            break
    return _ended(at, crossover, record, iteration)


def _ended(at: Iterate, crossover: Crossover | None, record: _Record, iteration: int) -> InteriorPoint:
    """The best points seen, or the exact optimum that a last crossover finds."""
    if crossover is not None and record.gaps[-1] < _LAST_CROSSOVER_BELOW:
        exact = crossover.last_attempt(at)
        if exact is not None:
            return InteriorPoint(exact[0].effects, exact[1], iteration, exact[0])
    effects, multipliers = np.zeros(2 * at.size), np.zeros(at.size)
    effects[at.possible], multipliers[1:] = record.effects, record.y
    return InteriorPoint(effects, multipliers, iteration, None, None if crossover is None else crossover.tight)


_Direction = tuple[Vector, Vector, Vector]


def _corrected(at: Iterate, newton: Newton, predictor: _Direction) -> tuple[_Direction, tuple[float, float]]:
    """The direction of Mehrotra's corrector and Gondzio's corrections, with the largest steps along it."""
    products = at.primal * at.dual
    average = float(products.mean())
    primal, dual, _ = predictor
    step, dual_step = (min(1.0, each) for each in _borders(at, predictor))
    predicted = float(((at.primal + step * primal) * (at.dual + dual_step * dual)).mean())
    target = average * min(1.0, max(predicted / average, 0.0)) ** _CENTRING_POWER
    goal = target - products - primal * dual
    direction = newton.direction(goal)
    steps = _borders(at, direction)
    wanted = max(target, _LEAST_TARGET * average)
    for _ in range(_CORRECTIONS):
        aim, dual_aim = (min(1.0, _AIM_FACTOR * min(each, 1) + _AIM_SHIFT) for each in steps)
        reached = (at.primal + aim * direction[0]) * (at.dual + dual_aim * direction[1])
        inside = np.clip(reached, _OUTLIERS[0] * wanted, _OUTLIERS[1] * wanted)
        goal = goal + np.maximum(inside - reached, -_OUTLIERS[1] * wanted)
        corrected = newton.direction(goal)
        longer = _borders(at, corrected)
        if min(longer[0], 1) + min(longer[1], 1) < min(steps[0], 1) + min(steps[1], 1) + _WORTHWHILE:
            break
        direction, steps = corrected, longer
    return direction, steps


def _borders(at: Iterate, direction: _Direction) -> tuple[float, float]:
    """The largest steps of primal and dual that keep all quantities non-negative."""
    return _to_border(at.primal, direction[0]), _to_border(at.dual, direction[1])


def _to_border(values: Vector, change: Vector) -> float:
    """The largest step that keeps all values non-negative."""
    with np.errstate(divide="ignore"):
        return float(1 / max((-change / values).max(), 1e-300))
