"""The sparse AND-OR decomposition of games: one door, behind it the engine that suits each game."""

import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # comes with scikit-learn
from torch import Tensor

from lk.interactions.certificate import Checked, check
from lk.interactions.face import Face, canonical_point
from lk.interactions.interior import solve_interior
from lk.interactions.operator import Vector, effect_orders, possible_effects
from lk.interactions.simplex import vertices
from lk.interactions.transforms import number_of_players

_SMALLEST_BOUND = 1e-9  # of max |u|; below it the residual is taken to be zero
_INTERIOR_PLAYERS = 12  # beyond, the normal matrix of the interior point method leaves memory


@dataclass(frozen=True)
class Decomposition:
    r"""Effects of a batch of games, with proof of how good they are.

    .. math:: v(T) - \delta(T) = v(\emptyset) + \sum_{\emptyset \ne S \subseteq T} I_{and}(S) + \sum_{S \cap T \ne \emptyset} I_{or}(S)

    Attributes:
        and_: AND effects, float64, shape `(2**n, ...)`; `and_[0] = v(empty)`; OR effects of single players are merged into it.
        or_: OR effects, float64, shape `(2**n, ...)`; zero for the empty coalition and single players.
        delta: residual, float64, shape `(2**n, ...)`; `delta[0] = 0`.
        objective: sum of strengths over non-empty coalitions, float64, shape `(...)`.
        lower_bound: proven lower bound of the least possible objective, float64, shape `(...)`.
        method: engine that answered, array of str, shape `(...)`.
        iterations: its iterations, int64, shape `(...)`.
        certified: `objective - lower_bound <= gap * lower_bound + 1e-9 * max|v - v(empty)|`, bool, shape `(...)`.
        canonical: whether this is the unique canonical optimum, bool, shape `(...)`.
    """

    and_: Tensor
    or_: Tensor
    delta: Tensor
    objective: Tensor
    lower_bound: Tensor
    method: np.ndarray
    iterations: Tensor
    certified: Tensor
    canonical: Tensor


@dataclass(frozen=True)
class _Answer:
    """One game as an engine returns it; effects and multipliers for the scaled game."""

    effects: Vector
    multipliers: Vector
    method: str
    iterations: int
    canonical: bool


def decompose(v: Tensor, kappa: float = 0.04, gap: float = 1e-3, *, bound: Tensor | float | None = None) -> Decomposition:
    r"""Decompose games into the sparsest AND and OR effects that explain them.

    .. math:: \min \sum_{S \ne \emptyset} |I_{and}(S)| + |I_{or}(S)| \quad \text{s.t.} \quad |\delta(T)| \le \kappa\,|v(N) - v(\emptyset)|

    with universal matching as in `Decomposition`. Of all optima, the canonical one is returned: least strength, then strength weighted by
    order (low orders preferred), then least Euclidean norm. It does not depend on start, machine, threads or naming of players.

    Source: Cheng et al., ICML 2024, Eq. 5 and Sect. 3.2.2; the strict bound of the paper is taken with equality allowed.

    Args:
        v: values, shape `(2**n, ...)`, floating; trailing axes are games, each decomposed on its own.
        kappa: largest residual as a share of |v(N) - v(empty)|.
        gap: relative gap to the optimum that counts as certified.
        bound: largest residual in the unit of `v`, a number or one per game, in place of `kappa`.

    Returns:
        Effects, residuals and certificates. A game that could not be certified is returned feasible, with its true gap, and marked.

    Raises:
        ValueError: the first axis is no power of two, a value is not finite, or `kappa`, `gap` or `bound` is out of range.

    Example:
        >>> v = torch.tensor([0.0, 1.0, 1.0, 1.0])  # player 0 or player 1
        >>> found = decompose(v, kappa=0.0)
        >>> found.or_.tolist(), found.objective.item()
        ([0.0, 0.0, 0.0, 1.0], 1.0)
    """
    games, bounds = _as_games(v, kappa, gap, bound)
    n = number_of_players(v)
    weight = _weights(n, min(5e-4, gap / 2))

    def solve(game: int) -> tuple[_Answer, Checked, bool]:
        return _decompose_one(games[:, game], float(bounds[game]), weight, gap)

    answers = list(_in_threads(solve, range(games.shape[1])))
    doubtful = sum(not certified for _, _, certified in answers)
    if doubtful:
        warnings.warn(f"{doubtful} of {len(answers)} games are not proven to {gap:g}; see `certified` and `lower_bound`", stacklevel=2)
    return _collected(v, games, answers)


def _as_games(v: Tensor, kappa: float, gap: float, bound: Tensor | float | None) -> tuple[np.ndarray, np.ndarray]:
    """The games as columns of a float64 array, and the bound of each."""
    number_of_players(v)
    if not v.is_floating_point():
        raise ValueError(f"values are floating point, not {v.dtype}")
    if not 0 <= kappa < np.inf or not 0 < gap < np.inf:
        raise ValueError(f"kappa is at least 0 and gap above 0, not kappa={kappa}, gap={gap}")
    wrong = (~v.isfinite().all(0)).nonzero()
    if len(wrong):
        raise ValueError(f"game {tuple(wrong[0].tolist())} has values that are not finite (first of {len(wrong)} such games)")
    games = v.detach().to("cpu", torch.float64).reshape(v.shape[0], -1).numpy()
    if bound is None:
        return games, kappa * np.abs(games[-1] - games[0])
    bounds = torch.as_tensor(bound, dtype=torch.float64).cpu().broadcast_to(v.shape[1:]).reshape(-1).numpy()
    if not (bounds >= 0).all() or not np.isfinite(bounds).all():
        raise ValueError("bound is finite and at least 0")
    return games, bounds


def _decompose_one(values: Vector, bound: float, weight: Vector, gap: float) -> tuple[_Answer, Checked, bool]:
    u = values - values[0]
    largest = float(np.abs(u).max())
    unit = float(np.ldexp(1.0, np.frexp(largest)[1])) if largest > 0 else 1.0  # a power of two: scaling costs no rounding
    answer = _solved(u / unit, bound / unit, weight, gap)
    checked = check(u, bound, answer.effects * unit, answer.multipliers)
    return answer, checked, checked.within(gap, largest)


def _solved(u: Vector, bound: float, weight: Vector, gap: float) -> _Answer:
    """Choose the engine by what the game shows: the path while few effects are in use, else the interior point method."""
    if np.abs(u).max() <= bound:
        return _Answer(np.zeros(2 * len(u)), np.zeros(len(u)), "path", 0, True)
    n = len(u).bit_length() - 1
    bound = bound * (1 - 1e-12) if bound > _SMALLEST_BOUND else 0.0  # a hair inside, so that rounding cannot leave the bound
    steps = 0
    if bound > 0:
        found = vertices(u, weight, [bound], _largest_basis(n), 20 * _largest_basis(n) + 200)
        if found:
            vertex = found[0]
            point = canonical_point(u, bound, Face.of(vertex.multipliers, bound, weight))
            effects = vertex.effects if point is None else point
            return _Answer(effects, vertex.multipliers, "path", vertex.steps, point is not None)
    if n <= _INTERIOR_PLAYERS:
        interior = solve_interior(u, bound, weight)
        return _Answer(interior.effects, interior.multipliers, "interior", interior.iterations, interior.exact)
    return _Answer(np.zeros(2 * len(u)), np.zeros(len(u)), "none", steps, False)


def _largest_basis(n: int) -> int:
    """Number of effects beyond which the interior point method is faster than the path: measured, see docs/results/decomposition.md."""
    return {9: 80, 10: 128, 11: 300, 12: 900}.get(n, 48 if n < 9 else 4000)


@lru_cache(maxsize=32)
def _weights(n: int, spread: float) -> Vector:
    """Price of each effect: one for single players, rising evenly to `1 + spread` for all players; infinite for impossible effects."""
    weight = 1 + spread / max(n - 1, 1) * (effect_orders(n) - 1.0)
    return np.where(possible_effects(n), weight, np.inf)


def _in_threads(solve: Callable[[int], tuple[_Answer, Checked, bool]], games: Iterable[int]) -> Iterable[tuple[_Answer, Checked, bool]]:
    """One game per thread, as many threads as torch may use; linear algebra inside a game stays on its thread."""
    with _linear_algebra().limit(limits=1, user_api="blas"), ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(pool.map(solve, games))


@lru_cache(maxsize=1)
def _linear_algebra() -> ThreadpoolController:
    return ThreadpoolController()


def _collected(v: Tensor, games: np.ndarray, answers: list[tuple[_Answer, Checked, bool]]) -> Decomposition:
    size, shape = v.shape[0], v.shape[1:]
    effects = np.stack([checked.effects for _, checked, _ in answers], axis=1) if answers else np.zeros((2 * size, 0))
    residual = np.stack([checked.residual for _, checked, _ in answers], axis=1) if answers else np.zeros((size, 0))
    effects[0] = games[0]

    def per_coalition(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).reshape(v.shape).to(v.device)

    def per_game(entries: list[float] | list[int] | list[bool], dtype: torch.dtype) -> Tensor:
        return torch.tensor(entries, dtype=dtype).reshape(shape).to(v.device)

    return Decomposition(
        and_=per_coalition(effects[:size]),
        or_=per_coalition(effects[size:]),
        delta=per_coalition(residual),
        objective=per_game([checked.objective for _, checked, _ in answers], torch.float64),
        lower_bound=per_game([checked.lower_bound for _, checked, _ in answers], torch.float64),
        method=np.array([answer.method for answer, _, _ in answers], dtype=np.str_).reshape(tuple(shape)),
        iterations=per_game([answer.iterations for answer, _, _ in answers], torch.int64),
        certified=per_game([certified for _, _, certified in answers], torch.bool),
        canonical=per_game([answer.canonical for answer, _, _ in answers], torch.bool),
    )
