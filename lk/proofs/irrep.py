"""The bound of the paper: l2 norms of what separates the network from its ideal, with the rounding accounted for."""

import time

import numpy as np

from lk.groups import Group
from lk.proofs.certificate import Certificate
from lk.proofs.check import decide, pairs_of
from lk.proofs.explanation import GSetExplanation
from lk.proofs.gset import Activations, build, ideal_margin
from lk.proofs.residual import largest_norm
from lk.proofs.rounding import WIDER, Ints, gamma
from lk.proofs.tables import Tables

_CHUNK = 1024  # pairs at a time


def irrep(tables: Tables, group: Group, explanation: GSetExplanation, pairs: Ints | None = None) -> Certificate:
    r"""The reference V_irrep on the same ideal network as `gset`: its l2 error, no gauge, nothing split off.

    With h^ = a g and u^ = v / a, :math:`f(z) - \hat f(z) = u_z \cdot (h - \hat h) + (u_z - \hat u_z) \cdot \hat h + \beta - \hat\beta`, so that

    .. math:: \epsilon = \max_z |u_z|_2 \, |h - \hat h|_2 + \max_z |u_z - \hat u_z|_2 \, |\hat h|_2 + |\beta - \hat\beta|_\infty

    and a pair is certified if epsilon < margin + f(xy) - f^(xy).

    Rounding, with mag = |h| + |a g|: each of u.(h - a g), (a u - v).g and the two products of norms is off by gamma_{k+32} times
    (max |u| + max |u - u^| + norms) mag.

    Source: Wu et al., ICLR 2025, Sect. 5.

    Args:
        tables: The network.
        group: Its group, the trusted specification.
        explanation: As for `gset`.
        pairs: Indices x n + y of the pairs to decide; all by default.

    Returns:
        Certificate with the ideal margin; slack is minus infinity on other pairs.

    Raises:
        ValueError: the network or the explanation belongs to another group or width.
    """
    start, n, m = time.perf_counter(), tables.order, tables.width
    ideal = build(tables, group, explanation)
    margin, margin_error = ideal_margin(ideal, group, tables.activation)
    activations, k = Activations(tables, ideal), len(ideal.neurons)
    _, _, unembed, bias = tables.doubles()
    scales = ideal.scales
    change = unembed[:, ideal.neurons] * scales - ideal.unembed
    bias = bias - ideal.bias
    columns = np.hstack([unembed, change])
    norm = largest_norm(unembed, np.ones(m))
    change_norm = largest_norm(change, scales**2) if k else 0.0
    weight = np.concatenate([np.abs(unembed).max(0) + norm, (np.abs(change).max(0) + np.abs(ideal.unembed).max(0)) + scales * change_norm])
    weight = 8.0 * gamma(2 * (m + k) + 64) * WIDER**4 * weight
    sizes = activations.magnitudes()
    error_x, error_y = sizes[0] @ weight, sizes[1] @ weight
    constant = float(np.abs(bias).max()) * (2.0 + 16.0 * gamma(64)) + 8.0 * gamma(64) * float((np.abs(ideal.bias)).max() + abs(margin))
    slack, count = np.full(n * n, -np.inf), 0
    for chunk, xs, ys, zs in pairs_of(group, pairs, _CHUNK):
        t = activations(xs, ys)
        correct = np.einsum("ip,pi->p", t, columns[zs])
        squares, ideal_squares = (t[:m] ** 2).sum(0), ((scales[:, None] * t[m:]) ** 2).sum(0)
        gap = margin + correct - norm * np.sqrt(squares) - change_norm * np.sqrt(ideal_squares)
        slack[chunk] = decide(gap, margin_error + constant + error_x[xs] + error_y[ys], tables.folding(xs, ys))
        count += len(chunk)
    operations = ideal.operations + count * (m + 3 * k + 2 * m + 3 * k) + 6 * n * (m + k)
    unexplained = tuple(np.setdiff1d(np.arange(m), ideal.neurons).tolist())
    seconds = time.perf_counter() - start
    return Certificate(
        "irrep", slack.reshape(n, n), operations, tables.brute_force_operations, seconds, None, margin, unexplained, ideal.dropped
    )
