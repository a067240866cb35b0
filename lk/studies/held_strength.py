"""Which interactions generalise: strength by order of what independently seeded networks hold too.

The generalisation share g(S) is the share of reference networks in which S is salient with the same sign at their last
checkpoint. Sources: arXiv 2502.10162 (generalisable interactions decay with order, the others have the shape of a
spindle) and 2505.06993; their own rules are not public, g is ours.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lk.interactions import by_order
from lk.studies.life_history import HELD, share_held
from lk.transforms import orders


class HeldStrength(NamedTuple):
    """Salient strength by order, each `(n + 1, samples)`, both kinds together.

    Attributes:
        total: Of all salient interactions.
        held: Weighted by g.
        chance: Weighted by what g would be if each reference network held as many interactions of that kind, order and
            sign, drawn at random; exact.
        shared: Of interactions with g of at least one half.
        alone: Of interactions with g of 0.
    """

    total: Tensor
    held: Tensor
    chance: Tensor
    shared: Tensor
    alone: Tensor


def held_strength(effects: Tensor, signs: Tensor, references: Tensor) -> HeldStrength:
    """Split the salient strength of one layer by what the reference networks hold.

    Args:
        effects: AND and OR effects `(2, 2**n, samples)`.
        signs: Signs of those that are salient, 0 elsewhere, same shape.
        references: Signs of the reference networks' last checkpoints, `(networks, 2, 2**n, samples)`.

    Example:
        >>> effects = torch.zeros(2, 4, 1)
        >>> effects[0, 1], effects[0, 2] = 2.0, 1.0
        >>> reference = torch.zeros(1, 2, 4, 1)
        >>> reference[0, 0, 1] = 1  # holds the first of the two
        >>> found = held_strength(effects, effects.sign(), reference)
        >>> found.held[1].item(), found.alone[1].item(), found.chance[1].item()  # one of two candidates
        (2.0, 1.0, 1.5)
    """
    size = orders(effects.shape[1].bit_length() - 1)
    strength = effects.abs().double() * (signs != 0)
    g, random = share_held(signs, references), torch.zeros_like(strength)
    candidates = torch.bincount(size).double()[:, None]
    for kind in range(2):
        for sign in (1, -1):
            known = torch.stack([by_order((network[kind] == sign).double()) for network in references]).mean(0)
            random[kind] += (known / candidates)[size] * (signs[kind] == sign)
    weights = (torch.ones_like(g), g, random, (g >= HELD).double(), (g == 0).double())
    return HeldStrength(*(sum_kinds(strength * weight) for weight in weights))


def sum_kinds(strength: Tensor) -> Tensor:
    """Strength by order of both kinds together, `(2, 2**n, ...)` to `(n + 1, ...)`."""
    found = by_order(strength.sum(0))
    found[0] = 0
    return found


def thirds(n: int) -> tuple[slice, slice, slice]:
    """Low, middle and high orders: up to n/3, up to 2n/3, above.

    Example:
        >>> [list(range(10))[part] for part in thirds(9)]
        [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    """
    low, high = round(n / 3), round(2 * n / 3)
    return slice(1, low + 1), slice(low + 1, high + 1), slice(high + 1, n + 1)


class Shape(NamedTuple):
    """What shape a curve over orders has.

    Attributes:
        peak: Order at which it is largest.
        spearman: Rank correlation of order and strength; -1 decreases throughout.
        decreasing: Share of its variance that the best decreasing curve explains.
        unimodal: Share of its variance that the best curve with one peak explains.
    """

    peak: int
    spearman: float
    decreasing: float
    unimodal: float


def shape_of(strength: NDArray[np.float64]) -> Shape:
    """Describe strength by order, orders 1 to n.

    Example:
        >>> shape_of(np.array([4.0, 3.0, 1.0, 0.0])).decreasing, shape_of(np.array([1.0, 3.0, 2.0])).peak
        (1.0, 2)
    """
    from scipy.optimize import isotonic_regression  # take a second to import
    from scipy.stats import spearmanr

    spread = float(((strength - strength.mean()) ** 2).sum())
    if spread == 0:
        return Shape(1, float("nan"), float("nan"), float("nan"))

    def explained(split: int) -> float:
        """Rising before the split, falling from there on."""
        left = isotonic_regression(strength[:split]).x if split else strength[:0]
        right = isotonic_regression(strength[split:], increasing=False).x if split < len(strength) else strength[:0]
        return 1 - float(((strength - np.concatenate([left, right])) ** 2).sum()) / spread

    ranks = float(spearmanr(np.arange(len(strength)), strength).statistic)
    every = [explained(split) for split in range(len(strength) + 1)]
    return Shape(int(strength.argmax()) + 1, ranks, every[0], max(every))
