"""One game at a time: which engine takes it, and what is asked of the answer."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from lk.decomposition.ascent import ascended, shortest_of_face
from lk.decomposition.canonical import is_canonical
from lk.decomposition.decomposition import Answer, Proven
from lk.decomposition.duality import check
from lk.decomposition.face import Face, Point, canonical_point
from lk.decomposition.interior import solve_interior
from lk.decomposition.operator import Vector, effect_orders, possible_effects
from lk.decomposition.simplex import Vertex, vertices
from lk.transforms import number_of_players

_SMALLEST_BOUND = 1e-9  # of max |u|; below it the residual is taken to be zero
_ROUNDS_OF_ASCENT = {7: 100, 8: 40, 9: 10}  # each costs a QR factorisation: at most about a second for a game
_INTERIOR_PLAYERS = 12  # beyond, the normal matrix of the interior point method leaves memory


@dataclass(frozen=True)
class Task:
    """One centred game, scaled by a power of two so that max |u| lies between 1/2 and 1."""

    u: Vector
    bound: float
    unit: float
    rounding: float  # error of each entry of u that comes from storing, centring and scaling float64 values

    @classmethod
    def of(cls, values: Vector, bound: float) -> "Task":
        """From values and a bound in their unit."""
        u = values - values[0]
        largest = float(np.abs(u).max())
        unit = (
            float(np.ldexp(1.0, np.frexp(largest)[1])) if largest > 0 else 1.0
        )  # a power of two: scaling costs no rounding
        return cls(u / unit, bound / unit, unit, float(np.abs(values).max()) / unit * 2.0**-52)

    @property
    def players(self) -> int:
        """Number of players."""
        return len(self.u).bit_length() - 1

    @property
    def trivial(self) -> bool:
        """Whether no effect is needed."""
        return bool(np.abs(self.u).max() <= self.bound)

    @property
    def inner_bound(self) -> float:
        """A hair inside the bound, so that rounding cannot leave it; zero when it is too small to matter."""
        return self.bound * (1 - 1e-12) if self.bound > _SMALLEST_BOUND else 0.0

    def proven(self, answer: Answer, gap: float, and_only: bool = False) -> Proven:
        """Check an answer, in the unit of the values."""
        checked = check(
            self.u * self.unit, self.bound * self.unit, answer.effects * self.unit, answer.multipliers, and_only
        )
        return Proven(answer, checked, checked.within(gap, float(np.abs(self.u).max()) * self.unit))


def tasks_of(v: Tensor, kappa: float, gap: float, bound: Tensor | float | None) -> list[Task]:
    """The games of a batch with the bound of each, all arguments checked."""
    number_of_players(v)
    if not v.is_floating_point():
        raise ValueError(f"values are floating point, not {v.dtype}")
    if not 0 <= kappa < np.inf or not 0 < gap < np.inf:
        raise ValueError(f"kappa is at least 0 and gap above 0, not kappa={kappa}, gap={gap}")
    wrong = (~v.isfinite().all(0)).nonzero()
    if len(wrong):
        raise ValueError(
            f"game {tuple(wrong[0].tolist())} has values that are not finite (first of {len(wrong)} such games)"
        )
    games = v.detach().to("cpu", torch.float64).reshape(v.shape[0], -1).numpy()
    check_range(games)
    bounds = kappa * np.abs(games[-1] - games[0])
    if bound is not None:
        bounds = torch.as_tensor(bound, dtype=torch.float64).cpu().broadcast_to(v.shape[1:]).reshape(-1).numpy()
    if not (bounds >= 0).all() or not np.isfinite(bounds).all():
        raise ValueError("bound is finite and at least 0")
    return [Task.of(np.ascontiguousarray(games[:, game]), float(bounds[game])) for game in range(games.shape[1])]


def check_range(games: Vector) -> None:
    """Refuse games whose effects may leave double precision: the sum of 3**n differences of values, and partial sums on the way to it.

    Args:
        games: Values, shape `(2**n, games)`.

    Raises:
        ValueError: A value differs from that of the empty coalition by more than 2**1023 / 4**n; names the game.

    Example:
        >>> check_range(np.array([[0.0], [1e300]]))
    """
    limit = 2.0**1023 / len(games) ** 2
    halves = np.abs(games / 2 - games[:1] / 2).max(0, initial=0.0)  # half of the difference never overflows
    wide = np.flatnonzero(halves > limit / 2)
    if len(wide):
        found = f"{2 * halves[wide[0]]:.2g}" if halves[wide[0]] < 2.0**1023 else f"twice {halves[wide[0]]:.2g}"
        raise ValueError(
            f"expected values within {limit:.2g} of that of the empty coalition, got a difference of {found} in game {wide[0]} (first of "
            f"{len(wide)} such games). Divide the values by a number: effects are as many times smaller."
        )


def weights(n: int, spread: float, tie_break: str = "low", and_only: bool = False) -> Vector:
    """Price of each effect `(2 * 2**n,)`: from 1 to `1 + spread` over the orders, infinite for impossible effects.

    Args:
        n: number of players.
        spread: how much dearer the disliked end is: what the tie-break may cost in strength, relatively.
        tie_break: "low" prefers low orders among optima, "high" high ones, "none" neither.
        and_only: forbid OR effects.

    Raises:
        ValueError: `tie_break` is unknown.
    """
    slopes = {"low": 1.0, "high": -1.0, "none": 0.0}
    if tie_break not in slopes:
        raise ValueError(
            f'expected tie_break in {list(slopes)}, got tie_break={tie_break!r}. Use "low" for the canonical point.'
        )
    return _weights(n, spread, slopes[tie_break], and_only)


@lru_cache(maxsize=32)
def _weights(n: int, spread: float, slope: float, and_only: bool) -> Vector:
    step = spread / max(n - 1, 1) * (effect_orders(n) - 1.0)
    weight = np.where(
        possible_effects(n), 1 + (step if slope > 0 else spread - step if slope < 0 else 0 * step), np.inf
    )
    if and_only:
        weight[1 << n :] = np.inf
    weight.flags.writeable = False
    return weight


def no_effects(task: Task) -> Answer:
    """The answer to a game that lies within its bound."""
    return Answer(np.zeros(2 * len(task.u)), np.zeros(len(task.u)), "path", 0, True)


def no_answer(task: Task) -> Answer:
    """What is left of a game that no engine took: nothing, and nothing proven."""
    return Answer(np.zeros(2 * len(task.u)), np.zeros(len(task.u)), "none", 0, False)


def by_path(task: Task, bounds: list[float], weight: Vector, patient: bool, canonical: bool) -> list[Answer]:
    """The path engine at descending bounds; stops short where the game is dense, unless it is to be `patient`."""
    # One run of the path stands against a run of the interior point method per bound, so several bounds pay for a larger basis.
    most = np.inf if patient else _largest_basis(task.players) * (1.7 if len(bounds) > 1 else 1.0)
    found = vertices(task.u, weight, bounds, most, 16 * len(task.u) if patient else 20 * most + 200)
    return [_from_vertex(task, bound, vertex, weight, canonical) for bound, vertex in zip(bounds, found, strict=False)]


def _from_vertex(task: Task, bound: float, vertex: Vertex, weight: Vector, canonical: bool) -> Answer:
    point = canonical_point(task.u, bound, Face.of(vertex.multipliers, bound, weight)) if canonical else None
    return answered(task, bound, weight, point, Answer(vertex.effects, vertex.multipliers, "path", vertex.steps, False))


def answered(task: Task, bound: float, weight: Vector, point: Point | None, otherwise: Answer) -> Answer:
    """The answer with the effects of `point`, flagged canonical if that is proven; `otherwise` without a point."""
    if point is None:
        return otherwise
    proven = is_canonical(task.u, bound, weight, point.effects, otherwise.multipliers, point.pull, task.rounding)
    return replace(otherwise, effects=point.effects, canonical=proven)


def by_interior(task: Task, bound: float, weight: Vector, gap: float, canonical: bool) -> Answer:
    """The interior point engine."""
    found = solve_interior(task.u, bound, weight, gap=1e-12 if canonical else gap / 2, finish=canonical)
    answer = answered(
        task, bound, weight, found.point, Answer(found.effects, found.multipliers, "interior", found.iterations, False)
    )
    if not canonical or answer.canonical:
        return answer
    return refined(task, bound, weight, answer, found.multipliers if found.tight is None else found.tight)


def refined(task: Task, bound: float, weight: Vector, answer: Answer, start: Vector) -> Answer:
    """The canonical answer of a small game whose values nearly tie, from feasible multipliers; `answer` where that takes too long."""
    rounds = _ROUNDS_OF_ASCENT.get(task.players, 200 if task.players < 7 else 0)
    exact = ascended(task.u, bound, weight, start, answer.effects, rounds)
    if exact is None:
        return answer
    multipliers, effects = exact
    point = shortest_of_face(task.u, bound, multipliers, weight, effects, 2 * rounds)
    found = answered(task, bound, weight, point, replace(answer, multipliers=multipliers))
    return found if found.canonical else answer


def settled(task: Task, found: Answer | None, weight: Vector, gap: float, canonical: bool) -> Answer:
    """The path's answer; the interior point method's where the path gave up, or where ties hid the canonical point from it."""
    if found is not None and (found.canonical or not canonical):
        return found
    if task.players <= _INTERIOR_PLAYERS:
        return by_interior(task, task.inner_bound, weight, gap, canonical)
    return found or no_answer(task)


def solve(task: Task, weight: Vector, gap: float, method: str, canonical: bool) -> Answer:
    """Choose the engine by what the game shows: the path while few effects are in use, else the interior point method."""
    if task.trivial:
        return no_effects(task)
    found = None
    if task.inner_bound > 0 and method in ("auto", "path"):
        found = next(iter(by_path(task, [task.inner_bound], weight, method == "path", canonical)), None)
    if method == "path":
        return found or no_answer(task)
    return settled(task, found, weight, gap, canonical)


def _largest_basis(n: int) -> float:
    """Number of effects beyond which the interior point method is faster than the path: measured, see docs/results/decomposition.md."""
    return {9: 140, 10: 200, 11: 350, 12: 600}.get(n, 100 if n < 9 else 4000)
