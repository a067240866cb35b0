"""Interactions from the values of games."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lk.decomposition.decompose import decompose
from lk.interactions.interactions import Interactions


def interactions_of(
    values: Tensor, layers: Sequence[str], kappa: float = 0.04, gap: float = 1e-3, tie_break: str = "low", **fields: Any
) -> Interactions:
    """Decompose values into AND-OR interactions.

    Args:
        values: Value of every coalition, layer and sample, `(2**n, layers, samples)`.
        layers: Layer names.
        kappa: Bound of the residual, relative to |v(N) - v(empty)|.
        gap: Relative gap to prove.
        tie_break: Orders preferred among optima (see `decompose`); "high" is the control for findings about orders.
        **fields: Further attributes of `Interactions`.

    Example:
        >>> v = torch.tensor([0.0, 0.0, 0.0, 2.0]).reshape(4, 1, 1)
        >>> interactions_of(v, ["output"], kappa=0).top()
        [Effect(kind='AND', players=(0, 1), effect=2.0)]
    """
    found = decompose(values, kappa=kappa, gap=gap, tie_break=tie_break)
    dtype = torch.float32 if values.dtype == torch.float32 else found.and_.dtype
    return Interactions(
        found.and_.to(dtype),
        found.or_.to(dtype),
        found.delta.to(dtype),
        found.objective,
        found.lower_bound,
        torch.as_tensor(found.certified),
        tuple(layers),
        torch.as_tensor(found.canonical),
        kappa=kappa,
        gap=gap,
        tie_break=tie_break,
        **fields,
    )
