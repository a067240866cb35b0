"""Adam with parameters that are exempt from weight decay."""

from collections.abc import Iterable

import torch
from torch import nn


class Adam(torch.optim.Adam):
    """Adam (L2 penalty in the gradient, not AdamW) that spares the parameters marked `decay = False`, such as biases.

    LightningCLI hands an optimiser the parameters and nothing else, so a network says on the parameter itself what must
    not decay. Nothing else differs from `torch.optim.Adam`, except that the fused kernel is the default.

    Args:
        params: The parameters.
        lr: Learning rate.
        betas: Decay rates of the two running means.
        eps: Added to the root of the second mean.
        weight_decay: Factor of the parameter added to its gradient; 0 for the marked ones.
        fused: One kernel for the whole step: faster, the same algorithm.

    Example:
        >>> weight, bias = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(1))
        >>> bias.decay = False
        >>> [group["weight_decay"] for group in Adam([weight, bias], weight_decay=0.1).param_groups]
        [0.1, 0.0]
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        fused: bool = True,
    ) -> None:
        given = list(params)
        groups = [
            {"params": [p for p in given if getattr(p, "decay", True)], "weight_decay": weight_decay},
            {"params": [p for p in given if not getattr(p, "decay", True)], "weight_decay": 0.0},
        ]
        super().__init__(
            [g for g in groups if g["params"]], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=fused
        )
