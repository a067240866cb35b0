"""How much of a function on the group lies in an irrep."""

import numpy as np

from lk.groups.group import Floats
from lk.groups.irreps import Irrep


def project(values: Floats, irrep: Irrep) -> Floats:
    """The part of functions on the group that lies in the isotypic component of an irrep.

    P f(x) = dimension / (<chi, chi> order) * sum over y of chi(x y^-1) f(y); as chi(x y^-1) is the inner product of the
    matrices rho(x) and rho(y), it costs dimension^2 operations per entry.

    Args:
        values: Functions, shape `(order,)` or `(order, columns)`.
        irrep: The irrep.

    Returns:
        The projection, of the same shape.

    Example:
        >>> from lk.groups import Cyclic, irreps
        >>> constant, *_ = irreps(Cyclic(4))
        >>> project(np.array([1.0, 2.0, 3.0, 6.0]), constant)
        array([3., 3., 3., 3.])
    """
    rho, coefficients = coefficients_of(values, irrep)
    projection: Floats = rho @ coefficients * (irrep.dimension / irrep.norm / len(rho))
    return projection


def power(values: Floats, irrep: Irrep) -> Floats:
    """Share of the squared norm of functions on the group that lies in the isotypic component of an irrep.

    The shares of all irreps sum to 1 for each function that is not zero; those of the zero function are 0.

    Args:
        values: Functions, shape `(order,)` or `(order, columns)`.
        irrep: The irrep.

    Returns:
        Shares between 0 and 1, shape `()` or `(columns,)`.

    Example:
        >>> from lk.groups import Cyclic, irreps
        >>> f = np.array([1.0, 2.0, 3.0, 6.0])
        >>> [round(float(power(f, irrep)), 2) for irrep in irreps(Cyclic(4))]
        [0.72, 0.08, 0.2]
    """
    rho, coefficients = coefficients_of(values, irrep)
    total = (np.asarray(values) ** 2).sum(axis=0)
    part = (coefficients**2).sum(axis=0) * (irrep.dimension / irrep.norm / len(rho))
    shares: Floats = np.divide(part, total, out=np.zeros_like(part), where=total > 0)
    return shares


def coefficients_of(values: Floats, irrep: Irrep) -> tuple[Floats, Floats]:
    """The matrix entries as functions.

    Shape `(order, dimension^2)`, and their inner products with the given functions.
    """
    n = len(irrep.matrices)
    if np.shape(values)[:1] != (n,):
        raise ValueError(
            f"expected values with a row for each of {n} elements, got values.shape={np.shape(values)} for {irrep}. "
            "Put the elements on the first axis."
        )
    rho = irrep.matrices.reshape(n, -1)
    return rho, rho.T @ np.asarray(values, dtype=np.float64)
