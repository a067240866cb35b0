r"""Operator splitting: whole batches without a residual, to a moderate gap.

Without a residual the AND effects a decide everything: with :math:`w_S = (-1)^{|S|} I_{or}(S)`,

.. math:: w = K a + c, \qquad (K a)_S = \sum_{T \supseteq S} a_T, \qquad c_S = (-1)^{|S|} (O u)_S

where O is the OR transform, and the strength is :math:`|a|_1 + |w|_1`. K is a Kronecker product of 2 x 2 matrices, and
so are its singular vectors: the projection onto this graph, which is all that the alternating direction method of
multipliers (ADMM) needs beside a shrinkage, is exact in O(n 2**n) for any step,

.. math:: a = V (1 + \Sigma^2)^{-1} V^T [a' + K^T (w' - c)], \qquad w = K a + c,

two butterflies of rotations and two of sums. Games lie side by side, one per vector lane; a lane whose game is proven
takes the next game.

Sources: Boyd et al., 2011, Sect. 3 and 3.4.3 (over-relaxation 1.7); Parikh and Boyd, 2014 (graph projection).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor

from lk.decomposition.operator import Vector
from lk.decomposition.parallel import in_threads
from lk.decomposition.problem import INTERIOR_PLAYERS, Answer, Problem
from lk.transforms import (
    FAST,
    add_subsets,
    add_supersets,
    alternating,
    inverse_harsanyi,
    number_of_players,
    or_interactions,
    orders,
    superset_sums,
)

# The rule that `lk.decomposition.joint` shares.
CHECK_EVERY = 20  # iterations between two gaps
RELAXATION = 1.7  # Boyd et al., 2011, Sect. 3.4.3: 1.5 to 1.8
FIRST_PENALTY = 10.0
LARGEST_RATIO = 4.0  # of primal to dual rest, or its inverse, that one change of the penalty answers by its root
SMALLEST_CHANGE = 1.2  # of the penalty; less is not worth the disturbance
LEAST_REST = 1e-20
_LANES = 8  # games side by side: one register of float32


@dataclass(frozen=True)
class Splitting:
    """Operator splitting as a solver: games without a residual whose canonical point is not wanted or out of reach.

    Args:
        proven: leave games whose gap is not proven to the next solver; otherwise answer every game without a residual.
    """

    proven: bool = True

    def solve(self, problems: Sequence[Problem]) -> list[Answer | None]:
        """Points within the gap, the whole batch at once; None for other games."""
        answers: list[Answer | None] = [None] * len(problems)
        chosen = [place for place, problem in enumerate(problems) if self._takes(problem)]
        if not chosen:
            return answers
        batch = torch.from_numpy(np.stack([problems[place].u for place in chosen], axis=1))
        effects, multipliers, iterations = (each.numpy() for each in split(batch, 0.9 * problems[0].gap))
        for column, place in enumerate(chosen):
            problem, steps = problems[place], int(iterations[column])
            answer = Answer(effects[:, column], multipliers[:, column], "splitting", steps, False)
            checked = problem.checked(answer)
            if not self.proven or problem.certified(checked):
                answers[place] = replace(answer, checked=checked)
        return answers

    def _takes(self, problem: Problem) -> bool:
        if problem.inner_bound > 0 or problem.trivial:
            return False
        wanted = problem.or_effects and (not problem.canonical or problem.players > INTERIOR_PLAYERS)
        return wanted or not self.proven


def split(u: Tensor, gap: float, most_iterations: int = 4000) -> tuple[Tensor, Tensor, Tensor]:
    """Solve a batch of centred games without a residual.

    Args:
        u: centred games, shape `(2**n, games)`, float64, each scaled to max |u| near 1.
        gap: relative gap at which a game stops; float32 arithmetic ends near 1e-4.
        most_iterations: stop after so many.

    Returns:
        The point with the smallest gap that was seen for each game: effects `(2 * 2**n, games)`, multipliers
        `(2**n, games)`, iterations `(games,)`.
    """
    n, games = number_of_players(u), u.shape[1]
    offsets = graph_offset(u).float().numpy()
    best_a, best_y = np.zeros_like(offsets), np.zeros_like(offsets)
    iterations = np.zeros(games, dtype=np.int64)
    lanes = _LANES if games > 2 and n <= 12 else 1  # beyond, the lanes of one game fill the cache
    threads = min(torch.get_num_threads(), -(-games // lanes))
    cosine, sine, spectrum = _singular_vectors(n)

    def share(thread: int) -> None:
        first, last = games * thread // threads, games * (thread + 1) // threads
        state = _empty(lanes, spectrum, offsets=offsets, best_a=best_a, best_y=best_y, iterations=iterations)
        _iterate(state, first, last, gap, most_iterations, cosine, sine)

    in_threads(share, range(threads))
    a, y = torch.from_numpy(best_a).double(), torch.from_numpy(best_y).double()
    return *solution(u, a, y), torch.from_numpy(iterations)


def _singular_vectors(n: int) -> tuple[np.float32, np.float32, Any]:
    """Of K for one player, the rotation V; of K for all players, 1 / (1 + squared singular values), shape `(2**n,)`."""
    squared, vectors = np.linalg.eigh(np.array([[1.0, 1.0], [1.0, 2.0]]))  # K^T K
    spectrum: Vector = np.ones(1)
    for _ in range(n):
        spectrum = np.concatenate([spectrum * squared[0], spectrum * squared[1]])
    first = vectors[:, 0] * np.sign(vectors[0, 0])  # (cos, sin); the second vector is then (-sin, cos)
    return np.float32(first[0]), np.float32(first[1]), (1 / (1 + spectrum)).astype(np.float32)


@njit(cache=True, nogil=True, fastmath=FAST)
def _rotate(flat: Any, unit: int, cosine: Any, sine: Any) -> None:
    """Per player (absent, present) -> (cos absent + sin present, cos present - sin absent), two per memory crossing."""
    total = flat.shape[0]
    half = unit
    while 4 * half <= total:
        for start in range(0, total, 4 * half):
            none, first = flat[start : start + half], flat[start + half : start + 2 * half]
            second, both = flat[start + 2 * half : start + 3 * half], flat[start + 3 * half : start + 4 * half]
            for i in range(half):
                p, q = cosine * none[i] + sine * first[i], cosine * first[i] - sine * none[i]
                r, t = cosine * second[i] + sine * both[i], cosine * both[i] - sine * second[i]
                none[i] = cosine * p + sine * r
                second[i] = cosine * r - sine * p
                first[i] = cosine * q + sine * t
                both[i] = cosine * t - sine * q
        half *= 4
    if half < total:
        absent, present = flat[:half], flat[half:]
        for i in range(half):
            p, q = absent[i], present[i]
            absent[i] = cosine * p + sine * q
            present[i] = cosine * q - sine * p


class _State(NamedTuple):
    """Everything that the compiled loop reads and changes.

    Lane by lane within a coalition where nothing else is said.
    """

    offsets: Any  # c of all games, (2**n, games)
    best_a: Any  # of all games, as `best_y` and `iterations`
    best_y: Any
    iterations: Any
    offset: Any  # c of the games in the lanes, (2**n * lanes,)
    a: Any
    w: Any
    small_a: Any  # shrunken copies of a and w
    small_w: Any
    dual_a: Any  # scaled by the penalty
    dual_w: Any
    old_a: Any  # small_a and small_w one step before; then scratch
    old_w: Any
    y: Any
    amount: Any  # of the shrinkage, one over the penalty
    damping: Any  # 1 / (1 + squared singular values)
    penalty: Any  # of each lane, as all that follow
    smallest: Any  # gap seen
    gap: Any
    primal_rest: Any
    dual_rest: Any
    game: Any  # -1 for an empty lane
    done: Any  # iterations of its game


_LINED = ("offset", "a", "w", "small_a", "small_w", "dual_a", "dual_w", "old_a", "old_w", "y", "amount")
_PER_LANE = ("penalty", "smallest", "gap", "primal_rest", "dual_rest")


def _empty(lanes: int, spectrum: Any, **of_games: Any) -> _State:
    """The state with all lanes empty."""
    arrays: dict[str, Any] = {name: np.zeros(len(spectrum) * lanes, np.float32) for name in _LINED}
    arrays |= {name: np.zeros(lanes, np.float32) for name in _PER_LANE}
    game, done = np.full(lanes, -1), np.zeros(lanes, np.int64)
    return _State(damping=np.repeat(spectrum, lanes), game=game, done=done, **arrays, **of_games)


@njit(cache=True, nogil=True, fastmath=FAST)
def _iterate(b: Any, first: int, last: int, gap: float, most: int, cosine: Any, sine: Any) -> None:
    """Solve games `first` to `last` of the batch."""
    coming, running = first, 0
    while True:
        for lane in range(b.game.shape[0]):
            if b.game[lane] < 0 and coming < last:
                _load(b, lane, coming)
                coming += 1
                running += 1
        if running == 0:
            return
        for step in range(CHECK_EVERY):
            if step == CHECK_EVERY - 1:
                b.old_a[:], b.old_w[:] = b.small_a, b.small_w
            _advance(b, cosine, sine)
        _measure(b)
        for lane in range(b.game.shape[0]):
            if b.game[lane] >= 0:
                _keep_best(b, lane)
                if not b.gap[lane] > gap or b.done[lane] >= most:
                    b.game[lane] = -1
                    running -= 1
                elif b.done[lane] <= most // 2:
                    _adapt_penalty(b, lane)


@njit(cache=True, nogil=True, fastmath=FAST)
def _load(b: Any, lane: int, game: int) -> None:
    """Put a game into a lane."""
    lanes, first = b.game.shape[0], np.float32(FIRST_PENALTY)
    b.game[lane], b.done[lane] = game, 0
    b.penalty[lane], b.smallest[lane] = first, np.inf
    for s in range(b.offsets.shape[0]):
        at = s * lanes + lane
        b.offset[at], b.amount[at] = b.offsets[s, game], np.float32(1.0) / first
        b.small_a[at] = b.small_w[at] = b.dual_a[at] = b.dual_w[at] = 0


@njit(cache=True, nogil=True, fastmath=FAST)
def _advance(b: Any, cosine: Any, sine: Any) -> None:
    """One iteration of all lanes: projection onto the graph, shrinkage, dual update."""
    a, w, small_a, small_w, dual_a, dual_w = b.a, b.w, b.small_a, b.small_w, b.dual_a, b.dual_w
    offset, amount, damping = b.offset, b.amount, b.damping
    total, lanes = a.shape[0], b.game.shape[0]
    relaxation = np.float32(RELAXATION)
    excess = np.float32(relaxation - 1)
    for i in range(total):
        w[i] = small_w[i] - dual_w[i] - offset[i]
    add_subsets(w, lanes, True)
    for i in range(total):
        a[i] = small_a[i] - dual_a[i] + w[i]
    _rotate(a, lanes, cosine, sine)
    for i in range(total):
        a[i] *= damping[i]
    _rotate(a, lanes, cosine, -sine)
    for i in range(total):
        w[i] = a[i]
    add_supersets(w, lanes, True)
    for i in range(total):
        w[i] += offset[i]
        total_a = relaxation * a[i] - excess * small_a[i] + dual_a[i]
        total_w = relaxation * w[i] - excess * small_w[i] + dual_w[i]
        dual_a[i] = min(max(total_a, -amount[i]), amount[i])
        dual_w[i] = min(max(total_w, -amount[i]), amount[i])
        small_a[i] = total_a - dual_a[i]
        small_w[i] = total_w - dual_w[i]
    for lane in range(lanes):  # the empty coalition costs nothing
        small_a[lane] += dual_a[lane]
        small_w[lane] += dual_w[lane]
        dual_a[lane] = dual_w[lane] = 0


@njit(cache=True, nogil=True, fastmath=FAST)
def _measure(b: Any) -> None:
    """The relative gap of each lane, and how far the copies are from a and w and from their last values."""
    a, w, small_a, small_w, old_a, old_w, y, offset = b.a, b.w, b.small_a, b.small_w, b.old_a, b.old_w, b.y, b.offset
    primal_rest, dual_rest = b.primal_rest, b.dual_rest
    size, lanes = b.offsets.shape[0], b.game.shape[0]
    # Any y gives a proven bound once it is divided by its steepest sum.
    for s in range(size):
        for lane in range(lanes):
            y[s * lanes + lane] = b.penalty[lane] * b.dual_w[s * lanes + lane]
    objective, below = np.zeros(lanes, np.float32), np.zeros(lanes, np.float32)
    steepest = np.ones(lanes, np.float32)
    primal_rest[:], dual_rest[:] = np.float32(0), np.float32(0)
    for s in range(1, size):
        for lane in range(lanes):
            i = s * lanes + lane
            objective[lane] += abs(a[i]) + abs(w[i])
            below[lane] += offset[i] * y[i]
            steepest[lane] = max(steepest[lane], abs(y[i]))
    for s in range(size):
        for lane in range(lanes):
            i = s * lanes + lane
            primal_rest[lane] += (a[i] - small_a[i]) ** 2 + (w[i] - small_w[i]) ** 2
            dual_rest[lane] += (small_a[i] - old_a[i]) ** 2 + (small_w[i] - old_w[i]) ** 2
    old_a[:] = y
    add_subsets(old_a, lanes, True)
    for s in range(1, size):
        for lane in range(lanes):
            steepest[lane] = max(steepest[lane], abs(old_a[s * lanes + lane]))
    for lane in range(lanes):
        bound = max(abs(below[lane]) / steepest[lane], np.float32(1e-30))
        b.gap[lane] = (objective[lane] - bound) / bound


@njit(cache=True, nogil=True, fastmath=FAST)
def _keep_best(b: Any, lane: int) -> None:
    """Count the iterations of a lane, and store its point if its gap is the smallest so far."""
    lanes, game = b.game.shape[0], b.game[lane]
    b.done[lane] += CHECK_EVERY
    b.iterations[game] = b.done[lane]
    if b.gap[lane] < b.smallest[lane]:
        b.smallest[lane] = b.gap[lane]
        for s in range(b.offsets.shape[0]):
            b.best_a[s, game] = b.a[s * lanes + lane]
            b.best_y[s, game] = b.y[s * lanes + lane]


@njit(cache=True, nogil=True, fastmath=FAST)
def _adapt_penalty(b: Any, lane: int) -> None:
    """Balance the primal and the dual rest of a lane."""
    lanes, one = b.game.shape[0], np.float32(1.0)
    ratio = np.sqrt(b.primal_rest[lane] / max(b.dual_rest[lane], np.float32(LEAST_REST)))
    factor = np.sqrt(min(max(ratio, 1 / LARGEST_RATIO), LARGEST_RATIO))
    if factor > SMALLEST_CHANGE or factor < 1 / SMALLEST_CHANGE:
        b.penalty[lane] *= np.float32(factor)
        for s in range(b.offsets.shape[0]):
            b.amount[s * lanes + lane] = one / b.penalty[lane]
            b.dual_a[s * lanes + lane] /= np.float32(factor)
            b.dual_w[s * lanes + lane] /= np.float32(factor)


def graph_offset(u: Tensor) -> Tensor:
    """C of w = K a + c for the games u, same shape."""
    offset = alternating(u) * or_interactions(u)
    offset[0] = 0.0
    return offset


def solution(u: Tensor, a: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Effects `(2 * 2**n, ...)` and multipliers `(2**n, ...)` of games u, from AND effects a and the graph's dual y.

    The OR effects follow from a; those of single players are merged into AND. All in the shape and precision of `u`.
    """
    order = orders(number_of_players(u))
    a = a.clone()
    a[0] = 0.0
    o = or_interactions(u - inverse_harsanyi(a))
    a[order == 1] += o[order == 1]
    o[order == 1] = 0.0
    o[0] = 0.0
    return torch.cat([a, o]), -(alternating(u) * superset_sums(y)).flip(0)
