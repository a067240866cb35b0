"""Interactions beside Shapley values and integrated gradients, for single samples (Cheng et al., ICML 2024, Fig. 6 and App. B)."""

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from lk.games import OUTPUT
from lk.interactions import shapley_values
from lk.layers import read_layers
from lk.metrics.integrated_gradients import by_player, integrated_gradients
from lk.paper.subject import Subject
from lk.transforms import harsanyi


def player_names(subject: Subject, sample: int) -> list[str]:
    """Names of the players of one sample: words, columns, or numbers."""
    names = [name.split("+") for name in subject.samples.names(sample)]
    # A player of several columns is called after its first.
    return [name[0] if len(name) == 1 or not all(name) else f"{name[0]} +{len(name) - 1}" for name in names]


def score_of(subject: Subject, layer: str, target: Tensor, x: Tensor, embedded: Tensor) -> Tensor:
    """Scores `(batch,)` of a layer for embedded inputs `(batch, ...)`, differentiable."""
    network, extraction = subject.network, subject.extraction
    with read_layers(network, [] if layer == OUTPUT else [layer]) as activations:
        logits = network.from_embedded(embedded, x)  # type: ignore[operator]
    if layer != OUTPUT:
        logits = (
            subject.probes(activations)[layer]
            if extraction.score.reads == "logits" and subject.probes
            else activations[layer]
        )
    return extraction.score(logits, target)


def gradients(subject: Subject, layer: str, sample: int, steps: int = 64) -> Tensor:
    """Integrated gradients of a layer's score for every player, from the filler to the sample, `(n,)`; the background is left out."""
    device = next(subject.network.parameters()).device
    x, filler = (part[[sample]].to(device) for part in (subject.samples.x, subject.samples.filler))
    owner = subject.samples.owner[[sample]].to(device)
    # Only players are absent in the baseline: the background stays, as in the game.
    filler = torch.where(owner >= 0, filler, x)
    target = subject.samples.y[[sample]].to(device)
    with torch.no_grad():
        start, end = (subject.network.embed(part) for part in (filler, x))  # type: ignore[operator]

    def function(batch: Tensor) -> Tensor:
        return score_of(subject, layer, target.expand(len(batch)), x.expand(len(batch), *x.shape[1:]), batch)

    found = integrated_gradients(function, end[0], start[0], steps)
    return by_player(found, owner[0], subject.n)


def attributions(subject: Subject, samples: Sequence[int], count: int = 10) -> pd.DataFrame:
    """The strongest interactions, Shapley values and integrated gradients of some samples, at the intermediate layer and the output.

    Returns:
        Columns sample, place, what (`interaction`, `shapley`, `integrated gradients`), name, value, kind.
    """

    def make() -> pd.DataFrame:
        rows = []
        for sample in samples:
            names = player_names(subject, sample)
            for place, position in subject.places.items():
                layer = subject.interactions.layers[position]
                common = {"sample": int(subject.samples.index[sample]), "place": place}
                for kind, players, effect in subject.interactions.top(count, layer, sample):
                    joined = (" ∧ " if kind == "AND" else " ∨ ").join(names[i] for i in players)
                    rows.append(
                        {**common, "what": "interaction", "name": joined, "value": effect, "kind": kind.lower()}
                    )
                # Of the values themselves: the residual of the AND-OR effects has no share in them.
                alone = harsanyi(subject.values[:, position, sample].double())
                shapley = shapley_values(alone, torch.zeros_like(alone))
                for what, values in (("shapley", shapley), ("integrated gradients", gradients(subject, layer, sample))):
                    rows += [
                        {**common, "what": what, "name": name, "value": float(value), "kind": ""}
                        for name, value in zip(names, values, strict=True)
                    ]
        return pd.DataFrame(rows)

    return subject.kept("attributions", {"samples": list(samples), "count": count}, make)
