"""Direct and semidirect products."""

import math
from collections.abc import Sequence

import numpy as np

from lk.groups.group import Group, Ints


class DirectProduct(Group):
    """Tuples of elements of the factors, multiplied entry by entry.

    The tuple (x_1, ..., x_k) has the number that it has in a C-ordered array: the last entry runs fastest.

    Args:
        factors: At least one group.

    Example:
        >>> from lk.groups import Cyclic, Symmetric
        >>> DirectProduct([Symmetric(3), Cyclic(2)])
        S3xZ2 (order 12)
    """

    def __init__(self, factors: Sequence[Group]) -> None:
        if not factors:
            raise ValueError("expected at least one factor, got none. Give the groups to multiply.")
        self.factors = factors
        shape = [factor.order for factor in factors]
        entries = np.unravel_index(np.arange(math.prod(shape)), shape)
        products = [factor.table[x[:, None], x] for factor, x in zip(factors, entries, strict=True)]
        super().__init__(np.ravel_multi_index(products, shape), "x".join(factor.name for factor in factors))


class SemidirectProduct(Group):
    """Pairs (a, h) with (a, h)(b, k) = (a h.b, h k), where h.b is the action of one group on the other.

    The pair (a, h) has the number `a * acting.order + h`.

    Args:
        normal: The group of the a.
        acting: The group of the h.
        action: `action[h][b]` is h.b, shape `(acting.order, normal.order)`.

    Raises:
        ValueError: An element of `acting` does not act by an automorphism, or products of them do not act by
            composition.

    Example:
        >>> from lk.groups import Cyclic
        >>> SemidirectProduct(Cyclic(3), Cyclic(2), [[0, 1, 2], [0, 2, 1]])
        Z3:Z2 (order 6)
    """

    def __init__(self, normal: Group, acting: Group, action: Sequence[Sequence[int]]) -> None:
        self.normal, self.acting, self.action = normal, acting, action
        act = checked_automorphisms(normal, acting, action)
        a, h = np.divmod(np.arange(normal.order * acting.order), acting.order)
        moved = act[h[:, None], a]
        super().__init__(
            normal.table[a[:, None], moved] * acting.order + acting.table[h[:, None], h], f"{normal.name}:{acting.name}"
        )


def checked_automorphisms(normal: Group, acting: Group, action: Sequence[Sequence[int]]) -> Ints:
    """The action as an array, each row an automorphism and the rows a homomorphism."""
    act = np.asarray(action)
    shape = (acting.order, normal.order)
    if act.shape != shape or act.dtype.kind not in "iu":
        raise ValueError(
            f"expected action as integers of shape {shape}, got action.shape={act.shape} of {act.dtype}. Give a row "
            f"for each element of {acting.name}, a column for each element of {normal.name}."
        )
    for h, images in enumerate(act):
        if sorted(images) != list(range(normal.order)):
            raise ValueError(
                f"expected a permutation of the elements of {normal.name}, got {images.tolist()} as the action of {h}. "
                "Correct this row."
            )
        broken = np.argwhere(images[normal.table] != normal.table[images[:, None], images])
        if len(broken):
            x, y = broken[0]
            raise ValueError(
                f"expected an automorphism of {normal.name}, got {h} sending {x}·{y} to {images[normal.table[x, y]]}, "
                f"but {x} to {images[x]} and {y} to {images[y]}, whose product is "
                f"{normal.table[images[x], images[y]]}. Correct this row."
            )
    for g in range(acting.order):
        broken = np.argwhere(act[acting.table[g]] != act[g][act])
        if len(broken):
            h, x = broken[0]
            raise ValueError(
                f"expected a homomorphism from {acting.name}, got {g}·{h} sending {x} to {act[acting.table[g, h], x]}, "
                f"but {h} and then {g} to {act[g, act[h, x]]}. Correct these rows."
            )
    return act.astype(np.int64)
