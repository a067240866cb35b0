"""Overlapping, forgotten and newly emerged interactions between two sets (Cheng et al., ICML 2024, Eqs. 6 to 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lk.interactions import Interactions, by_order
from lk.metrics.intervals import Array, contract, divide
from lk.metrics.strength import with_totals
from lk.transforms import orders

SUPPORTS = ("intersection", "paper")
_ENTRIES = 4_000_000  # numbers in memory at a time


class Comparison(NamedTuple):
    """Strengths per order, each of shape `(n + 1, ...)`, in the unit of the effects.

    Attributes:
        all: Strength of the salient interactions of the compared set, all(l).
        all_reference: Strength of the salient interactions of the reference, all(L).
        overlap: What both share.
        forgotten: What the compared set has and the reference lacks.
        new: What the reference has and the compared set lacks.
    """

    all: Tensor
    all_reference: Tensor
    overlap: Tensor
    forgotten: Tensor
    new: Tensor


def compare(
    effects: Tensor, salient: Tensor, reference: Tensor, salient_reference: Tensor, support: str = "intersection"
) -> Comparison:
    """Split the strength of one set of interactions against another, order by order.

    shared(S) = sign * min(|I(S)|, |I_ref(S)|) where both effects have the same sign, else 0. Then
    overlap = sum over both salient sets of |shared|, forgotten = sum over the compared set of |I - shared|,
    new = sum over the reference of |I_ref - shared| (Eq. 7).

    Args:
        effects: Effects of one kind, `(2**n, ...)`; the empty coalition is ignored.
        salient: Which of them are salient, same shape.
        reference: Effects of the reference, same shape.
        salient_reference: Which of those are salient.
        support: `intersection` sets shared(S) to 0 unless S is salient in both, so that all = overlap + forgotten and
            all_reference = overlap + new hold exactly (Eq. 8). `paper` is the literal form, where they may not.

    Returns:
        Strengths per order.

    Example:
        >>> a, b = torch.tensor([0.0, 0.5, 0.5, 0.0]), torch.tensor([0.0, 0.0, 1.0, 0.0])
        >>> c = compare(a, a != 0, b, b != 0)
        >>> float(c.overlap[1]), float(c.forgotten[1]), float(c.new[1])
        (0.5, 0.5, 0.5)
    """
    if support not in SUPPORTS:
        raise ValueError(f"expected one of {', '.join(SUPPORTS)}, got support={support!r}. Choose one of these.")
    salient, salient_reference = salient.clone(), salient_reference.clone()
    salient[0] = salient_reference[0] = False
    both = salient & salient_reference
    same_sign = effects * reference > 0
    shared = torch.where(same_sign, torch.minimum(effects.abs(), reference.abs()), torch.zeros_like(effects))
    if support == "intersection":
        shared = shared * both
    # |I - shared| = |I| - |shared|, because shared has the sign of I and is not larger.
    return Comparison(
        by_order(effects.abs() * salient),
        by_order(reference.abs() * salient_reference),
        by_order(shared * both),
        by_order((effects.abs() - shared) * salient),
        by_order((reference.abs() - shared) * salient_reference),
    )


@dataclass(frozen=True)
class Shares:
    """Mean strengths of compared layers and reference layers, each `(rows, kinds + both, orders, pairs)`.

    Attributes:
        all: Salient strength of the compared layer, relative to its mean |v(N) - v(empty)|.
        all_reference: The same of the reference.
        overlap: What both share (Cheng et al. 2024, Eq. 7, on the intersection of the salient sets).
    """

    all: Array
    all_reference: Array
    overlap: Array

    @property
    def forgotten(self) -> Array:
        """Strength that the reference lacks."""
        return np.maximum(self.all - self.overlap, 0.0)  # rounding

    @property
    def new(self) -> Array:
        """Strength that only the reference has."""
        return np.maximum(self.all_reference - self.overlap, 0.0)

    @property
    def completeness(self) -> Array:
        """Share of the reference that is already there."""
        return divide(self.overlap, self.all_reference)

    @property
    def redundancy(self) -> Array:
        """Share of the compared layer that the reference lacks."""
        return divide(self.forgotten, self.all)


class _Side(NamedTuple):
    """Layers of one network: effects, which are salient, normaliser `(rows, layers)`, salient strength."""

    effects: Tensor
    chosen: Tensor
    scale: Array
    all: Array


def shares(
    a: Interactions, places: Sequence[int], b: Interactions, references: Sequence[int], weights: Array
) -> Shares:
    """Compare layers of `a` with layers of `b`, pair by pair, averaged over the same samples.

    `compare` with effects divided by their own layer's mean |v(N) - v(empty)|, which is recomputed for every row of
    weights. The work grows with the number of interactions that are salient in both, and not with 2**n.

    Args:
        a: Interactions of the compared network.
        places: Positions of its layers.
        b: Interactions of the reference network.
        references: Positions of its layers, one for each of `places`.
        weights: Rows of `lk.metrics.jackknife`, `(rows, samples)`.
    """
    one, other = _side(a, list(places), weights), _side(b, list(references), weights)
    both = one.chosen & other.chosen & (one.effects * other.effects > 0)
    kind, coalition, pair, sample = both.nonzero(as_tuple=True)
    group = ((kind * (a.n_players + 1) + orders(a.n_players)[coalition]) * len(places) + pair).numpy()
    by_group = np.argsort(group, kind="stable")
    strength_a, strength_b = (side.effects[both].abs().double().numpy()[by_group] for side in (one, other))
    pairs, samples = pair.numpy()[by_group], sample.numpy()[by_group]
    present, starts = np.unique(group[by_group], return_index=True)
    overlap = np.zeros((len(weights), 2 * (a.n_players + 1) * len(places)))
    step = max(1, _ENTRIES // max(1, len(group)))
    for start in range(0, len(weights) if len(group) else 0, step):
        rows = slice(start, start + step)
        with np.errstate(divide="ignore", invalid="ignore"):
            least = np.minimum(strength_a / one.scale[rows][:, pairs], strength_b / other.scale[rows][:, pairs])
        weighted = np.where(np.isfinite(least), least, 0.0) * weights[rows][:, samples]
        overlap[rows, present] = np.add.reduceat(weighted, starts, axis=1)
    whole = with_totals(overlap.reshape(len(weights), 2, a.n_players + 1, len(places)))
    return Shares(one.all, other.all, whole)


def _side(interactions: Interactions, places: list[int], weights: Array) -> _Side:
    effects, chosen = interactions.effects[:, :, places], interactions.salient()[:, :, places]
    scale = normaliser(interactions, weights)[:, places]
    strengths = [by_order(e.abs().double() * m) for e, m in zip(effects, chosen, strict=True)]
    own = with_totals(contract(weights, torch.stack(strengths)))
    return _Side(effects, chosen, scale, divide(own, scale[:, None, None]))


def normaliser(interactions: Interactions, weights: Array) -> Array:
    """Mean |v(N) - v(empty)| of each layer, `(rows, layers)` (Cheng et al. 2024, footnote 8)."""
    return contract(weights, interactions.total_effect)
