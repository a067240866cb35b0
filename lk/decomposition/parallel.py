"""Games side by side: one game per thread, linear algebra inside a game on its own thread."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # comes with scikit-learn

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Apply `function` to all items, as many at a time as torch may use threads; results do not depend on that number.

    Example:
        >>> in_threads(abs, [-1, 2])
        [1, 2]
    """
    with _linear_algebra().limit(limits=1, user_api="blas"):
        if torch.get_num_threads() == 1:
            return [function(item) for item in items]
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return list(pool.map(function, items))


@lru_cache(maxsize=1)
def _linear_algebra() -> ThreadpoolController:
    return ThreadpoolController()
