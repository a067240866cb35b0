"""Circuits that are equivariant on one side, from the weights alone.

Columns of neurons that share right (or left) and cover one orbit.
"""

import numpy as np

from lk.finders.greedy import greedy_groups
from lk.finders.translates import Columns, Fitter
from lk.groups import Irrep
from lk.proofs.circuits import SidedCircuit
from lk.proofs.rounding import Floats, Ints

_SAME = 0.97  # cosine of the functions that the neurons of a column share
_FITS = 0.5
_ROUNDS = 6


def sided_circuits(
    given: Columns, fitters: list[Fitter], irrep: Irrep, neurons: Ints, side: str
) -> list[tuple[float, SidedCircuit]]:
    """One circuit for each column that covers an orbit, with the quality of its fit.

    Args:
        given: All neurons, in the gauge in which the moved table (left for `side="left"`) has mean zero.
        fitters: Actions to try.
        irrep: The irrep that the neurons are in; it excludes subgroups that fix none of its vectors.
        neurons: Indices of the neurons.
        side: `left` or `right`.
    """
    other = given.right if side == "left" else given.left
    centred = other[:, neurons] - other[:, neurons].mean(0)
    centred = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-300)
    found = []
    for members, first in greedy_groups(centred.T @ centred > _SAME, 2):
        best: tuple[float, SidedCircuit] | None = None
        for fitter in fitters:
            if fitter.points > len(members) or irrep.character[fitter.subgroup].mean() < 0.5:
                continue
            fit = column(given, fitter, neurons[members], int(neurons[first]), side, irrep.name)
            if fit is not None and (best is None or fit[0] > best[0] + 0.01):
                best = fit
        found += [] if best is None else [best]
    return found


def column(
    given: Columns, fitter: Fitter, neurons: Ints, first: int, side: str, name: str
) -> tuple[float, SidedCircuit] | None:
    """Labels of neurons that share a column, None if a point is missing."""
    left = side == "left"
    moved, other = (given.left, given.right) if left else (given.right, given.left)
    index = fitter.left if left else fitter.right
    moved, other, unembed = moved[:, neurons], other[:, neurons], given.unembed[:, neurons]
    lam = fitter.start(given, first)[0] if left else -fitter.start(given, first)[1]
    lam = lam - lam.mean()
    kernel: Floats | None = None
    p = np.zeros(len(neurons), dtype=np.int64)
    scales = np.ones(len(neurons))
    for _ in range(_ROUNDS):
        score = _share(moved, lam[index])
        if kernel is not None:
            score = score + _share(unembed, kernel[index])
        p = score.argmax(1)
        at = index[:, p]
        for _ in range(2):
            template = lam[at]
            mean = (other * scales).sum(1) / (scales**2).sum()
            scales = ((moved * template).sum(0) + mean @ other) / np.maximum(
                (template**2).sum(0) + (mean**2).sum(), 1e-300
            )
            scales = np.maximum(scales, 1e-3 * np.abs(scales).max() + 1e-300)
            lam = _means(moved * scales, at, scales**2, fitter.points)
        kernel = _means(unembed * scales, at, np.ones(len(neurons)), fitter.points)
    assert kernel is not None
    quality = np.stack([_share(moved, lam[index]), _share(unembed, kernel[index])])[:, np.arange(len(neurons)), p].min(
        0
    )
    template = kernel[at]
    weights = (unembed * scales * template).sum(0) / max(float((kernel**2).mean() * len(at)), 1e-300)
    kept = (quality > _FITS) & (weights > 0)
    if len(np.unique(p[kept])) < fitter.points:
        return None
    mean = (other * scales)[:, kept].sum(1) / (scales[kept] ** 2).sum()
    total = np.bincount(p[kept], weights[kept], fitter.points).mean()
    circuit = SidedCircuit(
        fitter.action,
        lam[None],
        mean[None],
        total * kernel[None],
        neurons[kept],
        p[kept],
        np.zeros(int(kept.sum()), dtype=np.int64),
        weights[kept],
        scales[kept],
        side,
        f"{name} on {fitter.points} points, {side}",
    )
    return float(quality[kept].mean()), circuit


def _share(table: Floats, templates: Floats) -> Floats:
    """Part of each column's square that a non-negative multiple of each template describes.

    Shape `(columns, templates)`.
    """
    centred = templates - templates.mean(0)
    norms = np.maximum((table**2).sum(0)[:, None] * (centred**2).sum(0), 1e-300)
    return np.asarray(np.maximum(table.T @ centred, 0.0) ** 2 / norms)


def _means(values: Floats, labels: Ints, weights: Floats, count: int) -> Floats:
    total = np.bincount(labels.ravel(), values.ravel(), count)
    weight = np.bincount(labels.ravel(), np.broadcast_to(weights, values.shape).ravel(), count)
    return np.asarray(total / np.maximum(weight, 1e-300))
