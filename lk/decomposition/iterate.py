"""The point of the interior point method and its Newton system.

The normal matrix D diag(d) D^T is a gather from two butterflies; it is factored once per iterate.
"""

from functools import lru_cache

import numpy as np
from scipy.linalg import lapack

from lk.decomposition.operator import Matrix, Vector, normal_matrix, possible_effects, sums_where_firing, values_of

_LEAST_CENTRE = 1e-8  # of the first parts of effects: a game without effects must start inside too
_LEAST = 1e-30  # of what must stay positive; its square is still above the smallest float64
_LARGE_COST = 1e-3  # reduced cost above which recomputing it from y loses no digits that matter
_RIDGE = 1e-15  # first factor on the diagonal of the normal matrix, five units of rounding
_RIDGE_GROWTH = 100  # until the Cholesky factor exists
_LARGEST_RIDGE = 1e-6  # beyond, the solution is no direction of the game any more


class Iterate:
    """A primal-dual point: pairs of non-negative quantities whose products go to zero.

    `primal` holds the positive and negative parts of the effects, then the slack of each residual to the lower and
    upper bound. `dual` holds the reduced costs of the parts, then the multipliers of the two sides of the bound.
    Without a residual the second halves are empty.
    """

    def __init__(self, u: Vector, bound: float, weight: Vector) -> None:
        self.size = len(u)
        self.possible = np.isfinite(weight)
        self.u, self.bound, self.price = u[1:], bound, weight[self.possible]
        m, rows = len(self.price), len(u) - 1
        self.start_factor = _start_factor(self.size, and_only=not self.possible[-1])
        self.m, self.rows = m, rows if bound > 0 else 0
        effects = self.sums(solved(self.start_factor, self.u))
        effects += self.sums(solved(self.start_factor, self.u - self.fit(effects)))
        centre = max(float(np.abs(effects).mean()), _LEAST_CENTRE)
        self.primal = np.empty(2 * m + 2 * self.rows)
        self.dual = np.empty_like(self.primal)
        self.parts[0], self.parts[1] = np.maximum(effects, 0) + centre, np.maximum(-effects, 0) + centre
        self.reduced[:] = self.price
        self.slack[:] = bound
        self.sides[:] = min(centre / bound, 1.0) if bound > 0 else 0.0
        self.y = np.zeros(rows)

    @property
    def parts(self) -> Matrix:
        """Positive and negative parts of the effects, shape `(2, m)`."""
        return self.primal[: 2 * self.m].reshape(2, -1)

    @property
    def slack(self) -> Matrix:
        """Distance of each residual to the lower and upper bound, shape `(2, rows)`."""
        return self.primal[2 * self.m :].reshape(2, self.rows)

    @property
    def reduced(self) -> Matrix:
        """Reduced costs of the parts, shape `(2, m)`."""
        return self.dual[: 2 * self.m].reshape(2, -1)

    @property
    def sides(self) -> Matrix:
        """Multipliers of the two sides of the bound, shape `(2, rows)`."""
        return self.dual[2 * self.m :].reshape(2, self.rows)

    def fit(self, effects: Vector) -> Vector:
        """Values of the non-empty coalitions of possible effects."""
        full = np.zeros(2 * self.size)
        full[self.possible] = effects
        values: Vector = values_of(full)
        return values[1:]

    def sums(self, y: Vector) -> Vector:
        """The transpose of `fit`."""
        full = np.zeros(self.size)
        full[1:] = y
        sums: Vector = sums_where_firing(full)
        return sums[self.possible]

    @property
    def effects(self) -> Vector:
        """Possible effects, shape `(m,)`."""
        effects: Vector = self.parts[0] - self.parts[1]
        return effects

    def objective(self) -> float:
        """Price of the effects."""
        return float(self.price @ np.abs(self.effects))

    def lower_bound(self) -> float:
        """Proven bound of the least price, from y scaled to be feasible."""
        excess = max(1.0, float((np.abs(self.sums(self.y)) / self.price).max()))
        return float(self.u @ self.y - self.bound * np.abs(self.y).sum()) / excess

    def move(self, primal: Vector, dual: Vector, y: Vector, accurate: bool) -> None:
        """Take a step; `accurate` recomputes reduced costs from y."""
        self.primal += primal
        self.dual = np.maximum(self.dual + dual, _LEAST)
        if self.rows:
            slack = np.maximum(self.slack, _LEAST)
            self.slack[:] = np.where(slack > slack[::-1], 2 * self.bound - slack[::-1], slack)
            self.y = self.sides[0] - self.sides[1]
        else:
            self.y = self.y + y
        if accurate:  # reduced costs follow from y; recomputed where they are large enough to gain by it
            sums = self.sums(self.y)
            exact = np.stack([self.price - sums, self.price + sums])
            self.reduced[:] = np.where(exact > _LARGE_COST, exact, self.reduced)


class Newton:
    """The linear system of one iterate, factored once, solved for several right-hand sides."""

    def __init__(self, at: Iterate, refinements: int) -> None:
        self.at, self.refinements = at, refinements
        self.scale = (at.parts / at.reduced).sum(0)
        self.softness = 1 / (at.sides / at.slack).sum(0) if at.rows else np.zeros(at.size - 1)
        full = np.zeros(2 * at.size)
        full[at.possible] = self.scale
        ridge = _RIDGE
        while True:
            normal = normal_matrix(full, np.arange(1, at.size))
            diagonal = np.einsum("ii->i", normal)
            diagonal *= 1 + ridge
            diagonal += self.softness
            self.factor, status = lapack.dpotrf(normal, lower=1, clean=0, overwrite_a=1)
            self.failed = status != 0
            if not self.failed or ridge > _LARGEST_RIDGE:
                break
            ridge *= _RIDGE_GROWTH
        mismatch = at.u - at.fit(at.effects)
        self.mismatch = mismatch - 0.5 * (at.slack[1] - at.slack[0]) if at.rows else mismatch

    def direction(self, target: Vector) -> tuple[Vector, Vector, Vector]:
        """Changes of primal, dual and y that bring the products of the pairs to `target` more, to first order."""
        at = self.at
        goal, goal_rows = target[: 2 * at.m].reshape(2, -1), target[2 * at.m :].reshape(2, at.rows)
        quotient = goal / at.reduced
        right = self.mismatch - at.fit(quotient[0] - quotient[1])
        if at.rows:
            quotient_rows = goal_rows / at.slack
            pull = quotient_rows[0] - quotient_rows[1]
            right = right + pull * self.softness
        y = solved(self.factor, right)
        sums = at.sums(y)
        for _ in range(self.refinements):
            y = y + solved(self.factor, right - at.fit(self.scale * sums) - self.softness * y)
            sums = at.sums(y)
        both = np.stack([sums, -sums])
        primal, dual = [((goal + at.parts * both) / at.reduced).ravel()], [-both.ravel()]
        if at.rows:
            residual = (y - pull) * self.softness
            both = np.stack([residual, -residual])
            primal.append(-both.ravel())
            dual.append(((goal_rows + at.sides * both) / at.slack).ravel())
        return np.concatenate(primal), np.concatenate(dual), y


@lru_cache(maxsize=4)
def _start_factor(size: int, and_only: bool) -> Matrix:
    """Cholesky factor of D D^T, for the feasible start."""
    scales = possible_effects(size.bit_length() - 1).astype(np.float64)
    if and_only:
        scales[size:] = 0.0
    factor: Matrix = lapack.dpotrf(normal_matrix(scales, np.arange(1, size)), lower=1, clean=0, overwrite_a=1)[0]
    return factor


def solved(factor: Matrix, right: Vector) -> Vector:
    """The solution of a linear system from its lower Cholesky factor."""
    solution: Vector = lapack.dpotrs(factor, right, lower=1)[0]
    return solution
