"""The sparse AND-OR decomposition of games: one door, behind it the engine that suits each game."""

import warnings

import numpy as np
import torch
from torch import Tensor

from lk.decomposition.decomposition import Answer, Decomposition, Proven, collected
from lk.decomposition.engines import Task, by_path, no_effects, settled, solve, tasks_of, weights
from lk.decomposition.parallel import in_threads
from lk.decomposition.published import published_rule
from lk.decomposition.splitting import split
from lk.transforms import number_of_players

_SPREAD = 5e-4  # what the preference for low orders may cost in strength, relatively
_METHODS = ("auto", "path", "interior", "splitting", "sgd")


def decompose(
    v: Tensor,
    kappa: float = 0.04,
    gap: float = 1e-3,
    *,
    bound: Tensor | float | None = None,
    tie_break: str = "low",
    or_effects: bool = True,
    canonical: bool = True,
    method: str = "auto",
) -> Decomposition:
    r"""Decompose games into the sparsest AND and OR effects that explain them.

    .. math:: \min \sum_{S \ne \emptyset} |I_{and}(S)| + |I_{or}(S)| \quad \text{s.t.} \quad |\delta(T)| \le \kappa\,|v(N) - v(\emptyset)|

    with universal matching as in `Decomposition`. Of all optima, the canonical one is returned: least strength, then strength weighted by
    order (low orders preferred), then least Euclidean norm. It does not depend on start, machine, threads or naming of players. Where
    that is proven, `canonical` says so; how, and to what accuracy: `lk.decomposition.canonical`.

    Source: Cheng et al., ICML 2024, Eq. 5 and Sect. 3.2.2; the strict bound of the paper is taken with equality allowed.

    Args:
        v: values, shape `(2**n, ...)`, floating; trailing axes are games, each decomposed on its own.
        kappa: largest residual as a share of |v(N) - v(empty)|.
        gap: relative gap to the optimum that counts as certified.
        bound: largest residual in the unit of `v`, a number or one per game, in place of `kappa`.
        tie_break: orders preferred among optima: "low"; "high", the control for findings about orders; "none".
        or_effects: whether OR effects are allowed; without them, AND effects alone.
        canonical: whether the unique point is wanted; any point within `gap` is found faster.
        method: "auto"; or one engine alone: "path", "interior", "splitting" (without a residual), "sgd" (the published rule).

    Returns:
        Effects, residuals and certificates. A game that could not be certified is returned feasible, with its true gap, and marked.

    Raises:
        ValueError: the first axis is no power of two, a value is not finite, or an argument is out of range.

    Example:
        >>> v = torch.tensor([0.0, 1.0, 1.0, 1.0])  # player 0 or player 1
        >>> found = decompose(v, kappa=0.0)
        >>> found.or_.tolist(), found.objective.item()
        ([0.0, 0.0, 0.0, 1.0], 1.0)
    """
    tasks = tasks_of(v, kappa, gap, bound)
    if method not in _METHODS:
        raise ValueError(f"method is one of {_METHODS}, not {method!r}")
    weight = weights(number_of_players(v), min(_SPREAD, gap / 2), tie_break, not or_effects)
    if method == "sgd":
        answers = published_rule(tasks)
    elif method == "splitting" or (method == "auto" and or_effects and (not canonical or number_of_players(v) > 12)):
        answers = _by_splitting(tasks, gap)
    else:
        answers = [None] * len(tasks)

    def finished(game: int) -> Proven:
        task, answer = tasks[game], answers[game]
        if answer is not None:
            proven = task.proven(answer, gap, not or_effects)
            if proven.certified or method != "auto":
                return proven
        return task.proven(solve(task, weight, gap, method, canonical), gap, not or_effects)

    games = in_threads(finished, range(len(tasks)))
    _warn(games, gap)
    return collected(v, games)


def decompose_path(v: Tensor, kappas: list[float], gap: float = 1e-3) -> list[Decomposition]:
    """Decompose games at several kappas, for about the price of the smallest alone.

    The path engine passes through every larger bound on its way to a smaller one. Bounds that it does not reach, because the game turns
    dense, are solved one by one.

    Source: as `decompose`; the piecewise linear path is that of the parametric simplex method.

    Args:
        v: values, shape `(2**n, ...)`.
        kappas: largest residuals as shares of |v(N) - v(empty)|, in any order.
        gap: relative gap to the optimum that counts as certified.

    Returns:
        One `Decomposition` per kappa, in the order given; equal to what `decompose` returns for it.

    Raises:
        ValueError: as `decompose`.

    Example:
        >>> v = torch.tensor([0.0, 1.0, 1.0, 1.0])
        >>> [round(found.objective.item(), 6) for found in decompose_path(v, [0.0, 0.5])]
        [1.0, 0.5]
    """
    weight = weights(number_of_players(v), min(_SPREAD, gap / 2))
    batches = [tasks_of(v, kappa, gap, None) for kappa in kappas]
    descending = sorted(range(len(kappas)), key=lambda index: -kappas[index])

    def one_game(game: int) -> list[Proven]:
        tasks = [batches[index][game] for index in descending]
        answers = [no_effects(task) for task in tasks if task.trivial]
        followed = [task.inner_bound for task in tasks[len(answers) :] if task.inner_bound > 0]
        if followed:
            answers += by_path(tasks[0], followed, weight, False, True)
        reached = [*answers, *[None] * (len(tasks) - len(answers))]
        answers = [settled(task, answer, weight, gap, True) for task, answer in zip(tasks, reached, strict=True)]
        return [task.proven(answer, gap) for task, answer in zip(tasks, answers, strict=True)]

    games = in_threads(one_game, range(len(batches[0]) if batches else 0))
    _warn([proven for game in games for proven in game], gap)
    places = {index: place for place, index in enumerate(descending)}
    return [collected(v, [game[places[index]] for game in games]) for index in range(len(kappas))]


def _by_splitting(tasks: list[Task], gap: float) -> list[Answer | None]:
    """The whole batch at once; only for games without a residual."""
    chosen = [game for game, task in enumerate(tasks) if task.inner_bound == 0 and not task.trivial]
    answers: list[Answer | None] = [None] * len(tasks)
    if chosen:
        batch = torch.from_numpy(np.stack([tasks[game].u for game in chosen], axis=1))
        found = split(batch, 0.9 * gap)
        for column, game in enumerate(chosen):
            effects, multipliers = found.effects[:, column].numpy(), found.multipliers[:, column].numpy()
            answers[game] = Answer(effects, multipliers, "splitting", int(found.iterations[column]), False)
    return answers


def _warn(games: list[Proven], gap: float) -> None:
    doubtful = sum(not game.certified for game in games)
    if doubtful:
        warnings.warn(
            f"{doubtful} of {len(games)} games are not proven to {gap:g}; see `certified` and `lower_bound`",
            stacklevel=3,
        )
