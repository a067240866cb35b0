"""The ten-line door: interactions of any torch module, in a notebook or script, without Lightning or W&B."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor, nn

from lk.games import OUTPUT, Columns, Grid, Players, count_players, play
from lk.games.maskers import Masker, Mean
from lk.interactions import Interactions, interactions_of
from lk.layers import device_of, find_layer, frozen
from lk.plots import on_images, ranked_effects
from lk.probes import Optimum, Probes, Recipe
from lk.scores import Score, TrueClass

LARGEST = 14


@dataclass(frozen=True, eq=False)
class Explained:
    """Interactions of a few samples, with what is needed to draw them.

    Attributes:
        interactions: Effects of every coalition, layer and sample.
        probes: The linear classifiers of the layers; `None` where the score reads raw activations.
        x: The explained samples.
        owner: Owner of every entry of each.
    """

    interactions: Interactions
    probes: Probes | None
    x: Tensor
    owner: Tensor

    def __repr__(self) -> str:
        return repr(self.interactions)

    def plot(self, sample: int = 0, layers: Sequence[str] | None = None, count: int = 5) -> Figure:
        """The strongest interactions of one sample, a row per layer: on the image itself, or as ranked bars for tables.

        Args:
            sample: Position of the sample.
            layers: Layers to draw; default all.
            count: Interactions per layer.
        """
        rows = []
        names = self.interactions.about["players"] or [str(i) for i in range(self.interactions.n)]
        image = self.x.ndim == 4
        for layer in layers or self.interactions.layers:
            for rank, (kind, players, effect) in enumerate(self.interactions.strongest(layer, sample, count)):
                rows.append({"group": layer, "image": 0, "rank": rank, "kind": kind, "players": players, "effect": effect})
        if not rows:
            raise ValueError(f"Sample {sample} has no interactions: its game is constant at every layer that is drawn.")
        if image:
            return on_images(pd.DataFrame(rows), self.x[[sample]].numpy(), self.owner[[sample], 0].numpy())
        return ranked_effects(pd.DataFrame(rows), list(names))


def divide(players: str | Players, x: Tensor) -> Players:
    """The division that a short name stands for."""
    if isinstance(players, Players):
        return players
    if players == "grid" and x.ndim == 4:
        return Grid(patch=math.ceil(max(x.shape[2:]) / 3))
    if players in ("grid", "columns") and x.ndim == 2:
        return Columns()
    raise ValueError(
        f"Given players={players!r} for inputs of shape {tuple(x.shape)}; expected 'grid' (images), 'columns' (tables) or a lk.games.Players."
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

    The batch serves three purposes: one linear classifier per layer is fitted on all of it (give several hundred samples),
    its mean is the baseline, and its first `samples` are explained.

    Args:
        model: Any torch module that maps inputs to logits `(batch, classes)`; it is copied, never changed.
        layers: Names of submodules to read, from input to output.
        x: Inputs `(batch, *input)`.
        y: Labels `(batch,)`.
        players: `grid` divides images into 3x3 patches and tables into columns; or any `lk.games.Players`.
        samples: Number of samples to explain.
        masker: What fills absent players; default the batch's mean.
        score: What the game is played for; default the log-odds of the label.
        probes: How the linear classifiers are fitted; default the unique optimum.
        background: `original`, `baseline` or `integrated`.
        kappa: Bound of the residual, relative to |v(N) - v(empty)|.
        batch_size: Masked samples per forward pass.

    Raises:
        ValueError: A layer is unknown, shapes do not fit, or there are too many players for a notebook (more than 14).

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
            f"Given x {tuple(x.shape)}, y {tuple(y.shape)}, samples={samples}; expected as many labels as inputs, and samples to explain."
        )
    for layer in layers:
        find_layer(model, layer)
    masker, score, recipe = masker or Mean(), score or TrueClass(), probes or Optimum()
    baseline, device = x.float().mean(0), device_of(model)
    division = divide(players, x)
    shown, labels = x[:samples], y[:samples]
    owner = division.divide(shown, baseline)
    n = count_players(owner)
    if n > LARGEST:
        raise ValueError(
            f"{n} players give 2^{n} masked samples each; expected at most {LARGEST} here. Group columns or choose larger patches."
        )
    network = frozen(model)
    classes = max(int(y.max()) + 1, 2)
    batches = [(x[i : i + 256].to(device), y[i : i + 256]) for i in range(0, min(len(x), recipe.max_samples), 256)]
    fitted = recipe.fit(network, layers, batches, classes).to(device) if score.reads == "logits" else None
    values, _ = play(network, fitted, layers, shown, labels, owner, masker.fill(shown, baseline), score, background, batch_size)
    names = division.names([f"column {i}" for i in range(x.shape[1])] if x.ndim == 2 else [])
    return Explained(
        interactions_of(values, [*layers, OUTPUT], kappa, players=names, labels=labels.tolist(), samples=list(range(samples))),
        fitted,
        shown,
        owner,
    )
