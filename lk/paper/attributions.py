"""Interactions beside Shapley values and integrated gradients, for single samples.

Cheng et al., ICML 2024, Fig. 6 and App. B.
"""

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from lk.games import OUTPUT
from lk.interactions import shapley_values
from lk.layers import read_layers
from lk.metrics.integrated_gradients import by_player, integrated_gradients
from lk.paper.final_checkpoint import FinalCheckpoint
from lk.paper.stored_results import Result, stored_table
from lk.transforms import harsanyi


def player_names(final: FinalCheckpoint, sample: int) -> list[str]:
    """Names of the players of one sample: words, columns, or numbers."""
    names = [name.split("+") for name in final.samples.names(sample)]
    # A player of several columns is called after its first.
    return [name[0] if len(name) == 1 or not all(name) else f"{name[0]} +{len(name) - 1}" for name in names]


def score_of(final: FinalCheckpoint, layer: str, target: Tensor, x: Tensor, embedded: Tensor) -> Tensor:
    """Scores `(batch,)` of a layer for embedded inputs `(batch, ...)`, differentiable."""
    network, extraction = final.network, final.extraction
    with read_layers(network, [] if layer == OUTPUT else [layer]) as activations:
        logits = network.from_embedded(embedded, x)  # type: ignore[operator]
    if layer != OUTPUT:
        logits = (
            final.probes(activations)[layer]
            if extraction.score.reads == "logits" and final.probes
            else activations[layer]
        )
    return extraction.score(logits, target)


def gradients(final: FinalCheckpoint, layer: str, sample: int, steps: int = 64) -> Tensor:
    """Integrated gradients of a layer's score for every player, from the filler to the sample, `(n,)`.

    The background is left out.
    """
    device = next(final.network.parameters()).device
    x, filler = (part[[sample]].to(device) for part in (final.samples.x, final.samples.filler))
    owner = final.samples.owner[[sample]].to(device)
    # Only players are absent in the baseline: the background stays, as in the game.
    filler = torch.where(owner >= 0, filler, x)
    target = final.samples.y[[sample]].to(device)
    with torch.no_grad():
        start, end = (final.network.embed(part) for part in (filler, x))  # type: ignore[operator]

    def function(batch: Tensor) -> Tensor:
        return score_of(final, layer, target.expand(len(batch)), x.expand(len(batch), *x.shape[1:]), batch)

    found = integrated_gradients(function, end[0], start[0], steps)
    return by_player(found, owner[0], final.n)


def attributions(final: FinalCheckpoint, samples: Sequence[int], count: int = 10) -> pd.DataFrame:
    """Strongest interactions, Shapley values, integrated gradients of samples, at an intermediate layer and the output.

    Returns:
        Columns sample, place, what (`interaction`, `shapley`, `integrated gradients`), name, value, kind.
    """

    def compute() -> Result:
        rows = []
        for sample in samples:
            names = player_names(final, sample)
            for place, position in final.places.items():
                layer = final.interactions.layers[position]
                common = {"sample": int(final.samples.index[sample]), "place": place}
                for kind, players, effect in final.interactions.top(count, layer, sample):
                    joined = (" ∧ " if kind == "AND" else " ∨ ").join(names[i] for i in players)
                    rows.append(
                        {**common, "what": "interaction", "name": joined, "value": effect, "kind": kind.lower()}
                    )
                # Of the values themselves: the residual of the AND-OR effects has no share in them.
                alone = harsanyi(final.values[:, position, sample].double())
                shapley = shapley_values(alone, torch.zeros_like(alone))
                for what, values in (("shapley", shapley), ("integrated gradients", gradients(final, layer, sample))):
                    rows += [
                        {**common, "what": what, "name": name, "value": float(value), "kind": ""}
                        for name, value in zip(names, values, strict=True)
                    ]
        return Result(pd.DataFrame(rows), {})

    return stored_table(final, "attributions", {"samples": list(samples), "count": count}, compute).table
