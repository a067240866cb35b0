"""The sparse AND-OR decomposition of games, by the solver that suits each."""

import warnings
from collections.abc import Sequence

from torch import Tensor

from lk.decomposition.decomposition import Decomposition, collected
from lk.decomposition.interior import Interior
from lk.decomposition.parallel import in_threads
from lk.decomposition.path import Path
from lk.decomposition.problem import problems_of, weights
from lk.decomposition.solvers import BY_NAME, SOLVERS, solve
from lk.transforms import number_of_players

_SPREAD = 5e-4  # what the preference for low orders may cost in strength, relatively


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

    .. math::

        \min \sum_{S \ne \emptyset} |I_{and}(S)| + |I_{or}(S)| \quad
        \text{s.t.} \quad |\delta(T)| \le \kappa\,|v(N) - v(\emptyset)|

    with universal matching as in `Decomposition`. Of all optima, the canonical one is returned: least strength, then
    strength weighted by order (low orders preferred), then least Euclidean norm. It does not depend on start, machine,
    threads or naming of players. Where that is proven, `canonical` says so; how, and to what accuracy:
    `lk.decomposition.canonical`.

    Source: Cheng et al., ICML 2024, Eq. 5 and Sect. 3.2.2; the strict bound of the paper is taken with equality
    allowed.

    Args:
        v: values, shape `(2**n, ...)`, floating; trailing axes are games, each decomposed on its own.
        kappa: largest residual as a share of |v(N) - v(empty)|.
        gap: relative gap to the optimum that counts as certified.
        bound: largest residual in the unit of `v`, a number or one per game, in place of `kappa`.
        tie_break: orders preferred among optima: "low"; "high", the control for findings about orders; "none".
        or_effects: whether OR effects are allowed; without them, AND effects alone.
        canonical: whether the unique point is wanted; any point within `gap` is found faster.
        method: "auto": splitting for games without a residual, else the path, else the interior point method, which
            is faster for dense games (more than about 100 effects at n = 8, 600 at n = 12: `lk.decomposition.path`;
            the order: `lk.decomposition.solvers`); or one solver alone: "path", "interior", "splitting" (without a
            residual), "sgd" (the published rule).

    Returns:
        Effects, residuals and certificates. A game that could not be certified is returned feasible, with its true gap,
        and marked.

    Raises:
        ValueError: the first axis is no power of two, a value is not finite, or an argument is out of range.

    Example:
        >>> v = torch.tensor([0.0, 1.0, 1.0, 1.0])  # player 0 or player 1
        >>> found = decompose(v, kappa=0.0)
        >>> found.or_.tolist(), found.objective.item()
        ([0.0, 0.0, 0.0, 1.0], 1.0)
    """
    weight = weights(number_of_players(v), min(_SPREAD, gap / 2), tie_break, not or_effects)
    problems = problems_of(v, kappa, gap, bound, weight, canonical)
    solvers = {"auto": SOLVERS, **BY_NAME}.get(method)
    if solvers is None:
        raise ValueError(f"expected method in {['auto', *BY_NAME]}, got method={method!r}. Use 'auto'.")
    found = collected(v, problems, solve(problems, solvers))
    _warn([found], gap)
    return found


def decompose_path(v: Tensor, kappas: list[float], gap: float = 1e-3) -> list[Decomposition]:
    """Decompose games at several kappas, for about the price of the smallest alone.

    The path passes through every larger bound on its way to a smaller one. Where the game turns dense before a bound is
    reached, each remaining bound is solved on its own.

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
    batches = [problems_of(v, kappa, gap, None, weight) for kappa in kappas]
    descending = sorted(range(len(kappas)), key=lambda index: -kappas[index])
    games = zip(*(batches[index] for index in descending), strict=True)
    followed = in_threads(Path().follow, games)
    found = []
    for index, batch in enumerate(batches):
        known = [answers[descending.index(index)] for answers in followed]
        found.append(collected(v, batch, solve(batch, (Interior(),), known)))
    _warn(found, gap)
    return found


def _warn(found: Sequence[Decomposition], gap: float) -> None:
    games = sum(each.certified.numel() for each in found)
    unproven = games - sum(int(each.certified.sum()) for each in found)
    if unproven:
        warnings.warn(
            f"{unproven} of {games} games are not proven to {gap:g}; see `certified` and `lower_bound`",
            stacklevel=3,
        )
