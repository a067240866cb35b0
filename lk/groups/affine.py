"""Affine maps of a prime field."""

import numpy as np

from lk.groups.group import Group, Ints


class Affine(Group):
    """The maps x -> a x + b of the integers modulo a prime p, composed as `(f * g)(x) = f(g(x))`.

    With the slopes a in increasing order, element `i * p + b` has the i-th slope and the shift b.

    Args:
        p: A prime.
        multipliers: Number of slopes: the a form the subgroup of this order of the nonzero numbers; all p - 1 by
            default.

    Raises:
        ValueError: p is no prime, or the number of slopes does not divide p - 1.

    Attributes:
        slopes: The slopes a in increasing order, shape `(multipliers,)`.

    Example:
        >>> Affine(11), Affine(7, multipliers=3), Affine(7, multipliers=3).slopes.tolist()
        (F11 (order 110), F7:3 (order 21), [1, 2, 4])
    """

    def __init__(self, p: int, multipliers: int | None = None) -> None:
        if p < 2 or any(p % k == 0 for k in range(2, int(p**0.5) + 1)):
            raise ValueError(f"expected a prime, got p={p}. Use 5, 7 or 11.")
        count = p - 1 if multipliers is None else multipliers
        if count < 1 or (p - 1) % count:
            raise ValueError(
                f"expected a divisor of p - 1 = {p - 1}, got multipliers={count}. Leave it out for all multipliers."
            )
        self.p, self.multipliers = p, multipliers
        # The multiplicative group is cyclic: its subgroup of order k holds the solutions of a^k = 1.
        self.slopes: Ints = np.array([a for a in range(1, p) if pow(a, count, p) == 1])
        position = np.zeros(p, dtype=np.int64)
        position[self.slopes] = np.arange(count)
        a, b = np.repeat(self.slopes, p), np.tile(np.arange(p), count)
        slope, shift = a[:, None] * a % p, (a[:, None] * b + b[:, None]) % p
        super().__init__(position[slope] * p + shift, f"F{p}" if multipliers is None else f"F{p}:{count}")
