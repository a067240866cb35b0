"""Groups with a cyclic subgroup of index one or two: cyclic, dihedral, dicyclic."""

import numpy as np

from lk.groups.group import Group


class Cyclic(Group):
    """The integers modulo n under addition; element x is the number x.

    Args:
        n: Order, at least 1.

    Example:
        >>> Cyclic(5).table[3, 4]
        np.int64(2)
    """

    def __init__(self, n: int) -> None:
        if n < 1:
            raise ValueError(f"expected an order of at least 1, got n={n}. Use n=1 for the trivial group.")
        self.n = n
        x = np.arange(n)
        super().__init__((x[:, None] + x) % n, f"Z{n}")


class Dihedral(Group):
    """The 2n symmetries of a regular n-gon, r^n = f^2 = 1, f r f = r^-1.

    Element k is the rotation r^k, element n + k the reflection r^k f (k from 0 to n - 1).

    Args:
        n: Number of corners, at least 1; the order is 2n.

    Example:
        >>> d5 = Dihedral(5)
        >>> d5, d5.element_orders.tolist()
        (D5 (order 10), [1, 5, 5, 5, 5, 2, 2, 2, 2, 2])
    """

    def __init__(self, n: int) -> None:
        if n < 1:
            raise ValueError(f"expected at least 1 corner, got n={n}. Use n=3 for the triangle.")
        self.n = n
        s, k = np.divmod(np.arange(2 * n), n)
        turn = (k[:, None] + (1 - 2 * s[:, None]) * k) % n
        super().__init__(turn + n * (s[:, None] ^ s), f"D{n}")


class Quaternion(Group):
    """The dicyclic group of order n, generalised quaternion where n is a power of two.

    With m = n / 4: a^2m = 1, x^2 = a^m, x a x^-1 = a^-1. Element k is a^k, element 2m + k is a^k x (k from 0 to 2m -
    1). It is called `Q8`, `Q16`, ... for powers of two and `Dic3` (order 12), `Dic5`, ... otherwise.

    Args:
        n: Order, a multiple of 4, at least 8.

    Example:
        >>> q8 = Quaternion()
        >>> q8, q8.element_orders.tolist()
        (Q8 (order 8), [1, 4, 2, 4, 4, 4, 4, 4])
    """

    def __init__(self, n: int = 8) -> None:
        if n < 8 or n % 4:
            raise ValueError(f"expected an order of at least 8 that 4 divides, got n={n}. Use n=8 for the quaternions.")
        self.n = n
        m = n // 4
        s, k = np.divmod(np.arange(n), 2 * m)
        both = s[:, None] & s
        power = (k[:, None] + (1 - 2 * s[:, None]) * k + m * both) % (2 * m)
        super().__init__(power + 2 * m * (s[:, None] ^ s), f"Q{n}" if n & (n - 1) == 0 else f"Dic{m}")
