"""The small trusted kernel: from a computed gap and a bound on its rounding error to a decision about a pair."""

from collections.abc import Iterator

import numpy as np

from lk.groups import Group
from lk.proofs.rounding import UNDERFLOW, WIDER, Floats, Ints


def decide(gap: Floats, rounding: Floats, folding: Floats | float) -> Floats:
    """The slack of pairs: a float that is proven to lie below the true logit gap.

    IEEE subtraction has the right sign (a difference of two floats rounds to zero only if it is zero), and the next
    float below it lies below the exact difference. What is not a number certifies nothing.

    Args:
        gap: Computed lower bounds of f(xy|x,y) - f(z|x,y) over all z != xy.
        rounding: Bounds on the rounding error of `gap`, computed in floating point themselves; underflow is added here.
        folding: Bounds on what separates the gap of the tables from that of the network: `Tables.folding` of the pairs.

    Returns:
        Slack, positive if and only if the pair is certified; minus infinity where an argument is not finite.

    Example:
        >>> (decide(np.array([1.0, 1e-20, np.nan]), np.array([1e-10, 1e-10, 0.0]), 0.0) > 0.0).tolist()
        [True, False, False]
    """
    error = rounding + folding
    known = np.isfinite(gap) & np.isfinite(error) & (error >= 0.0)
    safe = np.where(known, gap, 0.0) - (np.where(known, error, 0.0) * WIDER + UNDERFLOW)
    return np.where(known, np.nextafter(safe, -np.inf), -np.inf)


def indices_of(group: Group, pairs: Ints | None) -> Ints:
    """Pairs as indices x n + y in ascending order, each once; all pairs by default.

    Raises:
        ValueError: they are no indices of pairs, such as a mask.

    Example:
        >>> from lk.groups import Cyclic
        >>> indices_of(Cyclic(3), np.array([5, 1, 5])).tolist()
        [1, 5]
    """
    count = group.order**2
    if pairs is None:
        return np.arange(count)
    given = np.asarray(pairs)
    if (
        given.ndim != 1
        or given.dtype.kind not in "iu"
        or (given.size and not (given.min() >= 0 and given.max() < count))
    ):
        raise ValueError(
            f"expected pairs as indices x n + y from 0 to {count - 1}, got {given.dtype} of shape {given.shape}. "
            "Give np.flatnonzero(mask) for a mask."
        )
    return given.astype(np.int64) if (given[1:] > given[:-1]).all() else np.unique(given).astype(np.int64)


def pairs_of(group: Group, pairs: Ints | None, size: int) -> Iterator[tuple[Ints, Ints, Ints, Ints]]:
    """Pairs in chunks: their index x n + y, x, y, and the right answer xy from the group's table.

    Args:
        group: The trusted specification.
        pairs: As `indices_of` takes them.
        size: Pairs at a time.
    """
    n = group.order
    indices = indices_of(group, pairs)
    if len(indices) == n * n:
        size = size // n * n if size >= n else -(-n // -(-n // size))  # whole rows, or about equal parts of one
    for start in range(0, len(indices), size):
        chunk = np.ascontiguousarray(indices[start : start + size], dtype=np.int64)
        xs, ys = np.divmod(chunk, n)
        yield chunk, xs, ys, group.table[xs, ys]
