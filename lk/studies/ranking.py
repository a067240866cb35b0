"""Interactions by strength: the sorted curve of all, and the strongest of single samples."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lk.extraction.tables import columns, depths
from lk.interactions import Interactions


def ranked(interactions: Interactions, points: int = 400) -> pd.DataFrame:
    """Strengths of all effects and samples in descending order, each relative to its sample's strongest.

    Cheng et al. 2024, Fig. 2.

    Args:
        interactions: One checkpoint.
        points: Points of the curve per layer; ranks are thinned out towards the weak end.

    Returns:
        Columns step, epoch, layer, depth, rank (divided by the number of samples), strength (0 to 1), salient (mean
        number per sample), n.
    """
    samples = interactions.n_samples
    effects = interactions.effects.abs()
    # Possible effects: every non-empty coalition, OR from two players on.
    possible = 2 * (len(interactions.and_) - 1) - interactions.n_players
    count = interactions.salient().sum((0, 1)).double().mean(1)
    places = np.unique(np.geomspace(1, possible * samples, points).round().astype(int)) - 1
    places = np.union1d(
        places, np.linspace(0, min(possible, 4 * int(count.max().clamp(min=1))) * samples - 1, points // 2).astype(int)
    )
    parts = []
    for place, layer in enumerate(interactions.layers):
        own = effects[:, :, place].reshape(-1, samples)
        top = own.amax(0)
        ordered = (own / top.where(top > 0, 1)).flatten().sort(descending=True).values.numpy()[places]
        parts.append(
            pd.DataFrame(
                {"layer": layer, "rank": (places + 1) / samples, "strength": ordered, "salient": float(count[place])}
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(depth=frame["layer"].map(depths(interactions.layers)), n=samples, **columns(interactions))


def strongest_of(interactions: Interactions, chosen: Sequence[tuple[str, str, int]], count: int = 5) -> pd.DataFrame:
    """The strongest interactions of some layers and samples.

    Args:
        interactions: One checkpoint.
        chosen: Name of the group, layer, and position of the sample.
        count: Interactions per group.

    Returns:
        Columns step, epoch, group, layer, image (position of the sample), rank (from 0), kind (`AND`, `OR`), players,
        effect.
    """
    rows = [
        {
            "group": group,
            "layer": layer,
            "image": sample,
            "rank": rank,
            "kind": kind,
            "players": list(players),
            "effect": effect,
        }
        for group, layer, sample in chosen
        for rank, (kind, players, effect) in enumerate(interactions.top(count, layer, sample))
    ]
    return pd.DataFrame(rows, columns=["group", "layer", "image", "rank", "kind", "players", "effect"]).assign(
        **columns(interactions)
    )
