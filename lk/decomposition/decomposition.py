"""What a decomposition returns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lk.decomposition.duality import Checked
from lk.decomposition.operator import Vector


@dataclass(frozen=True)
class Decomposition:
    r"""Effects of a batch of games, with proof of how good they are.

    .. math:: v(T) - \delta(T) = v(\emptyset) + \sum_{\emptyset \ne S \subseteq T} I_{and}(S) + \sum_{S \cap T \ne \emptyset} I_{or}(S)

    Attributes:
        and_: AND effects, float64, shape `(2**n, ...)`; `and_[0] = v(empty)`; OR effects of single players are merged into it.
        or_: OR effects, float64, shape `(2**n, ...)`; zero for the empty coalition and single players.
        delta: residual, float64, shape `(2**n, ...)`; `delta[0] = 0`.
        objective: sum of strengths over non-empty coalitions, float64, shape `(...)`.
        lower_bound: proven lower bound of the least possible objective, float64, shape `(...)`; zero where nothing was proven.
        method: engine that answered, array of str, shape `(...)`.
        iterations: its iterations, int64, shape `(...)`.
        certified: `objective - lower_bound <= gap * lower_bound + 1e-9 * max|v - v(empty)|`, bool, shape `(...)`.
        canonical: whether this is proven to be the unique canonical optimum (what that proves: `lk.decomposition.canonical`), bool, shape `(...)`.
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
class Answer:
    """One game as an engine returns it: effects `(2 * 2**n,)` and multipliers `(2**n,)`, nothing of it checked."""

    effects: Vector
    multipliers: Vector
    method: str
    iterations: int
    canonical: bool


@dataclass(frozen=True)
class Proven:
    """One game with its answer checked."""

    answer: Answer
    checked: Checked
    certified: bool


def collected(v: Tensor, games: Sequence[Proven]) -> Decomposition:
    """Answers of all games in the shape, and on the device, of the values `v`."""
    size = v.shape[0]
    effects = np.stack([game.checked.effects for game in games], axis=1) if games else np.zeros((2 * size, 0))
    residual = np.stack([game.checked.residual for game in games], axis=1) if games else np.zeros((size, 0))
    method = np.array([game.answer.method for game in games], dtype=np.str_)

    def per_coalition(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).reshape(v.shape).to(v.device)

    def per_game(entries: Sequence[float], dtype: torch.dtype) -> Tensor:
        return torch.tensor(entries, dtype=dtype).reshape(v.shape[1:]).to(v.device)

    and_ = per_coalition(effects[:size])
    and_[0] = v[0]
    return Decomposition(
        and_=and_,
        or_=per_coalition(effects[size:]),
        delta=per_coalition(residual),
        objective=per_game([game.checked.objective for game in games], torch.float64),
        lower_bound=per_game([game.checked.lower_bound for game in games], torch.float64),
        method=method.reshape(tuple(v.shape[1:])),
        iterations=per_game([game.answer.iterations for game in games], torch.int64),
        certified=per_game([game.certified for game in games], torch.bool),
        canonical=per_game([game.answer.canonical for game in games], torch.bool),
    )
