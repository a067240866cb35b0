"""Explain any torch module, in a notebook or script, without Trainer or W&B."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from lk.games import OUTPUT, Columns, Grid, Players, count_players, play
from lk.games.game import check_layers
from lk.games.maskers import Masker, Mean
from lk.interactions import Interactions, interactions_of
from lk.layers import device_of
from lk.networks.readable import readable
from lk.probes import Optimum, Probes, Recipe
from lk.probes.probes import check_seen, held_out
from lk.scores import Score, TrueClass, check_labels, class_numbers

LARGEST = 14
FEWEST = 10  # samples of each class that probes are fitted on


@dataclass(frozen=True, eq=False)
class Explained:
    """Interactions of a few samples, with what is needed to draw them.

    Attributes:
        interactions: Effects of every coalition, layer and sample.
        probes: The linear classifiers of the layers; `None` where the score reads raw activations.
        accuracy: How well classifiers like these do on samples that they were not fitted on, see `lk.probes.held_out`.
        x: The explained samples.
        owner: Owner of every entry of each.
    """

    interactions: Interactions
    probes: Probes | None
    accuracy: pd.DataFrame | None
    x: Tensor
    owner: Tensor

    def __repr__(self) -> str:
        return "\n".join([repr(self.interactions), *self.reliability()])

    def reliability(self) -> list[str]:
        """What the effects rest on: accuracy of each layer's classifier, a line each."""
        if self.accuracy is None:
            return []
        samples, fitted, chance = (self.accuracy[name].iloc[0] for name in ("samples", "fitted", "chance"))
        lines = [
            (
                f"Accuracy of the layers' linear classifiers, on {samples} samples held out of {samples + fitted} "
                f"(chance: {chance:.2f})"
            )
        ]
        for layer, accuracy, low in zip(
            *(self.accuracy[name] for name in ("layer", "accuracy", "at_chance")), strict=True
        ):
            lines.append(f"  {layer}: {accuracy:.2f}{'; at chance: its effects say little' * bool(low)}")
        return lines

    def plot(self, sample: int = 0, layers: Sequence[str] | None = None, count: int = 5) -> Figure:
        """The strongest interactions of one sample, a row per layer: on the image itself, or as ranked bars for tables.

        Args:
            sample: Position of the sample.
            layers: Layers to draw; default all.
            count: Interactions per layer.
        """
        rows = self.interactions.ranked(layers, sample, count)
        if self.x.ndim == 4 and len(rows):
            from lk.plots import on_images

            return on_images(rows, self.x[[sample]].numpy(), self.owner[[sample], 0].numpy())
        return self.interactions.plot(layers, sample, count)


def divide(players: str | Players, x: Tensor) -> Players:
    """The division that a short name stands for."""
    if isinstance(players, Players):
        return players
    if players == "grid" and x.ndim == 4:
        return Grid(patch=math.ceil(max(x.shape[2:]) / 3))
    if players in ("grid", "columns") and x.ndim == 2:
        return Columns()
    raise ValueError(
        f"expected players 'grid' (images), 'columns' (tables) or a lk.games.Players, got players={players!r} for "
        f"inputs of shape {tuple(x.shape)}. Pass a division that fits the inputs."
    )


def check_masker(masker: Masker | None, x: Tensor) -> Masker:
    """What fills absent players; between the numbers of tokens there is no mean."""
    if not x.is_floating_point() and (
        masker is None or isinstance(masker, Mean) or getattr(masker, "token", None) == "mask"
    ):
        raise ValueError(
            f"expected a masker for inputs of {x.dtype}, got {type(masker).__name__ if masker else 'none'}. Pass "
            "masker=Token(number of the mask token) for tokens, or x.float() for numbers."
        )
    return masker or Mean()


def check_samples(y: Tensor, classes: int) -> None:
    """Refuse to fit probes on a handful of samples: they are right on any, and their log-odds mean nothing.

    Raises:
        ValueError: A class that occurs has fewer than ten samples.
    """
    check_labels(y, classes)
    counts = torch.bincount(y, minlength=classes)
    few = [label for label in range(classes) if 0 < counts[label] < FEWEST]
    if few:
        raise ValueError(
            f"expected at least {FEWEST} labelled samples of each class in x and y, got {int(counts[few[0]])} of class "
            f"{few[0]} ({len(y)} in all): a layer's linear classifier is fitted on them. Give several hundred, leave "
            "the class out, or pass a score of the raw activation, such as lk.scores.Unit."
        )


def explain(
    model: nn.Module,
    layers: Sequence[str],
    x: Tensor,
    y: Tensor,
    players: str | Players = "grid",
    samples: int = 1,
    masker: Masker | None = None,
    score: Score | None = None,
    probes: Recipe | None = None,
    background: str = "original",
    kappa: float = 0.04,
    batch_size: int = 64,
) -> Explained:
    """AND-OR interactions of the first samples of a labelled batch, at every named layer and at the output.

    The batch serves three purposes: one linear classifier per layer is fitted on all of it (give several hundred
    samples, and at least ten of each class), its mean is the baseline, and its first `samples` are explained. The
    classifiers are fitted once more without a fifth of the samples, for their accuracy on it. The module is checked
    before the work, see `lk.networks.readable.examine`.

    Args:
        model: Any torch module that maps inputs to logits `(batch, classes)`, alone, as `logits` of a mapping or object
            (as the transformers library returns), or first in a tuple; it is copied, never changed.
        layers: Names of submodules to read, from input to output.
        x: Inputs `(batch, *input)`.
        y: Labels `(batch,)`, whole numbers of any type.
        players: `grid` divides images into 3x3 patches and tables into columns; or any `lk.games.Players`.
        samples: Number of samples to explain.
        masker: What fills absent players; default the batch's mean. Token numbers need one, such as
            `lk.games.maskers.Token(103)`.
        score: What the game is played for; default the log-odds of the label.
        probes: How the linear classifiers are fitted; default the unique optimum.
        background: `original`, `baseline` or `integrated`.
        kappa: Bound of the residual, relative to |v(N) - v(empty)|.
        batch_size: Masked samples per forward pass.

    Raises:
        ValueError: A layer is unknown, shapes or labels do not fit, there are too many players for a notebook (more
            than 14) or too few samples of a class, the module cannot be read faithfully, or the score is of a class
            without samples.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> x = torch.randn(200, 4)
        >>> found = explain(net, ["1"], x, (x[:, 0] > 0).long(), players="columns")
        >>> found.interactions.layers
        ('1', 'output')
    """
    if x.ndim < 2 or len(x) != len(y) or not 1 <= samples <= len(x):
        raise ValueError(
            f"expected a label for each input and samples from 1 to {len(x)}, got x.shape={tuple(x.shape)}, {len(y)} "
            f"labels, samples={samples}. Give whole batches."
        )
    layers, y = check_layers(model, layers), class_numbers(torch.as_tensor(y)).cpu()
    masker, score, recipe = check_masker(masker, x), score or TrueClass(), probes or Optimum()
    baseline = x.float().mean(0)
    division = divide(players, x)
    shown, labels = x[:samples], y[:samples]
    owner = division.divide(shown, baseline)
    n = count_players(owner)
    if n > LARGEST:
        raise ValueError(
            f"expected at most {LARGEST} players, got {n}, which give 2^{n} masked samples each. Group columns or "
            "choose larger patches."
        )
    network = readable(model, layers, x)
    fitted, accuracy = None, None
    if score.reads == "logits":
        with torch.no_grad():
            logits = network(shown.to(device_of(network))).cpu()
        classes = max(logits.shape[1], 2)
        x_fit, y_fit = x[: recipe.max_samples], y[: recipe.max_samples]
        check_samples(y_fit, classes)
        check_seen(score.choose(logits, labels), y_fit.unique())
        accuracy = held_out(recipe, network, layers, x_fit, y_fit, classes)
        fitted = recipe.fit(network, layers, list(zip(x_fit.split(256), y_fit.split(256), strict=True)), classes).to(
            device_of(network)
        )
    values, _ = play(
        network, fitted, layers, shown, labels, owner, masker.fill(shown, baseline), score, background, batch_size
    )
    names = division.names([f"column {i}" for i in range(x.shape[1])] if x.ndim == 2 else [])
    return Explained(
        interactions_of(values, [*layers, OUTPUT], kappa, players=tuple(names), labels=labels),
        fitted,
        accuracy,
        shown,
        owner,
    )
