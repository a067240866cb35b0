r"""From bounds of the exact network to bounds of the network as a machine executes it.

One error formula for each precision.

The forward pass computes, in float32 or with narrower factors, :math:`\hat l = E_l W_l`, :math:`\hat r = E_r W_r`,
:math:`\hat p = \hat l(x) + \hat r(y)`, :math:`\hat h = act(\hat p)`, :math:`\hat f = u \hat h + b`. Its model, for sums
in any order, split over batches and threads in any way, with or without fused multiply-adds:

* a factor of a matrix product is rounded with relative error at most :math:`\varphi`, products are then exact or
  rounded once,
* a product of float32 factors, and every sum, has relative error at most s,
* each result is rounded once more with relative error at most o (bfloat16 under autocast, sums in float32: on CUDA set
  `torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False`),
* anything below the normal range may be flushed to zero: an error of at most 2^-126.

With :math:`A = |E_l| |W_l|` (or |l| where a network stores l), and the same for r, the errors of one input are

.. math:: e_l \le \delta_l + \gamma_{d+1}(s) A + (o + \varphi)(|l| + \ldots), \quad
          e_p \le e_l + e_r + (s + o)(|l| + |r| + e_l + e_r)

where delta is what rounding of the factors does to the product: measured for bfloat16, which rounds to nearest, and
:math:`((1 + \varphi)^2 - 1) A` for TF32, whose rounding the hardware chooses. ReLU and the absolute value are
1-Lipschitz and round nothing; the square has :math:`e_h \le (2 |p| + e_p) e_p + (s + o)(|p| + e_p)^2`. The error of h
is common to all logits of a pair, so that

.. math::

    |\widehat{gap} - gap| \le \sum_i (\max_z u_i - \min_z u_i) e_{h,i}
    + 2 \kappa \Big(\sum_i \max_z |u_i| (h_i + e_{h,i}) + \max |b|\Big)

with :math:`1 + \kappa = (1 + \varphi)^2 (1 + \gamma_{m+2}(s)) (1 + o)`. ReLU, the absolute value and half of the square
are at most the same function of l plus that of r, so that both sums are a function of x plus a function of y, and the
whole costs O(n d m + n^2). A tie of executed logits is wrong, as everywhere.
"""

from typing import NamedTuple

import numpy as np
import torch

from lk.proofs.activation import apply
from lk.proofs.decide import decide
from lk.proofs.rounding import UNIT_32, WIDER, Floats, gamma, is_bounded
from lk.proofs.tables import Table, Tables

_FLUSHED = 2.0**-125  # of one operation and its two factors below the normal range
_LARGEST = 2.0**126  # nothing overflows below


class Precision(NamedTuple):
    """How a device multiplies matrices.

    Attributes:
        factor: Relative error phi of a factor.
        total: Relative error s of a product and of each sum.
        result: Relative error o of a result.
    """

    factor: float
    total: float
    result: float


PRECISIONS = {
    "float32": Precision(0.0, UNIT_32, 0.0),
    # Tensor cores keep 10 bits of a factor, perhaps truncated, and truncate sums relative to the largest addend of a
    # block.
    "tf32": Precision(2.0**-10, 4.0 * UNIT_32, 0.0),
    "bfloat16": Precision(2.0**-8, 4.0 * UNIT_32, 2.0**-8),
}


def executed(tables: Tables, slack: Floats, precision: str) -> Floats:
    """Lower bounds of the logit gaps that a forward pass computes, from lower bounds of the exact gaps.

    Args:
        tables: The network.
        slack: Proven for the exact network, shape `(n, n)`, as in `lk.proofs.Certificate`.
        precision: `float32`, `tf32`, or `bfloat16` (factors and results in bfloat16, sums in float32).

    Returns:
        Shape `(n, n)`; positive where the executed network is proven right, minus infinity where nothing is known, as
        for sums of more than some 8 000 terms.

    Raises:
        ValueError: the precision is unknown, or the slack has another shape.

    Example:
        >>> eye = np.eye(3)
        >>> tables = Tables(eye, eye, eye + eye[[1, 2, 0]], np.zeros(3))
        >>> exact = np.full((3, 3), 1e-3)
        >>> [bool((executed(tables, exact, name) > 0).all()) for name in ("float32", "bfloat16")]
        [True, False]
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"expected precision as one of {', '.join(PRECISIONS)}, got {precision!r}. Choose one of these."
        )
    phi, unit, out = PRECISIONS[precision]
    n, m = tables.order, tables.width
    if slack.shape != (n, n):
        raise ValueError(
            f"expected slack of shape {(n, n)}, one number for each pair, got {slack.shape}. Give the slack of this "
            "network."
        )
    terms = 1 if tables.factors is None else len(tables.factors.weight_left)
    if not is_bounded(max(m, terms) + 8, unit):
        return np.full((n, n), -np.inf)
    sides = [_preactivation(tables, side, precision) for side in ("left", "right")]
    sizes = [side.size for side in sides]
    ranges, largest = (
        np.ptp(tables.unembed.astype(np.float64), axis=0),
        np.abs(tables.unembed.astype(np.float64)).max(0),
    )
    kappa = (1.0 + phi) ** 2 * (1.0 + gamma(m + 4, unit)) * (1.0 + out) - 1.0
    # e_p is separable; e_h of the square is made so by maxima over the other input.
    rounded = [side.error + (unit + out) * (side.size + side.error) for side in sides]
    hidden = [_activity(side, error, tables.activation) for side, error in zip(sides, rounded, strict=True)]
    if tables.activation == "square":
        factor = 2.0 * sum((size + error).max(0) for error, size in zip(rounded, sizes, strict=True))
        rounded = [factor * error + (unit + out) * size for error, size in zip(rounded, hidden, strict=True)]
    bias = float(np.abs(tables.bias.astype(np.float64)).max())
    flushed = (m + 4) * _FLUSHED * (1.0 + float(largest.max()) + 2.0 * max(float(size.max()) for size in hidden))
    parts = [
        error @ ranges + 2.0 * kappa * ((size + error) @ largest) for error, size in zip(rounded, hidden, strict=True)
    ]
    error = WIDER**4 * (parts[0][:, None] + parts[1] + 2.0 * (kappa * bias + flushed))
    most = [
        float(((size + part) @ largest).max()) + float((size + part).max())
        for size, part in zip(hidden, rounded, strict=True)
    ]
    most += [side.partial for side in sides]
    if not WIDER * (sum(most) + bias) < _LARGEST:
        return np.full((n, n), -np.inf)
    return decide(slack, error, 0.0)


class _Side(NamedTuple):
    """One executed table: bounds of its error and of the exact value from above, of both signs.

    The largest partial sum.
    """

    error: Floats
    above: Floats
    size: Floats
    partial: float


def _activity(side: _Side, error: Floats, name: str) -> Floats:
    """A function a of each side with |executed act(l + r)| at most the sum of both."""
    return np.asarray(
        np.maximum(side.above, 0.0) + error
        if name == "relu"
        else (1.0 + (name == "square")) * apply(side.size + error, name)
    )


def _preactivation(tables: Tables, side: str, precision: str) -> _Side:
    phi, unit, out = PRECISIONS[precision]
    if tables.factors is None:
        exact = getattr(tables, side).astype(np.float64)
        embed = size = spread = np.abs(exact)
        error, folding = phi * size, np.zeros(size.shape)
        widest, terms = 0.0, 1
    else:
        given = tables.factors.of(side)
        embed, weight = (np.abs(table.astype(np.float64)) for table in given)
        exact, folding = tables.factors.product(side)
        size, spread = np.abs(exact) + folding, embed @ weight
        terms, widest = len(weight) + 1, float(weight.max(initial=0.0))
        if precision == "bfloat16":
            left, right = (_bfloat16(table) for table in given)
            error = np.abs(left @ right - exact) + gamma(terms) * spread * 2.0 + folding
        else:
            error = ((1.0 + phi) ** 2 - 1.0) * spread
        error = error + gamma(terms + 1, unit) * (1.0 + phi) ** 2 * spread
    flushed = 2.0 * terms * _FLUSHED * (1.0 + float(embed.max(initial=0.0)) + widest)
    error = WIDER * (error + (out + phi) * (1.0 + out + phi) * (size + error) + flushed)
    return _Side(error, exact + folding, size, float(spread.max()) * 1.1)


def _bfloat16(table: Table) -> Floats:
    """Rounded to nearest, as autocast does."""
    return np.asarray(torch.from_numpy(np.array(table)).to(torch.bfloat16).double().numpy())
