r"""A-priori bounds of floating-point errors, and what every verifier assumes of the machine.

The model: IEEE 754 round to nearest, with or without gradual underflow. For floats a and b, with u the unit roundoff,

.. math:: fl(a \circ b) = (a \circ b)(1 + \delta) + \eta, \quad |\delta| \le u, \quad |\eta| \le 2^{-1022},

and the same for the square root. :math:`\eta` covers results below the normal range, be they rounded to a denormal or
flushed to zero. With k relative errors,

.. math:: \prod_{j \le k} (1 + \delta_j)^{\pm 1} = 1 + \theta_k, \quad |\theta_k| \le \gamma_k = \frac{k u}{1 - k u}

(Higham, Accuracy and Stability of Numerical Algorithms, 2002, Lemma 3.1). In a dot product of k terms every term passes
one product and at most k - 1 sums, in whatever order BLAS or a vector unit adds, blocked or not, with fused
multiply-adds (fewer roundings) or without, so

.. math:: |fl(a \cdot b) - a \cdot b| \le \gamma_k \, |a| \cdot |b| + 2 k \, 2^{-1022}

Fast matrix multiplication (Strassen) does not obey this; no BLAS uses it. A bound is itself computed in floating point:
a non-negative sum of k terms is at least `(1 - gamma_k)` times its true value, so that multiplying by `WIDER` covers
any sum of up to 2^40 terms that is computed with bounds on bounds.

Underflow is paid once, by `UNDERFLOW`, in `lk.proofs.decide.decide`. Its size follows from what every verifier checks:
numbers of a network and of an explanation are at most 2^60, sizes of neurons at least 2^-60 (`lk.proofs.gset`), weights
of a norm within 2^-64 to 2^64 (`lk.proofs.inequalities`), entries of representations at most 2. Hence, with fewer than
2^40 terms in a sum:

* A product that underflows and is multiplied further, by a factor of at most 2^270, is off by at most 2^-752; fewer
  than 2^80 of them are summed.
* Under a square root the error grows: :math:`\sqrt{s + e} \le \sqrt{s} + \sqrt{e}`. A sum of at most 2^40 squares, each
  divided or multiplied by at most 2^120, is off by at most 2^-862, and its root by 2^-431. The root is multiplied by
  the norm of the other factor of the Cauchy-Schwarz inequality, at most 2^205 (for `act(v) = v^2`; h is then up to
  2^122, and a g up to 2^182). With weights of a norm, within 2^-64 to 2^64, the root is off by at most 2^-459, and the
  other factor is at most 2^236. In `schur`, the root of squares of differences of representations is off by at most
  2^-500, and what it meets is at most 2^285.

All of it is below 2^-210. A network whose logits differ by less than `UNDERFLOW` is certified by exact integers alone.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNIT = 2.0**-53  # unit roundoff of float64
UNIT_32 = 2.0**-24  # unit roundoff of float32
WIDER = 1.001  # larger than any 1 + gamma_k of the verifiers, k <= 2^40
UNDERFLOW = 2.0**-200  # larger than the sum of all underflow errors of a bound; see above


def gamma(count: int, unit: float = UNIT) -> float:
    """The bound on the relative error of `count` roundings, slightly enlarged so that its own rounding is covered.

    Raises:
        ValueError: `count * unit` is not below 1/1000; the bound would say nothing.

    Example:
        >>> gamma(100) < 1.2e-14
        True
    """
    if not is_bounded(count, unit):
        raise ValueError(
            f"expected count * unit below 1e-3, got count={count}, unit={unit}. Split the sum, or use float64."
        )
    return WIDER * count * unit / (1.0 - count * unit)


def is_bounded(count: int, unit: float) -> bool:
    """Whether `gamma` bounds so many roundings.

    Example:
        >>> is_bounded(100, UNIT_32), is_bounded(20_000, UNIT_32)
        (True, False)
    """
    return 0 <= count * unit < 1e-3


def check_arithmetic() -> None:
    """Check that this thread rounds to nearest and keeps denormals, which float32 tables may hold.

    Raises:
        RuntimeError: It does not, as after `torch.set_flush_denormal(True)` or where a library was compiled with
            `-ffast-math`.

    Example:
        >>> check_arithmetic()
    """
    denormal = np.full(8, 2.0**-140, np.float32)  # arrays: vector units have the modes that matter
    one, half = np.ones(8), np.full(8, 2.0**-53)
    nearest = (one + half == one).all() and (-one - half == -one).all() and (one + 1.5 * half > one).all()
    if not nearest or not (denormal.astype(np.float64) > 0.0).all() or not (denormal + denormal > denormal).all():
        raise RuntimeError(
            "expected IEEE arithmetic (round to nearest, denormals kept), got a thread in another mode. "
            "Call torch.set_flush_denormal(False) before certifying."
        )
