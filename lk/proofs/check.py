"""The small trusted kernel: from a computed gap and a bound on its rounding error to a decision about a pair."""

from collections.abc import Iterator

import numpy as np

from lk.groups import Group
from lk.proofs.rounding import UNDERFLOW, WIDER, Floats, Ints


def decide(gap: Floats, rounding: Floats) -> Floats:
    """The slack of pairs: a float that is proven to lie below the true logit gap.

    IEEE subtraction has the right sign (a difference of two floats rounds to zero only if it is zero), and the next float below it
    lies below the exact difference. What is not a number certifies nothing.

    Args:
        gap: Computed lower bounds of f(xy|x,y) - f(z|x,y) over all z != xy.
        rounding: Bounds on the rounding error of `gap`, computed in floating point themselves.

    Returns:
        Slack, positive if and only if the pair is certified; minus infinity where `gap` or `rounding` is not finite.

    Example:
        >>> (decide(np.array([1.0, 1e-20, np.nan]), np.array([1e-10, 1e-10, 0.0])) > 0.0).tolist()
        [True, False, False]
    """
    known = np.isfinite(gap) & np.isfinite(rounding) & (rounding >= 0.0)
    safe = np.where(known, gap, 0.0) - (np.where(known, rounding, 0.0) * WIDER + UNDERFLOW)
    return np.where(known, np.nextafter(safe, -np.inf), -np.inf)


def ascending(pairs: Ints) -> Ints:
    """Pairs in ascending order, each once; sorted only if they are not."""
    return pairs if (np.diff(pairs) > 0).all() else np.unique(pairs)


def pairs_of(group: Group, pairs: Ints | None, size: int) -> Iterator[tuple[Ints, Ints, Ints, Ints]]:
    """Pairs in chunks: their index x n + y, x, y, and the right answer xy from the group's table.

    Args:
        group: The trusted specification.
        pairs: Indices x n + y; all pairs by default. They come in ascending order, each once.
        size: Pairs at a time.
    """
    n = group.order
    indices = np.arange(n * n) if pairs is None else ascending(pairs)
    if len(indices) == n * n:
        size = size // n * n if size >= n else -(-n // -(-n // size))  # whole rows, or about equal parts of one
    for start in range(0, len(indices), size):
        chunk = np.ascontiguousarray(indices[start : start + size], dtype=np.int64)
        xs, ys = np.divmod(chunk, n)
        yield chunk, xs, ys, group.table[xs, ys]
