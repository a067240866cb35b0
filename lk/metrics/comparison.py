"""Overlapping, forgotten and newly emerged interactions between two sets (Cheng et al., ICML 2024, Eqs. 6 to 8)."""

from typing import NamedTuple

import torch
from torch import Tensor

from lk.interactions.interactions import by_order

SUPPORTS = ("intersection", "paper")


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
        raise ValueError(f"Given support={support!r}; expected one of {', '.join(SUPPORTS)}.")
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
