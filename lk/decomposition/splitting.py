r"""Operator splitting: whole batches without a residual, to a moderate gap.

Without a residual the AND effects a decide everything: with :math:`w_S = (-1)^{|S|} I_{or}(S)`,

.. math:: w = K a + c, \qquad (K a)_S = \sum_{T \supseteq S} a_T, \qquad c_S = (-1)^{|S|} (O u)_S

where O is the OR transform, and the strength is :math:`|a|_1 + |w|_1`. K is a Kronecker product of 2 x 2 matrices, and so are its singular
vectors: the projection onto this graph, which is all that the alternating direction method of multipliers (ADMM) needs beside a shrinkage,
is exact in O(n 2**n) for any step,

.. math:: a = V (1 + \Sigma^2)^{-1} V^T [a' + K^T (w' - c)], \qquad w = K a + c,

two butterflies of rotations and two of sums. Games lie side by side, one per vector lane; a lane whose game is proven takes the next game.

Sources: Boyd et al., 2011, Sect. 3 and 3.4.3 (over-relaxation 1.7); Parikh and Boyd, 2014 (graph projection).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from lk.decomposition.operator import FAST, Vector
from lk.decomposition.parallel import in_threads
from lk.transforms import inverse_harsanyi, number_of_players, or_interactions, orders, superset_sums

_CHECK_EVERY = 20
_RELAXATION = np.float32(1.7)
_FIRST_PENALTY = np.float32(10.0)
_LANES = 8  # games side by side: one register of float32


@dataclass(frozen=True)
class Split:
    """Effects `(2 * 2**n, games)` and multipliers `(2**n, games)` in float64, iterations `(games,)`."""

    effects: Tensor
    multipliers: Tensor
    iterations: Tensor


def split(u: Tensor, gap: float, most_iterations: int = 4000) -> Split:
    """Solve a batch of centred games without a residual.

    Args:
        u: centred games, shape `(2**n, games)`, float64, each scaled to max |u| near 1.
        gap: relative gap at which a game stops; float32 arithmetic ends near 1e-4.
        most_iterations: stop after so many.

    Returns:
        The point with the smallest gap that was seen for each game.
    """
    n, games = number_of_players(u), u.shape[1]
    sign = torch.where(orders(n) % 2 == 0, 1.0, -1.0).to(u).unsqueeze(1)
    offset = sign * or_interactions(u)
    offset[0] = 0.0
    offsets = offset.float().numpy()
    best_a, best_y = np.zeros_like(offsets), np.zeros_like(offsets)
    iterations = np.zeros(games, dtype=np.int64)
    lanes = _LANES if games > 2 and n <= 12 else 1  # beyond, the lanes of one game fill the cache
    threads = min(torch.get_num_threads(), -(-games // lanes))
    cosine, sine, spectrum = _singular_vectors(n)

    def share(thread: int) -> None:
        first, last = games * thread // threads, games * (thread + 1) // threads
        _iterate(offsets, first, last, lanes, gap, most_iterations, cosine, sine, spectrum, best_a, best_y, iterations)

    in_threads(share, range(threads))
    a, y = torch.from_numpy(best_a).double(), torch.from_numpy(best_y).double()
    return Split(*solution(u, a, y), torch.from_numpy(iterations))


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
    """Per player (absent, present) -> (cos absent + sin present, cos present - sin absent), two players per crossing of memory."""
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


@njit(cache=True, nogil=True, fastmath=FAST)
def _add_subsets(flat: Any, unit: int) -> None:
    """Sums over subsets in place, two players per crossing of memory."""
    total = flat.shape[0]
    half = unit
    while 4 * half <= total:
        for start in range(0, total, 4 * half):
            none, first = flat[start : start + half], flat[start + half : start + 2 * half]
            second, both = flat[start + 2 * half : start + 3 * half], flat[start + 3 * half : start + 4 * half]
            for i in range(half):
                p = none[i] + first[i]
                both[i] += second[i] + p
                second[i] += none[i]
                first[i] = p
        half *= 4
    if half < total:
        absent, present = flat[:half], flat[half:]
        for i in range(half):
            present[i] += absent[i]


@njit(cache=True, nogil=True, fastmath=FAST)
def _add_supersets(flat: Any, unit: int) -> None:
    """Sums over supersets in place, two players per crossing of memory."""
    total = flat.shape[0]
    half = unit
    while 4 * half <= total:
        for start in range(0, total, 4 * half):
            none, first = flat[start : start + half], flat[start + half : start + 2 * half]
            second, both = flat[start + 2 * half : start + 3 * half], flat[start + 3 * half : start + 4 * half]
            for i in range(half):
                p = second[i] + both[i]
                none[i] += first[i] + p
                first[i] += both[i]
                second[i] = p
        half *= 4
    if half < total:
        absent, present = flat[:half], flat[half:]
        for i in range(half):
            absent[i] += present[i]


@njit(cache=True, nogil=True, fastmath=FAST)
def _iterate(
    offsets: Any, first: int, last: int, lanes: int, gap: float, most: int, cosine: Any, sine: Any, spectrum: Any,
    best_a: Any, best_y: Any, iterations: Any,
) -> None:  # fmt: skip
    """Games `first` to `last` of the batch; the state is `(2**n * lanes,)`, lane by lane within a coalition."""
    size = offsets.shape[0]
    total = size * lanes
    one, excess = np.float32(1.0), np.float32(_RELAXATION - 1)
    a, w, offset = np.zeros(total, np.float32), np.zeros(total, np.float32), np.zeros(total, np.float32)
    small_a, small_w = np.zeros(total, np.float32), np.zeros(total, np.float32)  # shrunken copies of a and w
    dual_a, dual_w = np.zeros(total, np.float32), np.zeros(total, np.float32)  # scaled by the penalty
    old_a, old_w, y = np.zeros(total, np.float32), np.zeros(total, np.float32), np.zeros(total, np.float32)
    penalty = np.full(lanes, _FIRST_PENALTY)
    amount = np.full(total, one / _FIRST_PENALTY)  # of the shrinkage, one over the penalty
    damping = np.repeat(spectrum, lanes)
    smallest = np.full(lanes, np.float32(np.inf))
    game = np.full(lanes, -1)  # of each lane
    done = np.zeros(lanes, np.int64)
    coming, running = first, 0
    while True:
        for lane in range(lanes):
            if game[lane] < 0 and coming < last:
                game[lane], done[lane] = coming, 0
                penalty[lane], smallest[lane] = _FIRST_PENALTY, np.inf
                for s in range(size):
                    at = s * lanes + lane
                    offset[at], amount[at] = offsets[s, coming], one / _FIRST_PENALTY
                    small_a[at] = small_w[at] = dual_a[at] = dual_w[at] = 0
                coming += 1
                running += 1
        if running == 0:
            return
        for step in range(_CHECK_EVERY):
            for i in range(total):
                w[i] = small_w[i] - dual_w[i] - offset[i]
            _add_subsets(w, lanes)
            for i in range(total):
                a[i] = small_a[i] - dual_a[i] + w[i]
            _rotate(a, lanes, cosine, sine)
            for i in range(total):
                a[i] *= damping[i]
            _rotate(a, lanes, cosine, -sine)
            for i in range(total):
                w[i] = a[i]
            _add_supersets(w, lanes)
            if step == _CHECK_EVERY - 1:
                old_a[:], old_w[:] = small_a, small_w
            for i in range(total):
                w[i] += offset[i]
                total_a = _RELAXATION * a[i] - excess * small_a[i] + dual_a[i]
                total_w = _RELAXATION * w[i] - excess * small_w[i] + dual_w[i]
                dual_a[i] = min(max(total_a, -amount[i]), amount[i])
                dual_w[i] = min(max(total_w, -amount[i]), amount[i])
                small_a[i] = total_a - dual_a[i]
                small_w[i] = total_w - dual_w[i]
            for lane in range(lanes):  # the empty coalition costs nothing
                small_a[lane] += dual_a[lane]
                small_w[lane] += dual_w[lane]
                dual_a[lane] = dual_w[lane] = 0
        # Any y gives a proven bound once it is divided by its steepest sum.
        for s in range(size):
            for lane in range(lanes):
                y[s * lanes + lane] = penalty[lane] * dual_w[s * lanes + lane]
        objective, below = np.zeros(lanes, np.float32), np.zeros(lanes, np.float32)
        steepest = np.ones(lanes, np.float32)
        primal_rest, dual_rest = np.zeros(lanes, np.float32), np.zeros(lanes, np.float32)
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
        _add_subsets(old_a, lanes)
        for s in range(1, size):
            for lane in range(lanes):
                steepest[lane] = max(steepest[lane], abs(old_a[s * lanes + lane]))
        for lane in range(lanes):
            if game[lane] < 0:
                continue
            done[lane] += _CHECK_EVERY
            bound = max(abs(below[lane]) / steepest[lane], np.float32(1e-30))
            found = (objective[lane] - bound) / bound
            if found < smallest[lane]:
                smallest[lane] = found
                iterations[game[lane]] = done[lane]
                for s in range(size):
                    best_a[s, game[lane]] = a[s * lanes + lane]
                    best_y[s, game[lane]] = y[s * lanes + lane]
            if not found > gap or done[lane] >= most:
                iterations[game[lane]] = done[lane]
                game[lane] = -1
                running -= 1
            elif done[lane] <= most // 2:
                factor = np.sqrt(
                    min(max(np.sqrt(primal_rest[lane] / max(dual_rest[lane], np.float32(1e-20))), 0.25), 4.0)
                )
                if factor > 1.2 or factor < 1 / 1.2:
                    penalty[lane] *= np.float32(factor)
                    for s in range(size):
                        amount[s * lanes + lane] = one / penalty[lane]
                        dual_a[s * lanes + lane] /= np.float32(factor)
                        dual_w[s * lanes + lane] /= np.float32(factor)


def solution(u: Tensor, a: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Effects `(2 * 2**n, ...)` and multipliers `(2**n, ...)` of the games u that belong to AND effects a and the dual y of w = K a + c.

    The OR effects follow from a; those of single players are merged into AND. All in the shape and precision of `u`.
    """
    order = orders(number_of_players(u))
    a = a.clone()
    a[0] = 0.0
    o = or_interactions(u - inverse_harsanyi(a))
    a[order == 1] += o[order == 1]
    o[order == 1] = 0.0
    o[0] = 0.0
    sign = torch.where(order % 2 == 0, 1.0, -1.0).to(u).reshape(-1, *[1] * (u.ndim - 1))
    return torch.cat([a, o]), -(sign * superset_sums(y)).flip(0)
