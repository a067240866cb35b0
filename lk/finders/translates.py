"""Which neurons are translates of each other, and how well a G-set with labels describes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lk.groups import Group, coset_action, orbitals
from lk.proofs.rounding import Floats, Ints

_ROUNDS = 8


@dataclass(frozen=True, eq=False)
class Columns:
    """Neurons in the gauge in which left has mean zero; h does not change if a constant moves from left to right.

    Attributes:
        left: Shape `(n, m)`.
        right: Shape `(n, m)`.
        unembed: Centred, shape `(n, m)`.
        sizes: Norm of left and centred right together, shape `(m,)`.
    """

    left: Floats
    right: Floats
    unembed: Floats
    sizes: Floats


def columns(left: Floats, right: Floats, unembed: Floats) -> Columns:
    """Tables in the common gauge."""
    mean = left.mean(0)
    sizes = np.sqrt(((left - mean) ** 2).sum(0) + ((right - right.mean(0)) ** 2).sum(0))
    return Columns(left - mean, right + mean, unembed - unembed.mean(0), sizes)


def similarity(given: Columns, group: Group, neurons: Ints) -> Floats:
    """Of two neurons, the smaller of two numbers.

    The best correlation of left with a left translate, l(gx), and of right with r(yg).
    """
    left, right = (_unit(table[:, neurons] - table[:, neurons].mean(0)) for table in (given.left, given.right))
    best = np.full((2, len(neurons), len(neurons)), -1.0)
    for g in range(group.order):
        np.maximum(best[0], left[group.table[g]].T @ left, out=best[0])
        np.maximum(best[1], right[group.table[:, g]].T @ right, out=best[1])
    return np.asarray(best.min(0))


def _unit(table: Floats) -> Floats:
    return np.asarray(table / np.maximum(np.linalg.norm(table, axis=0), 1e-300))


@dataclass(frozen=True, eq=False)
class Fit:
    """Labels of neurons on the cosets of a subgroup, and what was fitted.

    Attributes:
        action: Shape `(n, k)`.
        p: Point of each neuron on the left, -1 where it does not fit.
        q: Point of each neuron on the right.
        lam: Shape `(k,)`.
        mu: Shape `(k,)`.
        kernel: Shape `(k, k)`.
        scales: Size of each neuron.
        weights: Its part in the unembedding, for kernel and scales as they are.
        quality: Part of its left, right and unembedding that is described, shape `(3, neurons)`.
    """

    action: Ints
    p: Ints
    q: Ints
    lam: Floats
    mu: Floats
    kernel: Floats
    scales: Floats
    weights: Floats
    quality: Floats

    @property
    def cells(self) -> Ints:
        """Pair of labels of each neuron as one number."""
        return np.asarray(self.p * len(self.lam) + self.q)

    @property
    def missing(self) -> int:
        """Pairs of points without a neuron."""
        return len(self.lam) ** 2 - len(np.unique(self.cells))


class Fitter:
    """Fits the action on the cosets of one subgroup to neurons.

    Args:
        group: The group.
        subgroup: The stabiliser H of point 0.
    """

    def __init__(self, group: Group, subgroup: Ints) -> None:
        self.group, self.subgroup = group, subgroup
        self.action = coset_action(group, subgroup)
        self.points = self.action.shape[1]
        self.orbitals = orbitals(group, self.action, self.action)
        self.left = self.action[group.inverse]  # x^-1 p, shape (n, k)
        self.right = self.action  # y q
        self.representatives = np.array([np.flatnonzero(self.action[:, 0] == p)[0] for p in range(self.points)])

    def start(self, given: Columns, neuron: int) -> tuple[Floats, Floats]:
        """Lambda and mu from one neuron, translated to where it is nearest to a function on the cosets."""
        table = self.group.table
        left = given.left[:, neuron][table]  # row g: l(g x)
        right = given.right[:, neuron][table.T]  # row g: r(y g)
        counts = np.bincount(self.left[:, 0], minlength=self.points)
        lam = _sum(left, self.left[:, 0], self.points) / counts
        mu = -_sum(right, self.right[:, 0], self.points) / np.bincount(self.right[:, 0], minlength=self.points)
        return lam[(lam**2).sum(1).argmax()], mu[((mu - mu.mean(1, keepdims=True)) ** 2).sum(1).argmax()]

    def fit(self, given: Columns, neurons: Ints, first: int) -> Fit:
        """Alternate labels and means, from one neuron on.

        Args:
            given: All neurons.
            neurons: Indices of those to fit.
            first: Index of the neuron to start from.
        """
        left, right, unembed = given.left[:, neurons], given.right[:, neurons], given.unembed[:, neurons]
        lam, mu = self.start(given, first)
        p = q = np.zeros(len(neurons), dtype=np.int64)
        kernel = None
        for step in range(_ROUNDS):
            at, bt = lam[self.left], -mu[self.right]  # (n, k)
            score_left, score_right = left.T @ at, right.T @ (bt - bt.mean(0))
            score = _gain(score_left, at)[:, :, None] + _gain(score_right, bt - bt.mean(0))[:, None, :]
            score = score / np.maximum(given.sizes[neurons] ** 2, 1e-300)[:, None, None]
            if kernel is not None:
                score = score + self.unembed_gain(unembed, kernel)
            old = p, q
            best = score.reshape(len(neurons), -1).argmax(1)
            p, q = np.divmod(best, self.points)
            lam, mu, scales = self.means(left, right, p, q, lam, mu)
            kernel, weights = self.kernel(unembed * scales, p, q)
            if step > 1 and (old[0] == p).all() and (old[1] == q).all():
                break
        assert kernel is not None
        return Fit(
            self.action,
            p,
            q,
            lam,
            mu,
            kernel,
            scales,
            weights,
            self.quality((left, right, unembed), p, q, lam, mu, kernel),
        )

    def unembed_gain(self, unembed: Floats, kernel: Floats) -> Floats:
        """Part of the unembedding of every neuron that K(p, z q) describes with positive sign.

        Shape `(neurons, k, k)`.
        """
        gains = np.empty((unembed.shape[1], self.points, self.points))
        norm = np.maximum((unembed**2).sum(0), 1e-300)
        for p in range(self.points):
            template = kernel[p][self.right]
            template = template - template.mean(0)
            gains[:, p] = _gain(unembed.T @ template, template) / norm[:, None]
        return gains

    def means(
        self, left: Floats, right: Floats, p: Ints, q: Ints, lam: Floats, mu: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Sizes of the neurons for given templates, then templates as weighted means: least squares by turns."""
        for _ in range(2):
            at, bt = lam[self.left[:, p]], -mu[self.right[:, q]]
            scales = ((left * at).sum(0) + (right * bt).sum(0)) / np.maximum((at**2).sum(0) + (bt**2).sum(0), 1e-300)
            typical = np.median(np.abs(scales)) + 1e-300
            scales = np.clip(scales, 1e-3 * typical, None)
            lam = _template(left * scales, self.left[:, p], scales, self.points)
            mu = -_template(right * scales, self.right[:, q], scales, self.points)
        return lam, mu, scales

    def kernel(self, unembed: Floats, p: Ints, q: Ints) -> tuple[Floats, Floats]:
        """K of a neuron of mean part one in its cell, and the part of every neuron.

        Args:
            unembed: Times the size of the neuron, shape `(n, neurons)`.
            p: Labels.
            q: Labels.
        """
        labels = self.orbitals[p, self.right[:, q]]
        count = self.orbitals.max() + 1
        total = np.bincount(labels.ravel(), unembed.ravel(), count)
        counts = np.bincount(labels.ravel(), minlength=count)
        values = total / np.maximum(counts, 1)
        template = values[labels]
        centred = template - template.mean(0)
        weights = np.maximum((unembed * centred).sum(0) / np.maximum((centred**2).sum(0), 1e-300), 0.0)
        cells = p * self.points + q
        filled = np.maximum(len(np.unique(cells)), 1)
        return values[self.orbitals] * (len(p) / filled), weights

    def quality(self, tables: Sequence[Floats], p: Ints, q: Ints, lam: Floats, mu: Floats, kernel: Floats) -> Floats:
        """Part of left, right and unembedding of each neuron that its own multiple of the templates describes."""
        parts = []
        templates = lam[self.left[:, p]], -mu[self.right[:, q]], kernel[p, self.right[:, q]]
        for table, template in zip(tables, templates, strict=True):
            table, template = table - table.mean(0), template - template.mean(0)
            norms = np.maximum(np.linalg.norm(table, axis=0) * np.linalg.norm(template, axis=0), 1e-300)
            cosine = (table * template).sum(0) / norms
            parts.append(np.where(cosine > 0, cosine, 0.0) ** 2)
        return np.stack(parts)


def _sum(rows: Floats, labels: Ints, count: int) -> Floats:
    """Sums of the entries of each row by label, shape `(rows, count)`."""
    sums = np.zeros((count, len(rows)))
    np.add.at(sums, labels, rows.T)
    return sums.T


def _gain(products: Floats, template: Floats) -> Floats:
    """Squared norm that a non-negative multiple of each template takes away."""
    return np.asarray(np.maximum(products, 0.0) ** 2 / np.maximum((template**2).sum(0), 1e-300))


def _template(values: Floats, labels: Ints, scales: Floats, count: int) -> Floats:
    """Least-squares value of each point: sum of a l over sum of a^2."""
    total = np.bincount(labels.ravel(), values.ravel(), count)
    weight = np.bincount(labels.ravel(), np.broadcast_to(scales**2, values.shape).ravel(), count)
    return np.asarray(total / np.maximum(weight, 1e-300))
