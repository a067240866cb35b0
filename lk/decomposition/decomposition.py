"""What a decomposition returns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lk.decomposition.parallel import in_threads
from lk.decomposition.problem import Answer, Problem


@dataclass(frozen=True)
class Decomposition:
    r"""Effects of a batch of games, with proof of how good they are.

    .. math::

        v(T) - \delta(T) = v(\emptyset) + \sum_{\emptyset \ne S \subseteq T} I_{and}(S)
        + \sum_{S \cap T \ne \emptyset} I_{or}(S)

    Attributes:
        and_: AND effects, float64, shape `(2**n, ...)`; `and_[0] = v(empty)`; OR effects of single players are merged
            into it.
        or_: OR effects, float64, shape `(2**n, ...)`; zero for the empty coalition and single players.
        delta: residual, float64, shape `(2**n, ...)`; `delta[0] = 0`.
        objective: sum of strengths over non-empty coalitions, float64, shape `(...)`.
        lower_bound: proven lower bound of the least possible objective, float64, shape `(...)`; zero where nothing was
            proven.
        method: solver that answered, array of str, shape `(...)`.
        iterations: its iterations, int64, shape `(...)`.
        certified: `objective - lower_bound <= gap * lower_bound + 1e-9 * max|v - v(empty)|`, bool, shape `(...)`.
        canonical: whether this is proven to be the unique canonical optimum, bool, shape `(...)`; what that proves:
            `lk.decomposition.canonical`.
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


def collected(v: Tensor, problems: Sequence[Problem], answers: Sequence[Answer]) -> Decomposition:
    """Answers of all games, checked, in the shape and on the device of the values `v`."""
    size = v.shape[0]
    checked = in_threads(lambda pair: pair[0].checked(pair[1]), zip(problems, answers, strict=True))
    effects = np.stack([each.effects for each in checked], axis=1) if checked else np.zeros((2 * size, 0))
    residual = np.stack([each.residual for each in checked], axis=1) if checked else np.zeros((size, 0))
    method = np.array([answer.method for answer in answers], dtype=np.str_)

    def per_coalition(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).reshape(v.shape).to(v.device)

    def per_game(entries: Sequence[float], dtype: torch.dtype) -> Tensor:
        return torch.tensor(entries, dtype=dtype).reshape(v.shape[1:]).to(v.device)

    and_ = per_coalition(effects[:size])
    and_[0] = v[0]
    certified = [problem.certified(each) for problem, each in zip(problems, checked, strict=True)]
    return Decomposition(
        and_=and_,
        or_=per_coalition(effects[size:]),
        delta=per_coalition(residual),
        objective=per_game([each.objective for each in checked], torch.float64),
        lower_bound=per_game([each.lower_bound for each in checked], torch.float64),
        method=method.reshape(tuple(v.shape[1:])),
        iterations=per_game([answer.iterations for answer in answers], torch.int64),
        certified=per_game(certified, torch.bool),
        canonical=per_game([answer.canonical for answer in answers], torch.bool),
    )
