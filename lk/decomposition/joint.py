"""Several games decomposed together, so that they share interactions: the layers of a network, or several networks."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lk.decomposition.decompose import decompose
from lk.decomposition.duality import check
from lk.decomposition.operator import possible_effects, sums_where_firing
from lk.decomposition.shared import dual_norm, group_loss, split_jointly
from lk.transforms import number_of_players


@dataclass(frozen=True)
class JointDecomposition:
    """As `Decomposition`; `objective` and `lower_bound` are per group, shape of the games without the axis of members."""

    and_: Tensor
    or_: Tensor
    delta: Tensor
    objective: Tensor
    lower_bound: Tensor
    iterations: Tensor
    certified: Tensor


def decompose_jointly(
    v: Tensor, dim: int = 1, share: float = 0.9, kappa: float = 0.04, gap: float = 1e-2
) -> JointDecomposition:
    r"""Decompose groups of games with a preference for interactions that all members use.

    .. math:: \min \sum_{S \ne \emptyset} \left[ s \max_i |I_i(S)| + (1 - s) \sum_i |I_i(S)| \right]

    over AND and OR effects of the members i. An effect that one member already has costs the others only 1 - s. The residual of each game
    is that of its own decomposition; the split into AND and OR is then chosen jointly, by operator splitting, to a proven gap.

    Source: Eq. 6 of the ICLR 2024 paper on generalizable interaction primitives, whose weight of the plain sum, 0.1, is 1 - s here.

    Args:
        v: values, shape `(2**n, ...)`.
        dim: axis of the members of a group, at least 1.
        share: s, weight of the maximum.
        kappa: largest residual as a share of |v(N) - v(empty)|.
        gap: relative gap, given the residuals.

    Returns:
        Effects and residuals of the shape of `v`; the certificate of each group.

    Raises:
        ValueError: `dim` or `share` is out of range, or as `decompose`.

    Example:
        >>> v = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
        >>> bool(decompose_jointly(v, kappa=0.0).certified.all())
        True
    """
    n = number_of_players(v)
    if not 1 <= dim < v.ndim:
        raise ValueError(f"dim names an axis of games, between 1 and {v.ndim - 1}, not {dim}")
    if not 0 <= share < 1:
        raise ValueError(f"share is at least 0 and below 1, not {share}")
    residual = decompose(v, kappa).delta if kappa else torch.zeros(v.shape, dtype=torch.float64)
    u = (v.detach().double() - v[:1].double()).cpu() - residual.cpu()
    groups = u.movedim(dim, -1)
    flat = groups.reshape(groups.shape[0], -1, groups.shape[-1])
    scale = flat.abs().amax((0, 2), keepdim=True)
    scale = torch.where(scale > 0, scale, 1.0)
    found = split_jointly(flat / scale, 0.9 * gap, share)
    size, count, members = flat.shape
    effects, objective, lower_bound = torch.zeros(2 * size, count, members, dtype=torch.float64), [], []
    possible = torch.from_numpy(possible_effects(n).copy())
    for group in range(count):
        y = (found.multipliers[:, group]).numpy()
        for member in range(members):
            game = flat[:, group, member].numpy()
            raw = (found.effects[:, group, member] * scale[0, group, 0]).numpy()
            effects[:, group, member] = torch.from_numpy(check(game, 0.0, raw, np.zeros(size)).effects)
        sums = torch.from_numpy(np.stack([sums_where_firing(np.ascontiguousarray(column)) for column in y.T], axis=1))
        steepest = dual_norm(sums[possible], share).amax().clamp(min=1)
        lower_bound.append(float(((flat[1:, group] * torch.from_numpy(y[1:])).sum() / steepest).clamp(min=0)))
        objective.append(float(group_loss(effects[:, group], share).sum()))

    def shaped(entries: Tensor) -> Tensor:
        return entries.reshape(-1, *groups.shape[1:]).movedim(-1, dim).to(v.device)

    def per_group(entries: list[float]) -> Tensor:
        return torch.tensor(entries, dtype=torch.float64).reshape(groups.shape[1:-1]).to(v.device)

    and_ = shaped(effects[:size])
    and_[0] = v[0]
    above, below = per_group(objective), per_group(lower_bound)
    tolerance = 1e-9 * scale.reshape(groups.shape[1:-1]).to(v.device)
    return JointDecomposition(
        and_=and_,
        or_=shaped(effects[size:]),
        delta=residual.to(v.device),
        objective=above,
        lower_bound=below,
        iterations=found.iterations.reshape(groups.shape[1:-1]).to(v.device),
        certified=above - below <= gap * below + tolerance,
    )
