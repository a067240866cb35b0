"""The linear classifiers: one per layer, fitted on the activations of a frozen network, all layers in one pass.

Source: Cheng et al., ICML 2024, Sect. 3.2.2: p(y | x) = softmax(W f(x) + b) on the features f of a layer.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from lk.layers import check_finite, device_of, read_layers
from lk.scores import class_numbers
from lk.storage.describe import Recorded
from lk.storage.stored import expect, read_tensors, texts, write_tensors
from lk.storage.strict_json import damaged, parse_json
from lk.storage.trust import renamed

if TYPE_CHECKING:
    import pandas as pd


def pooled(activation: Tensor, pooling: str) -> Tensor:
    """Features of a layer, shape `(batch, features)`.

    `flatten` keeps every entry; `mean` averages over space or all tokens (padding included: a layer does not say which
    those are); `grid4` averages images to at most 4x4; `first` and `last` take one token of `(batch, tokens, hidden)`:
    [CLS].

    Example:
        >>> pooled(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), "last")
        tensor([[3., 4.]])
    """
    if pooling == "grid4" and activation.ndim == 4:
        height, width = activation.shape[2:]
        activation = adaptive_avg_pool2d(activation, (min(4, height), min(4, width)))
    elif pooling == "mean" and activation.ndim > 2:
        activation = activation.mean((2, 3)) if activation.ndim == 4 else activation.mean(1)
    elif pooling in ("first", "last") and activation.ndim == 3:
        activation = activation[:, 0 if pooling == "first" else -1]
    return activation.flatten(1)


POOLINGS = ("flatten", "mean", "grid4", "first", "last")


@dataclass(frozen=True)
class Linear:
    """One layer's classifier: logits = weight @ ((features - mean) / scale) + bias, with how it was fitted.

    A class without a sample has zero weight and a bias of -inf: probability 0, whatever the features.

    Attributes:
        weight: Shape `(classes, features)`.
        bias: Shape `(classes,)`.
        mean: Shape `(features,)`.
        scale: Shape `(features,)`.
        gradient_norm: Euclidean norm of the objective's gradient where the fit stopped; NaN for the paper's recipe.
        iterations: Evaluations of the gradient.
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor
    scale: Tensor
    gradient_norm: float = math.nan
    iterations: int = 0


class Probes(nn.Module):
    """The fitted classifiers of several layers.

    Args:
        maps: Layer name to its classifier, in the order of the network.
        pooling: How features are taken from an activation: one of `POOLINGS`, see `pooled`.
        recipe: How they were fitted, as plain data.

    Example:
        >>> lin = Linear(torch.eye(2), torch.zeros(2), torch.zeros(2), torch.ones(2))
        >>> Probes({"layer1": lin})({"layer1": torch.tensor([[1.0, 3.0]])})["layer1"]
        tensor([[1., 3.]])
    """

    made_from: dict[str, str] | None = None  # digests of what they were fitted on, see `lk.extraction.fitted_on`

    def __init__(self, maps: dict[str, Linear], pooling: str = "flatten", recipe: Any = None) -> None:
        super().__init__()
        self.recipe = recipe
        self.layers, self.pooling, self.linears = tuple(maps), pooling, dict(maps)
        for i, linear in enumerate(maps.values()):
            # Standardisation is folded into the map, so that a probe costs one matrix product. In double precision,
            # rounded once: a product in single precision depends in its last bits on where the tensors lie in memory,
            # and a file lays them out differently.
            weight = linear.weight.double() / linear.scale.double()
            self.register_buffer(f"weight{i}", weight.float(), persistent=False)
            self.register_buffer(
                f"bias{i}", (linear.bias.double() - (weight * linear.mean.double()).sum(1)).float(), persistent=False
            )

    def forward(self, activations: dict[str, Tensor]) -> dict[str, Tensor]:
        """Logits `(batch, classes)` of every layer that was read; probes of other layers are left aside.

        Raises:
            ValueError: An activation has another number of features than the probe was fitted on.
        """
        logits = {}
        for i, layer in enumerate(self.layers):
            if layer not in activations:
                continue
            weight, bias = getattr(self, f"weight{i}"), getattr(self, f"bias{i}")
            features = pooled(activations[layer], self.pooling).to(weight.dtype)
            if features.shape[1] != weight.shape[1]:
                raise ValueError(
                    f"expected {weight.shape[1]} features of layer {layer!r}, those its probe was fitted on, got "
                    f"{features.shape[1]}. The probes belong to another network, layer or pooling: fit them again."
                )
            logits[layer] = torch.addmm(bias, features, weight.T)
        return logits

    def check_seen(self, target: Tensor) -> None:
        """Refuse to score for a class that no sample had when the classifiers were fitted; see `check_seen`."""
        for linear in self.linears.values():
            check_seen(target, (~torch.isneginf(linear.bias)).nonzero().flatten())

    def save(self, path: Path) -> None:
        """Write all classifiers to a safetensors file (to a temporary name first)."""
        tensors = {
            f"{layer}/{part}": getattr(linear, part)
            for layer, linear in self.linears.items()
            for part in ("weight", "bias", "mean", "scale")
        }
        fits = {layer: [linear.gradient_norm, linear.iterations] for layer, linear in self.linears.items()}
        header = {"layers": self.layers, "fits": fits, "recipe": self.recipe, "made_from": self.made_from}
        write_tensors(
            path, tensors, {"pooling": self.pooling, **{key: json.dumps(value) for key, value in header.items()}}
        )

    @classmethod
    def load(cls, path: Path) -> "Probes":
        """Read what `save` wrote.

        Raises:
            ValueError: The file is truncated or no probe file.
        """
        remedy = "Delete it and fit the probes again: probe.py fit --run RUN."
        tensors, about = read_tensors(path, "holds no probes", remedy)
        try:
            layers, fits = texts(parse_json(about["layers"]), "layers"), parse_json(about["fits"])
            maps = {}
            for layer in layers:
                parts = {part: tensors[f"{layer}/{part}"].clone() for part in ("weight", "bias", "mean", "scale")}
                classes, features = parts["weight"].shape
                bias = parts["bias"]
                seen = {"bias": bias.masked_fill(torch.isneginf(bias), 0.0)}  # -inf: a class without a sample
                expect({**parts, **seen}, {"weight": ("real", (classes, features)), "bias": ("real", (classes,))})
                expect(parts, {part: ("real", (features,)) for part in ("mean", "scale")})
                norm, iterations = (float(fits[layer][0]), int(fits[layer][1]))
                maps[layer] = Linear(**parts, gradient_norm=norm, iterations=iterations)
            if about["pooling"] not in POOLINGS:
                raise ValueError(f"expected pooling as one of {', '.join(POOLINGS)}, got {about['pooling'][:60]!r}")
            recipe, made_from = renamed(parse_json(about["recipe"])), parse_json(about.get("made_from", "null"))
            if recipe is not None and not (isinstance(recipe, dict) and isinstance(recipe.get("class_path"), str)):
                raise ValueError(f"expected recipe as class_path with init_args, got {type(recipe).__name__}")
        except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
            raise damaged(path, "holds no probes", error, remedy) from error
        probes = cls(maps, about["pooling"], recipe)
        probes.made_from = made_from
        return probes


class Recipe(metaclass=Recorded):
    """Base of the ways to fit probes; subclasses define `fit`.

    Args:
        pooling: How features are taken from an activation: one of `POOLINGS`, see `pooled`.
        max_samples: Training samples used, drawn with `seed`; their features must fit in memory.
        seed: Decides the draw.
    """

    def __init__(self, pooling: str = "flatten", max_samples: int = 10_000, seed: int = 0) -> None:
        if pooling not in POOLINGS:
            raise ValueError(f"expected pooling in {list(POOLINGS)}, got pooling={pooling!r}. Choose one of these.")
        if max_samples < 2:
            raise ValueError(f"expected max_samples of at least 2, got max_samples={max_samples}. Use 10000.")
        self.pooling, self.max_samples, self.seed = pooling, max_samples, seed

    def fit(
        self, network: nn.Module, layers: Sequence[str], batches: Iterable[tuple[Tensor, Tensor]], num_classes: int
    ) -> Probes:
        """Fit one linear classifier per layer.

        Args:
            network: The frozen network, on the device to use; it is run in evaluation mode as it stands.
            layers: Layers to read.
            batches: Training batches in a fixed order.
            num_classes: Number of classes.
        """
        raise NotImplementedError(f"{type(self).__name__} must define fit().")


@torch.no_grad()
def collect(
    network: nn.Module, layers: Sequence[str], batches: Iterable[tuple[Tensor, Tensor]], pooling: str
) -> tuple[dict[str, Tensor], Tensor]:
    """Features `(samples, features)` of every layer and labels `(samples,)`, from one pass."""
    device = device_of(network)
    features: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    labels, seen = [], 0
    for x, y in batches:
        with read_layers(network, layers) as activations:
            network(x.to(device))
        check_finite(activations, torch.arange(seen, seen + len(x), device=device))
        for layer in layers:
            features[layer].append(pooled(activations[layer], pooling).clone())
        labels.append(class_numbers(y).to(device))
        seen += len(x)
    joined = {}
    for layer in layers:
        # One layer at a time, so that the copy that cat makes is not held for all layers at once.
        joined[layer] = torch.cat(features.pop(layer))
    return joined, torch.cat(labels)


def check_seen(target: Tensor, seen: Tensor) -> None:
    """Refuse to score for a class that probes are fitted without: its logit is -inf.

    Args:
        target: Classes to score for, shape `(batch,)`.
        seen: Classes that have samples.

    Raises:
        ValueError: Names the first class that has none.
    """
    missing = target.cpu()[~torch.isin(target.cpu(), seen.cpu())]
    if len(missing):
        raise ValueError(
            f"expected a class that the probes were fitted on ({', '.join(map(str, seen.tolist()))}), got class "
            f"{int(missing[0])} to score. Give labelled samples of it, raise max_samples of the probes, or score "
            "another class."
        )


def seen_classes(y: Tensor) -> tuple[Tensor, Tensor]:
    """The classes that have samples, and each sample's place among them.

    A class without samples has no part in the fit: cross-entropy falls without end as its bias does, so that nothing is
    a minimum.

    Raises:
        ValueError: There is only one.

    Example:
        >>> seen_classes(torch.tensor([1, 2, 1]))
        (tensor([1, 2]), tensor([0, 1, 0]))
    """
    seen, places = y.unique(return_inverse=True)
    if len(seen) < 2:
        raise ValueError(
            f"expected samples of two classes or more to fit a probe on, got class {seen.tolist()} alone. Give samples "
            "of other classes."
        )
    return seen, places


def spread(linear: Linear, seen: Tensor, num_classes: int) -> Linear:
    """A classifier of the classes seen, as one of all classes.

    The logit of the others is -inf, as it is in the limit of the fit.
    """
    weight = linear.weight.new_zeros(num_classes, linear.weight.shape[1]).index_copy(0, seen, linear.weight)
    bias = linear.bias.new_full((num_classes,), -math.inf).index_copy(0, seen, linear.bias)
    return replace(linear, weight=weight, bias=bias)


def at_chance(hits: int, samples: int, chance: float) -> bool:
    """Whether a classifier is not shown to be better than always naming the most frequent class.

    One-sided binomial test, 5 %.
    """
    from scipy.stats import binomtest  # takes seconds to import

    return bool(binomtest(hits, samples, chance, alternative="greater").pvalue > 0.05)


@torch.no_grad()
def held_out(
    recipe: Recipe, network: nn.Module, layers: Sequence[str], x: Tensor, y: Tensor, num_classes: int
) -> "pd.DataFrame":
    """Accuracy of each layer's classifier on every fifth sample of each class, when it is fitted on the others.

    Args:
        recipe: How to fit.
        network: The frozen network.
        layers: Layers to read.
        x: Inputs `(samples, *input)`, at least five of each class that occurs.
        y: Labels `(samples,)`.
        num_classes: Number of classes.

    Returns:
        One row per layer: layer, accuracy, chance (share of the most frequent class), at_chance, samples (held out),
        fitted.
    """
    import pandas as pd

    place = torch.zeros_like(y)
    for label in y.unique():
        place[y == label] = torch.arange(int((y == label).sum()))
    rows = place % 5 == 4
    probes = recipe.fit(network, layers, list(zip(x[~rows].split(256), y[~rows].split(256), strict=True)), num_classes)
    probes = probes.to(device_of(network))
    hits = dict.fromkeys(layers, 0)
    for inputs, labels in zip(x[rows].split(256), y[rows].split(256), strict=True):
        with read_layers(network, layers) as activations:
            network(inputs.to(device_of(network)))
        for layer, logits in probes(activations).items():
            hits[layer] += int((logits.argmax(1).cpu() == labels).sum())
    count = int(rows.sum())
    chance = float(torch.bincount(y[rows]).max()) / count
    return pd.DataFrame(
        [
            {
                "layer": layer,
                "accuracy": hit / count,
                "chance": chance,
                "at_chance": at_chance(hit, count, chance),
                "samples": count,
                "fitted": len(y) - count,
            }
            for layer, hit in hits.items()
        ]
    )
