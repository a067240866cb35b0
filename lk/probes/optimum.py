"""The default recipe: probes at the unique optimum of a penalised logistic regression."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from lk.probes.logistic import Logistic
from lk.probes.probes import Linear, Probes, Recipe, collect, seen_classes, spread
from lk.scores import check_labels


class Optimum(Recipe):
    """The default recipe: the unique minimiser of mean cross-entropy + l2 / 2 * ||weight||^2 on standardised features.

    Features are standardised with stored statistics and scaled to norm 1 on average; the bias is not penalised. The
    problem is strictly convex in what a score can see, so the probe is a function of the network and the data alone:
    no start, learning rate or stopping epoch decides what a layer is said to know.

    Args:
        l2: Penalty in nats per squared weight; scikit-learn's C is 1 / (l2 * samples).
        tolerance: Distance of the weights to the optimum, as a share of their norm or of 1, whichever is more: the
            gradient is at most `l2 * tolerance` times that, see `Logistic.solve`. Log-odds are then off by about as
            small a share.
        max_iterations: Evaluations of the gradient at most; the norm that was reached is stored with the probe.
        pooling: How features are taken from an activation: one of `POOLINGS`, see `pooled`.
        max_samples: Training samples used.
        seed: Decides the draw.
    """

    def __init__(
        self,
        l2: float = 1e-4,
        tolerance: float = 1e-6,
        max_iterations: int = 5000,
        pooling: str = "flatten",
        max_samples: int = 10_000,
        seed: int = 0,
    ) -> None:
        super().__init__(pooling, max_samples, seed)
        if l2 <= 0 or tolerance <= 0:
            raise ValueError(
                f"expected l2 and tolerance above 0, got l2={l2}, tolerance={tolerance}. Use a small l2: without a "
                "penalty there is no optimum."
            )
        self.l2, self.tolerance, self.max_iterations = l2, tolerance, max_iterations

    def fit(
        self, network: nn.Module, layers: Sequence[str], batches: Iterable[tuple[Tensor, Tensor]], num_classes: int
    ) -> Probes:
        """One pass reads the features of all layers; each layer's problem is then solved on its own."""
        features, y = collect(network, layers, batches, self.pooling)
        check_labels(y, num_classes)
        maps = {}
        for layer in layers:
            x = features.pop(layer)
            maps[layer] = fit_logistic(x, y, num_classes, self.l2, self.tolerance, self.max_iterations)
        return Probes(maps, self.pooling)


def fit_logistic(
    x: Tensor, y: Tensor, num_classes: int, l2: float, tolerance: float, max_iterations: int = 5000
) -> Linear:
    """Multinomial logistic regression with L2 on standardised features.

    Classes without samples are left out, see `seen_classes`.

    Args:
        x: Features `(samples, features)`.
        y: Labels `(samples,)`.
        num_classes: Number of classes.
        l2: Penalty on the weights.
        tolerance: Distance to the optimum, relative to the weights, see `Logistic.solve`.
        max_iterations: Evaluations at most.

    Example:
        >>> fit = fit_logistic(torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1]), 2, 0.1, 1e-9)
        >>> bool(fit.weight[1] > 0) and fit.gradient_norm <= 0.1 * 1e-9 * max(1, float(fit.weight.norm()))
        True
    """
    # Large problems are kept in single precision, where products cost half; below this penalty such products do not
    # find the optimum.
    x = x.double() if x.numel() <= 2e7 or l2 < 1e-6 else x.float()
    # As they are stored: the classifier is the optimum for these very features.
    mean, scale = (moment.float() for moment in moments(x))
    x = (x - mean.to(x)).div_(scale.to(x))
    seen, y = seen_classes(y)
    found = Logistic(x, one_hot(y, len(seen)).double(), l2).solve(tolerance, max_iterations)
    linear = Linear(found.weight.float(), found.bias.float(), mean, scale, found.gradient_norm, found.evaluations)
    return spread(linear, seen, num_classes)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and scale of each feature; a probe standardises with both.

    The scale is the deviation, not below a hundredth of the layer's typical one (a unit that almost never fires would
    otherwise be blown up on masked samples), times sqrt(features): a standardised sample then has norm 1 whatever the
    width of the layer, and one L2 penalty means the same for all layers. Typical is the upper quartile of the features
    that vary: neither a few features of huge deviation nor many that almost never fire decide it. What varies by a
    millionth of its size varies by rounding.
    """
    mean = x.mean(0)
    deviation = (x - mean).square_().mean(0).sqrt()
    varying = deviation[deviation > 0].sort().values
    typical = float(varying[3 * (len(varying) - 1) // 4]) if len(varying) else 0.0
    floor = (mean.abs() * 1e-6).clamp(min=max(typical * 1e-2, 1e-30))
    return mean, torch.maximum(deviation, floor) * math.sqrt(x.shape[1])
