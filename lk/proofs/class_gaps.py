r"""How far the main part of `schur` can fall behind, for every class of wrong answers.

N against a constant, or against one-sided functions.

The inequality and its numbers a_K, r_K, d_K are those of `lk.proofs.schur`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from lk.groups import Group
from lk.proofs.rounding import UNIT, WIDER, Floats, Ints, gamma


class Means(NamedTuple):
    """What N is compared with: F + P(x) + Q(y).

    Attributes:
        constant: F, shape `(D,)`.
        along_x: P, shape `(n, D)`.
        along_y: Q, shape `(n, D)`.
    """

    constant: Any
    along_x: Any
    along_y: Any


class Classes(NamedTuple):
    """Numbers of each representation and class of wrong answers, and the least gaps of F, P and Q over each class.

    Attributes:
        dimensions: d, shape `(representations,)`.
        a: a_K, shape `(representations, classes)`.
        r: r_K.
        t: d_K.
        alone: Of F, shape `(classes,)`.
        from_x: Of P and theta F, shape `(n, classes)`.
        from_y: Of Q and the rest of F.
    """

    dimensions: Any
    a: Any
    r: Any
    t: Any
    alone: Any
    from_x: Any
    from_y: Any


def largest_size(rho: Floats) -> float:
    """Max |rho(g)|_F, enlarged to cover its rounding."""
    return float(WIDER * np.sqrt((rho**2).sum((1, 2)).max()))


def one_sided_means(coordinates: Floats, xs: Ints, ys: Ints, n: int) -> Means:
    """F, P and Q: the mean of N over pairs, and the differences from it of the means over one x or one y.

    Any numbers are sound.
    """
    constant = coordinates.mean(0)
    count_x, count_y = np.bincount(xs, minlength=n)[:, None], np.bincount(ys, minlength=n)[:, None]
    along_x, along_y = (
        _sums(coordinates, at, n) / np.maximum(count, 1) - constant for at, count in ((xs, count_x), (ys, count_y))
    )
    return Means(constant, np.where(count_x, along_x, 0.0), np.where(count_y, along_y, 0.0))


def equivariant_gap(
    group: Group,
    matrices: Sequence[Floats],
    coordinates: Floats,
    xs: Ints,
    ys: Ints,
    theta: float,
    means: Means,
) -> tuple[Floats, Floats]:
    """Lower bounds of min over w != e of sum <rho(e) - rho(w), N>, from F or from F, P and Q, and their rounding error.

    Error: every number here is a sum of at most 2 D + 8 terms per representation, of products that are bounded by
    4 max |rho|_F (|N|_F + |F|_F + |P|_F + |Q|_F): a_K |tr E| <= |rho(e) - rho(w)|_F |E|_F on average over the class,
    r_K and d_K / sqrt(d) are at most twice that size, and the differences N - F - P - Q pass three roundings.
    """
    n, e = group.order, group.identity
    constant, along_x, along_y = means
    basis = np.hstack([rho.reshape(n, -1) for rho in matrices])
    differences = basis[e] - basis
    labels = class_labels(group)
    classes = labels.max() + 1
    alone = class_minima(differences @ constant, labels, classes)
    from_x = class_minima(along_x @ differences.T + theta * (differences @ constant), labels, classes)
    from_y = class_minima(along_y @ differences.T + (1.0 - theta) * (differences @ constant), labels, classes)
    dimensions = np.array([rho.shape[1] for rho in matrices])
    numbers = [class_numbers(rho, e, labels, int(classes)) for rho in matrices]
    a, r, t = (np.stack([part[i] for part in numbers]) for i in range(3))
    gap = np.empty(len(xs))
    _schur_gap(coordinates, means, Classes(dimensions, a, r, t, alone, from_x, from_y), xs, ys, gap)
    error, begin = np.zeros(len(xs)), 0
    for rho in matrices:
        part = slice(begin, begin + rho.shape[1] ** 2)
        sizes = [np.sqrt((table[..., part] ** 2).sum(-1)) for table in (coordinates, along_x, along_y, constant)]
        size = sizes[0] + sizes[1][xs] + sizes[2][ys] + 2.0 * sizes[3]
        error += WIDER**4 * 16.0 * gamma(8 * basis.shape[1] + 64) * largest_size(rho) * size
        begin += rho.shape[1] ** 2
    return gap, error


def class_labels(group: Group) -> Ints:
    """Class of each element, -1 for the identity: every other element has one, or a wrong answer would go unseen."""
    labels = np.unique(group.classes, return_inverse=True)[1].astype(np.int64)
    own = labels == labels[group.identity]
    labels[own] = labels.max() + 1 if own.sum() > 1 else -1
    labels[group.identity] = -1
    kept = np.arange(group.order) != group.identity
    labels[kept] = np.unique(labels[kept], return_inverse=True)[1]
    return np.asarray(labels)


def class_minima(values: Floats, labels: Ints, classes: int) -> Floats:
    """Least entry over each class, along the last axis: shape `(..., classes)`."""
    return np.stack([values[..., labels == k].min(-1) for k in range(classes)], axis=-1)


def class_numbers(rho: Floats, e: int, labels: Ints, classes: int) -> tuple[Floats, Floats, Floats]:
    """a_K, r_K, d_K of the module's inequality for every class; r_K and d_K enlarged to cover their rounding."""
    d = rho.shape[1]
    a, r, t = np.empty((3, classes))
    for k in range(classes):
        difference = rho[e] - rho[labels == k]
        traces = np.trace(difference, axis1=1, axis2=2)
        a[k] = traces.mean() / d
        size = np.sqrt((difference**2).sum((1, 2)).max())
        remainder = difference - a[k] * np.eye(d)
        r[k] = np.sqrt((remainder**2).sum((1, 2)).max())
        t[k] = np.abs(traces - d * a[k]).max() + 8.0 * UNIT * (d + 4) * d * (size + abs(a[k]))
        r[k] += 8.0 * UNIT * (d * d + 4) * (size + d * abs(a[k]))
    return a, r, t


def _sums(values: Floats, at: Ints, n: int) -> Floats:
    sums = np.zeros((n, values.shape[1]))
    _add_at(values, at, sums)
    return sums


@njit(cache=True, nogil=True)
def _add_at(values: Any, at: Any, sums: Any) -> None:
    for p in range(values.shape[0]):
        for k in range(values.shape[1]):
            sums[at[p], k] += values[p, k]


@njit(cache=True, nogil=True)
def _schur_gap(coordinates: Any, means: Means, of: Classes, xs: Any, ys: Any, gap: Any) -> None:
    classes = of.a.shape[1]
    low = np.empty((2, classes))
    for p in range(xs.shape[0]):
        x, y = xs[p], ys[p]
        low[:] = 0.0
        begin = 0
        for k in range(of.dimensions.shape[0]):
            end = begin + of.dimensions[k] ** 2
            here, flat = coordinates[p, begin:end], means.constant[begin:end]
            _lower(here, flat, means.along_x[x, begin:end], means.along_y[y, begin:end], of, k, low)
            begin = end
        full, half = np.inf, np.inf
        for c in range(classes):
            full = min(full, of.alone[c] + low[0, c])
            half = min(half, of.from_x[x, c] + of.from_y[y, c] + low[1, c])
        gap[p] = max(full, half)


@njit(cache=True, nogil=True)
def _lower(coordinates: Any, constant: Any, along_x: Any, along_y: Any, of: Classes, k: int, low: Any) -> None:
    """Add the inequality of representation k for every class: of N - F to row 0 of `low`, of N - F - P - Q to row 1."""
    d = of.dimensions[k]
    trace, trace_half = 0.0, 0.0
    for j in range(0, d * d, d + 1):
        error = coordinates[j] - constant[j]
        trace += error
        trace_half += error - along_x[j] - along_y[j]
    mean, mean_half = trace / d, trace_half / d
    squares, squares_half = 0.0, 0.0
    for j in range(d * d):
        error = coordinates[j] - constant[j]
        half = error - along_x[j] - along_y[j]
        if j % (d + 1) == 0:
            error -= mean
            half -= mean_half
        squares += error * error
        squares_half += half * half
    norm, norm_half = np.sqrt(squares), np.sqrt(squares_half)
    for c in range(low.shape[1]):
        low[0, c] += of.a[k, c] * trace - of.r[k, c] * norm - of.t[k, c] * abs(mean)
        low[1, c] += of.a[k, c] * trace_half - of.r[k, c] * norm_half - of.t[k, c] * abs(mean_half)
