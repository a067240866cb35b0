"""The parametric path: sparse games solved exactly, from the zero answer down to the wanted bound.

At bound = max |u| no effect is needed. As the bound shrinks, the optimum moves along straight pieces; each breakpoint
exchanges one coalition or one effect of a small basis. The cost follows the number of effects in use, so the path
serves sparse games and hands dense ones back, unsolved, as soon as they show themselves.

Source: the parametric (self-dual) simplex method, Vanderbei, Linear Programming, ch. 7; two-pass ratio tests of Harris,
1973. For bound -> 0 it is the analogue of the homotopy of the Dantzig selector (James, Radchenko and Lv, 2009).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lk.decomposition.basis import Basis, empty_basis, inverted, refactor, scattered, with_capacity
from lk.decomposition.breakpoints import ARRIVED, BLOCKED, walk
from lk.decomposition.canonical import at_point
from lk.decomposition.face import Face, canonical_point
from lk.decomposition.operator import Vector, block_of
from lk.decomposition.parallel import in_threads
from lk.decomposition.problem import INTERIOR_PLAYERS, Answer, Problem

_REFACTOR = 64  # steps between two fresh inverses
_TELLING = 24  # effects in use from which the density of a game is judged
_PERTURBATIONS = (1e-11, 1e-9, 1e-7)  # noise that breaks ties of the game; a failed path is repeated with more


@dataclass(frozen=True)
class Path:
    """The parametric path as a solver: sparse games with a residual.

    Args:
        patient: follow dense games to their end too, and keep answers that ties deprive of the canonical flag.
    """

    patient: bool = False

    def solve(self, problems: Sequence[Problem]) -> list[Answer | None]:
        """Optimal vertices, moved to the canonical point where it is wanted; None for dense games."""
        return in_threads(lambda problem: self.follow([problem])[0], problems)

    def follow(self, problems: Sequence[Problem]) -> list[Answer | None]:
        """Answers for one game at descending bounds, in one pass."""
        game = problems[0]
        # One pass replaces a run of the interior point method per bound, so several bounds pay for a larger basis.
        bounds = [problem.inner_bound for problem in problems if not problem.trivial and problem.inner_bound > 0]
        most = np.inf if self.patient else largest_basis(game.players) * (1.7 if len(bounds) > 1 else 1.0)
        steps = 16 * len(game.u) if self.patient else 20 * most + 200
        found = iter(vertices(game.u, game.weight, bounds, most, steps) if bounds else [])
        answers: list[Answer | None] = []
        for problem in problems:
            if problem.trivial:
                answers.append(problem.without_effects("path", optimal=True))
                continue
            vertex = next(found, None) if problem.inner_bound > 0 else None
            answers.append(None if vertex is None else self.accepted(problem, _finished(problem, vertex)))
        return answers

    def accepted(self, problem: Problem, answer: Answer) -> Answer | None:
        """The answer; None where the interior point method may find the canonical point that ties hid from the path."""
        hidden = problem.canonical and not answer.canonical and problem.players <= INTERIOR_PLAYERS
        return None if hidden and not self.patient else answer


def _finished(problem: Problem, vertex: Answer) -> Answer:
    """The vertex, moved to the canonical point of its face where that is wanted."""
    if not problem.canonical:
        return vertex
    face = Face.of(vertex.multipliers, problem.inner_bound, problem.weight)
    return at_point(problem, canonical_point(problem.u, problem.inner_bound, face), vertex)


def largest_basis(n: int) -> float:
    """Effects beyond which the interior point method is faster: measured, see docs/results/decomposition.md."""
    return {9: 140, 10: 200, 11: 350, 12: 600}.get(n, 100 if n < 9 else 4000)


def vertices(u: Vector, weight: Vector, bounds: list[float], largest_basis: float, most_steps: float) -> list[Answer]:
    """Optimal vertices at each of the descending `bounds`; fewer when the game turns out dense.

    Args:
        u: centred game, shape `(2**n,)`, scaled to max |u| = 1.
        weight: price of each effect, shape `(2 * 2**n,)`, infinite for impossible ones.
        bounds: largest residuals wanted, descending, positive, below 1 or not.
        largest_basis: give up when more effects than this are expected at the next bound.
        most_steps: give up after this number of breakpoints.

    Returns:
        One basic optimal solution per bound, or those before the path was given up.
    """
    for size in _PERTURBATIONS:
        found, failed = _follow(u, weight, bounds, largest_basis, most_steps, size)
        if not failed:
            return found
    return []


def _follow(
    u: Vector, weight: Vector, bounds: list[float], largest_basis: float, most_steps: float, noise: float
) -> tuple[list[Answer], bool]:
    tilted = u + noise * np.random.default_rng(0).uniform(-1, 1, u.shape)
    tilted[0] = 0.0
    b = empty_basis(tilted, weight, capacity=128)
    found: list[Answer] = []
    for bound in bounds:
        while True:
            status = walk(b, bound, _REFACTOR) if b.bound[0] > bound else ARRIVED
            if status == BLOCKED:
                return found, True
            if status == ARRIVED:
                break
            # The basis grows about as fast as the bound falls: a dense game shows itself early, before it has cost
            # much.
            expected = b.counts[0] * b.bound[0] / bound
            if (b.counts[0] >= _TELLING and expected > largest_basis) or b.counts[3] > most_steps:
                return found, False
            if b.counts[0] + _REFACTOR > b.rows.shape[0] - 2:
                b = with_capacity(b, 2 * b.rows.shape[0])
            if not refactor(b, tilted):
                return found, True
        vertex = _vertex(b, u, min(bound, float(b.bound[0])))
        if vertex is None:
            return found, True
        found.append(vertex)
    return found, False


def _vertex(b: Basis, u: Vector, bound: float) -> Answer | None:
    """The solution of the untilted game on the present basis."""
    count = int(b.counts[0])
    rows, columns = b.rows[:count], b.columns[:count]
    block = block_of(rows, columns, len(u))
    inverse = inverted(block)
    if inverse is None:
        return None
    prices = b.column_sign[:count] * b.weight[columns]
    targets = u[rows] - bound * b.row_sign[:count]
    multiplier, effect = prices @ inverse, inverse @ targets
    # One step of refinement: the canonical point is sought at 1e-13.
    multiplier = multiplier + (prices - multiplier @ block) @ inverse
    effect = effect + inverse @ (targets - block @ effect)
    effects, multipliers = scattered(effect, columns, 2 * len(u)), scattered(multiplier, rows, len(u))
    return Answer(effects, multipliers, "path", int(b.counts[3]), False)
