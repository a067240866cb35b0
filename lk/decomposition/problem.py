"""One game to decompose, the answer to it, and what every solver offers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lk.decomposition.duality import Checked, check
from lk.decomposition.operator import Vector, effect_orders, possible_effects
from lk.transforms import number_of_players

INTERIOR_PLAYERS = 12  # beyond, the normal matrix of the interior point method leaves memory
_SMALLEST_BOUND = 1e-9  # of max |u|; below it the residual is taken to be zero


@dataclass(frozen=True)
class Answer:
    """One game as a solver returns it: effects `(2 * 2**n,)` and multipliers `(2**n,)`; `checked` if that is known."""

    effects: Vector
    multipliers: Vector
    method: str
    iterations: int
    canonical: bool
    checked: Checked | None = None


@dataclass(frozen=True)
class Problem:
    """One centred game, scaled by a power of two.

    So that max |u| lies between 1/2 and 1, and what is asked of the answer.

    Attributes:
        u: centred game, shape `(2**n,)`.
        bound: largest residual, in the scale of `u`.
        unit: scale of `u`, in the unit of the values.
        rounding: error of each entry of `u` from storing, centring and scaling float64 values.
        weight: price of each effect, shape `(2 * 2**n,)`, infinite for impossible ones.
        gap: relative gap to the optimum that counts as certified.
        canonical: whether the canonical point is wanted; otherwise any point within `gap`.
    """

    u: Vector
    bound: float
    unit: float
    rounding: float
    weight: Vector
    gap: float
    canonical: bool = True

    @classmethod
    def of(cls, values: Vector, bound: float, weight: Vector, gap: float, canonical: bool = True) -> "Problem":
        """The problem of a game, from its values and a bound in their unit."""
        u = values - values[0]
        largest = float(np.abs(u).max())
        unit = float(np.ldexp(1.0, np.frexp(largest)[1])) if largest > 0 else 1.0  # a power of two scales exactly
        rounding = float(np.abs(values).max()) / unit * 2.0**-52
        return cls(u / unit, bound / unit, unit, rounding, weight, gap, canonical)

    @property
    def players(self) -> int:
        """Number of players."""
        return len(self.u).bit_length() - 1

    @property
    def trivial(self) -> bool:
        """Whether no effect is needed."""
        return bool(np.abs(self.u).max() <= self.bound)

    @property
    def or_effects(self) -> bool:
        """Whether OR effects are allowed; with a single player they are AND effects."""
        return self.players < 2 or bool(np.isfinite(self.weight[-1]))

    @property
    def inner_bound(self) -> float:
        """The bound less 1e-12 of it, so that rounding cannot leave it; zero when it is too small to matter."""
        return self.bound * (1 - 1e-12) if self.bound > _SMALLEST_BOUND else 0.0

    def without_effects(self, method: str, optimal: bool) -> Answer:
        """The answer without effects: the optimum of a trivial problem, or all there is when no solver answered."""
        return Answer(np.zeros(2 * len(self.u)), np.zeros(len(self.u)), method, 0, optimal)

    def checked(self, answer: Answer) -> Checked:
        """An answer made feasible, with its duality gap, in the unit of the values."""
        return answer.checked or check(
            self.u * self.unit,
            self.bound * self.unit,
            answer.effects * self.unit,
            answer.multipliers,
            np.isfinite(self.weight),
        )

    def certified(self, checked: Checked) -> bool:
        """Whether a checked answer is within the gap."""
        return checked.within(self.gap, float(np.abs(self.u).max()) * self.unit)


class Solver(Protocol):
    """A way to solve problems. Batches, because some methods advance many games side by side."""

    def solve(self, problems: Sequence[Problem]) -> list[Answer | None]:
        """One answer per problem; None where the problem is left to the next solver."""
        ...


def problems_of(
    v: Tensor, kappa: float, gap: float, bound: Tensor | float | None, weight: Vector, canonical: bool = True
) -> list[Problem]:
    """The games of a batch with the bound of each, all arguments checked."""
    number_of_players(v)
    if not v.is_floating_point():
        raise ValueError(f"expected floating values, got v.dtype={v.dtype}. Convert with v.double().")
    if not 0 <= kappa < np.inf or not 0 < gap < np.inf:
        raise ValueError(
            f"expected kappa at least 0 and gap above 0, got kappa={kappa}, gap={gap}. Use kappa=0 for exact matching."
        )
    wrong = (~v.isfinite().all(0)).nonzero()
    if len(wrong):
        raise ValueError(
            f"expected finite values, got others in game {tuple(wrong[0].tolist())} (first of {len(wrong)} such "
            "games). Mask or drop these games."
        )
    games = v.detach().to("cpu", torch.float64).reshape(v.shape[0], -1).numpy()
    check_range(games)
    bounds = kappa * np.abs(games[-1] - games[0])
    if bound is not None:
        bounds = torch.as_tensor(bound, dtype=torch.float64).cpu().broadcast_to(v.shape[1:]).reshape(-1).numpy()
    if not (bounds >= 0).all() or not np.isfinite(bounds).all():
        raise ValueError(f"expected bound finite and at least 0, got bound={bound}. Use bound=0 for exact matching.")
    return [
        Problem.of(np.ascontiguousarray(games[:, game]), float(bounds[game]), weight, gap, canonical)
        for game in range(games.shape[1])
    ]


def check_range(games: Vector) -> None:
    """Refuse games whose effects may leave double precision.

    Sums of 3**n differences of values, and their partial sums.

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
            f"expected values within {limit:.2g} of that of the empty coalition, got a difference of {found} in "
            f"game {wide[0]} (first of {len(wide)} such games). Divide the values by a number: effects are as many "
            "times smaller."
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
            f"expected tie_break in {list(slopes)}, got tie_break={tie_break!r}. Use 'low' for the canonical point."
        )
    return _weights(n, spread, slopes[tie_break], and_only)


@lru_cache(maxsize=32)
def _weights(n: int, spread: float, slope: float, and_only: bool) -> Vector:
    step = spread / max(n - 1, 1) * (effect_orders(n) - 1.0)
    price = 1 + (step if slope > 0 else spread - step if slope < 0 else 0 * step)
    weight = np.where(possible_effects(n), price, np.inf)
    if and_only:
        weight[1 << n :] = np.inf
    weight.flags.writeable = False
    return weight
