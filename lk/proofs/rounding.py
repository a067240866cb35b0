r"""A-priori bounds of floating-point errors, and what every verifier assumes of the machine.

The machine: IEEE 754 round to nearest with gradual underflow; an operation on floats gives `(a op b)(1 + d)`, `|d| <= u`, or, where
a product underflows, is off by at most half the smallest positive number. Sums and differences never underflow. With k such factors,

.. math:: \prod_{j \le k} (1 + d_j)^{\pm 1} = 1 + \theta_k, \quad |\theta_k| \le \gamma_k = \frac{k u}{1 - k u}

(Higham, Accuracy and Stability of Numerical Algorithms, 2002, Lemma 3.1). In a dot product of k terms every term passes one product
and at most k - 1 sums, in whatever order BLAS or a vector unit adds, blocked or not, with fused multiply-adds (fewer roundings) or
without, so

.. math:: |fl(a \cdot b) - a \cdot b| \le \gamma_k \, |a| \cdot |b| + k \, 2^{-1075}

Fast matrix multiplication (Strassen) does not obey this; no BLAS uses it. A bound is itself computed in floating point: a
non-negative sum of k terms is at least `(1 - gamma_k)` times its true value, so that multiplying by `WIDER` covers any sum of up to
2^40 terms that is computed with bounds on bounds, and `UNDERFLOW` covers every underflow: verifiers keep all magnitudes
below 2^260, and fewer than 2^60 products of at most 2^-1075 error each pass at most one more factor of that size.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNIT = 2.0**-53  # unit roundoff of float64
UNIT_32 = 2.0**-24  # unit roundoff of float32
WIDER = 1.001  # larger than any 1 + gamma_k of the verifiers, k <= 2^40
UNDERFLOW = 2.0**-700  # larger than the sum of all underflow errors; see above


def gamma(count: int, unit: float = UNIT) -> float:
    """The bound on the relative error of `count` roundings, slightly enlarged so that its own rounding is covered.

    Raises:
        ValueError: `count * unit` is not below 1/1000; the bound would say nothing.

    Example:
        >>> gamma(100) < 1.2e-14
        True
    """
    if not 0 <= count * unit < 1e-3:
        raise ValueError(f"given {count} roundings of {unit}; expected count * unit below 1e-3: split the sum or use float64")
    return WIDER * count * unit / (1.0 - count * unit)
