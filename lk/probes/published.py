"""The recipe of the paper: probes trained by stochastic gradient descent (Cheng et al., ICML 2024, App. M.2)."""

import math
import zlib
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lk.probes.probes import Linear, Probes, Recipe, collect, seen_classes, spread
from lk.scores import check_labels


class PaperSGD(Recipe):
    """The paper's recipe: SGD on raw features, no penalty, from a fresh start (Cheng et al. 2024, App. M.2).

    All layers are trained in the same pass over the frozen network; the sum of their losses gives each its own
    gradient. There is no optimum to reach on separable features: the number of epochs is part of the result.

    Args:
        lr: Learning rate; the paper uses 0.01 (MLP-7 on MNIST) and 0.001.
        momentum: Not stated in the paper; 0.9 here.
        epochs: Not stated in the paper.
        batch_size: 256 in the paper.
        pooling: How features are taken from an activation: one of `POOLINGS`, see `pooled`.
        max_samples: Training samples used.
        seed: Decides the draw, the fresh start and the order of the batches.
    """

    def __init__(
        self,
        lr: float = 0.01,
        momentum: float = 0.9,
        epochs: int = 10,
        batch_size: int = 256,
        pooling: str = "flatten",
        max_samples: int = 10_000,
        seed: int = 0,
    ) -> None:
        super().__init__(pooling, max_samples, seed)
        if lr <= 0 or not 0 <= momentum < 1 or epochs < 1 or batch_size < 1:
            raise ValueError(
                f"expected lr > 0, 0 <= momentum < 1, epochs >= 1, batch_size >= 1, got lr={lr}, momentum={momentum}, "
                f"epochs={epochs}, batch_size={batch_size}. Leave them out for the defaults."
            )
        self.lr, self.momentum, self.epochs, self.batch_size = lr, momentum, epochs, batch_size

    def fit(
        self, network: nn.Module, layers: Sequence[str], batches: Iterable[tuple[Tensor, Tensor]], num_classes: int
    ) -> Probes:
        """Features are read once and kept; the network is frozen, so every epoch would read the same."""
        features, y = collect(network, layers, batches, self.pooling)
        check_labels(y, num_classes)
        seen, y = seen_classes(y)
        generator = torch.Generator().manual_seed(self.seed)
        features = {layer: x.float() for layer, x in features.items()}
        probes = {}
        for layer, x in features.items():
            # A layer's start depends on its name and the seed alone, not on the other layers that are read.
            own = torch.Generator().manual_seed(self.seed + zlib.crc32(layer.encode()))
            bound = 1 / math.sqrt(x.shape[1])
            start = torch.rand(len(seen), x.shape[1] + 1, generator=own).mul(2 * bound).sub(bound).to(x)
            probes[layer] = (start[:, :-1].clone().requires_grad_(), start[:, -1].clone().requires_grad_())
        optimizer = torch.optim.SGD([p for pair in probes.values() for p in pair], lr=self.lr, momentum=self.momentum)
        for _ in range(self.epochs):
            for rows in torch.randperm(len(y), generator=generator).split(self.batch_size):
                optimizer.zero_grad()
                with torch.enable_grad():
                    losses = [
                        cross_entropy(torch.addmm(b, features[layer][rows], w.T), y[rows])
                        for layer, (w, b) in probes.items()
                    ]
                    torch.stack(losses).sum().backward()
                optimizer.step()
        steps = self.epochs * math.ceil(len(y) / self.batch_size)
        return Probes(
            {
                layer: spread(
                    Linear(w.detach(), b.detach(), torch.zeros_like(w[0]), torch.ones_like(w[0]), math.nan, steps),
                    seen,
                    num_classes,
                )
                for layer, (w, b) in probes.items()
            },
            self.pooling,
        )
