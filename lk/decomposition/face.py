"""The canonical point: of all optimal decompositions, the one that does not depend on how it was found.

Optima of the decomposition are rarely unique. By complementarity, any optimal dual y describes all of them. Effects
with |D^T y| below their weight vanish, the others keep the sign of D^T y, and coalitions with y != 0 have their
residual at the bound. The point of least Euclidean norm in this face is unique, whatever solver, start, machine or
naming of players led there. Tolerances decide here which effects and coalitions count as tight;
`lk.decomposition.canonical` proves the result.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import nnls

from lk.decomposition.operator import Flags, Indices, Matrix, Vector, normal_matrix, sums_where_firing, values_of

_ACTIVE = 1e-8  # an effect may be in use when |D^T y| reaches its weight up to this
_MULTIPLIER = 1e-9  # a coalition is active, at its bound, when |y| exceeds this
_DEPENDENT = 1e-11  # pivot, relative to the diagonal of the normal matrix, below which a coalition depends on others
_LARGEST_FACE = 1200  # dimension beyond which no least-norm point is sought: 0.9 s at 423, growing with the cube
_EXACT = 1e-12  # violation of a constraint that counts as rounding (games are scaled to max |u| = 1)


@dataclass(frozen=True)
class Face:
    """Optimal effects: signs on `effects`, zero elsewhere.

    Residuals at `sign * bound` on `coalitions`, within the bound elsewhere.
    """

    effects: Indices
    effect_sign: Vector
    coalitions: Indices
    coalition_sign: Vector

    @classmethod
    def of(cls, multipliers: Vector, bound: float, weight: Vector) -> "Face":
        """The optimal face, from an optimal dual."""
        sums = sums_where_firing(multipliers)
        effects = np.nonzero(np.abs(sums) >= weight * (1 - _ACTIVE))[0]
        coalitions = np.nonzero(np.abs(multipliers) > _MULTIPLIER)[0] if bound > 0 else np.arange(1, len(multipliers))
        return cls(effects, np.sign(sums[effects]), coalitions, np.sign(multipliers[coalitions]))

    def same_as(self, other: "Face") -> bool:
        """Whether two descriptions agree."""
        return np.array_equal(self.effects, other.effects) and np.array_equal(self.coalitions, other.coalitions)


class Equations:
    """The linear equations D[coalitions, effects] of a face, factored once.

    Their normal matrix counts effects, so it is exact. Independent equations take its Cholesky factor; dependent ones,
    which games with ties have, a pivoted one, whose first `rank` coalitions in `order` carry all others.
    """

    def __init__(self, face: Face, size: int) -> None:
        self.face = face
        self.size = size
        scales = np.zeros(2 * size)
        scales[face.effects] = 1.0
        self.order, self.rank = np.arange(len(face.coalitions)), len(face.coalitions)
        if len(face.effects) >= len(face.coalitions):
            normal = normal_matrix(scales, face.coalitions)
            diagonal = np.diagonal(normal).copy()
            self.factor, status = lapack.dpotrf(normal, lower=1, clean=0, overwrite_a=1)
            if status == 0 and bool((np.diagonal(self.factor) ** 2 > _DEPENDENT * diagonal).all()):
                return
        normal = normal_matrix(scales, face.coalitions)
        least = _DEPENDENT * float(np.diagonal(normal).max(initial=1.0))
        self.factor, pivots, self.rank, _ = lapack.dpstrf(normal, tol=least, lower=1, overwrite_a=1)
        self.order = pivots - 1

    def _solved(self, right: Matrix) -> Matrix:
        """Solve the normal equations of the independent coalitions; zero on the others."""
        chosen = self.order[: self.rank]
        solution = np.zeros_like(right)
        if self.rank:
            solution[chosen] = lapack.dpotrs(self.factor[: self.rank, : self.rank], right[chosen], lower=1)[0]
        return solution

    @cached_property
    def left_null_space(self) -> Matrix:
        """Orthonormal combinations of coalitions that no effect on the face touches, shape (coalitions, how many)."""
        rank, count = self.rank, len(self.order)
        space = np.zeros((count, count - rank))
        if rank == count:
            return space
        space[self.order[rank:]] = np.eye(count - rank)
        for _ in range(3):  # once to solve, then refinement: errors here would end a dual ascent too early
            seen = np.stack([self.fit(self.sums(column)) for column in space.T], axis=1)
            space = space - self._solved(seen)
        basis: Matrix = np.linalg.qr(space)[0]
        return basis

    def fit(self, effects: Vector) -> Vector:
        """The values on the face's coalitions of effects given on the face's effects."""
        values: Vector = values_of(self.full(effects))
        return values[self.face.coalitions]

    def sums(self, multipliers: Vector) -> Vector:
        """The transpose of `fit`."""
        full = np.zeros(self.size)
        full[self.face.coalitions] = multipliers
        sums: Vector = sums_where_firing(full)
        return sums[self.face.effects]

    def full(self, effects: Vector) -> Vector:
        """Effects on the face, as a vector over all effects."""
        full = np.zeros(2 * self.size)
        full[self.face.effects] = effects
        return full

    def pulled(self, targets: Vector) -> tuple[Vector, Vector]:
        """Effects of least norm with `fit(effects) = targets`, and multipliers of which they are the sums."""
        effects, pull = np.zeros(len(self.face.effects)), np.zeros(len(targets))
        for _ in range(4):  # refinement: the normal matrix squares the condition
            step = self._solved(targets - self.fit(effects))
            effects, pull = effects + self.sums(step), pull + step
        return effects, pull

    def multipliers(self, prices: Vector, start: Vector) -> Vector:
        """Multipliers near `start` with `sums(multipliers) = prices`, as well as possible."""
        multipliers = start.copy()
        for _ in range(3):
            multipliers = multipliers + self._solved(self.fit(prices - self.sums(multipliers)))
        return multipliers

    def directions(self) -> Matrix:
        """An orthonormal basis of the effects that change no value, shape (effects, dimension)."""
        basis = np.random.default_rng(0).standard_normal((len(self.face.effects), len(self.face.effects) - self.rank))
        for _ in range(2 if basis.size else 0):  # twice: the first projection leaves rounding behind
            changes = np.stack([self.fit(column) for column in basis.T], axis=1)
            basis = basis - np.stack([self.sums(column) for column in self._solved(changes).T], axis=1)
            basis = np.linalg.qr(basis)[0]
        return basis


@dataclass(frozen=True)
class Point:
    """A point of the optimal face.

    Effects `(2 * 2**n,)`, and `pull` `(2**n,)`, multipliers whose sums keep the norm from falling.

    At the point of least norm, D^T pull equals the effects, up to constraints of sign; it is the proof of least norm.
    """

    effects: Vector
    pull: Vector


def canonical_point(u: Vector, bound: float, face: Face) -> Point | None:
    """The point of least Euclidean norm of the optimal face.

    Args:
        u: centred game, shape `(2**n,)`, scaled to max |u| = 1.
        bound: largest residual.
        face: the optimal face.

    Returns:
        None when the description turns out not to be that of a non-empty face.
    """
    if len(face.effects) == 0:
        return Point(np.zeros(2 * len(u)), np.zeros(len(u)))
    return shortest_point(u, bound, Equations(face, len(u)))


def shortest_point(u: Vector, bound: float, equations: Equations) -> Point | None:
    """`canonical_point` with the equations of the face already factored."""
    face = equations.face
    targets = u[face.coalitions] - bound * face.coalition_sign
    effects, held = equations.pulled(targets)
    if np.abs(equations.fit(effects) - targets).max(initial=0.0) > 1e-10:
        return None
    free = np.ones(len(u), dtype=bool)  # coalitions whose residual may lie anywhere within the bound
    free[face.coalitions] = False
    free[0] = False
    pull = np.zeros(len(u))
    residual = (u - values_of(equations.full(effects)))[free]
    needed = np.concatenate([-face.effect_sign * effects, residual - bound, -residual - bound])
    if needed.max(initial=0.0) > _EXACT:
        basis = equations.directions()
        moved = (
            np.stack([values_of(equations.full(column))[free] for column in basis.T], axis=1)
            if basis.size
            else np.zeros((free.sum(), 0))
        )
        found = _shortest_step(np.concatenate([face.effect_sign[:, None] * basis, moved, -moved]), needed)
        if found is None:
            return None
        step, pressures = found
        effects = effects + basis @ step
        signs, above, below = np.split(pressures, [len(effects), len(effects) + len(residual)])
        effects[signs > 0] = 0.0
        pull[free] = above - below
        outside = face.effect_sign * signs + sums_where_firing(pull)[face.effects]
        held = held - equations.pulled(equations.fit(outside))[1]
        for _ in range(2):  # the basis leaves rounding behind
            effects = effects + equations.sums(equations._solved(targets - equations.fit(effects)))
            effects[signs > 0] = 0.0
    pull[face.coalitions] = held
    effects[face.effect_sign * effects < _EXACT] = 0.0
    return Point(equations.full(effects), pull)


def _shortest_step(slopes: Matrix, needed: Vector) -> tuple[Vector, Vector] | None:
    """The shortest x with slopes @ x >= needed, and the pressures p >= 0 with x = slopes^T p.

    By non-negative least squares (Lawson and Hanson, 1974, ch. 23, problem LDP).
    """
    dimension = slopes.shape[1]
    if not 0 < dimension <= _LARGEST_FACE:
        return None
    relaxed = needed - 0.1 * _EXACT
    system = np.concatenate([slopes.T, relaxed[None]])
    goal = np.zeros(dimension + 1)
    goal[-1] = 1.0
    try:
        pressures, _ = nnls(system, goal, maxiter=50 * (dimension + 10))
    except RuntimeError:
        return None
    rest = system @ pressures - goal
    if rest[-1] >= 0:
        return None  # no point satisfies all: the face is empty
    step = -rest[:-1] / rest[-1]
    pressures = -pressures / rest[-1]
    tight = np.nonzero(pressures > 0)[0]
    polished = np.linalg.lstsq(slopes[tight], needed[tight], rcond=1e-10)[0]
    if (needed - slopes @ polished).max() <= max(_EXACT, (needed - slopes @ step).max()):
        step = polished
        pressures[tight] = np.linalg.lstsq(slopes[tight].T, step, rcond=1e-10)[0]
    return (step, pressures) if (needed - slopes @ step).max() < 1e-9 else None


def partition(effects_in_use: Flags, effect_sign: Vector, active: Flags, coalition_sign: Vector) -> Face:
    """A guess of the optimal face, from flags over all effects and all coalitions."""
    effects, coalitions = np.nonzero(effects_in_use)[0], np.nonzero(active)[0]
    return Face(effects, effect_sign[effects], coalitions, coalition_sign[coalitions])
