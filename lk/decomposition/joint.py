"""Several games decomposed together, so that they share interactions: the layers of a network, or several networks.

The split into AND and OR is found by the operator splitting of `lk.decomposition.splitting`. Its shrinkage is here the
proximal map of a loss over the members of a group, so a group, and not a game, is what stops.

Source: the loss over several games is Eq. 6 of Li and others, "Defining and extracting generalizable interaction
primitives from DNNs", ICLR 2024.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lk.decomposition.decompose import decompose
from lk.decomposition.duality import check
from lk.decomposition.operator import Flags, possible_effects, sums_where_firing
from lk.decomposition.splitting import (
    CHECK_EVERY,
    FIRST_PENALTY,
    LARGEST_RATIO,
    LEAST_REST,
    RELAXATION,
    SMALLEST_CHANGE,
    graph_offset,
    solution,
)
from lk.transforms import inverse_harsanyi, number_of_players


@dataclass(frozen=True)
class JointDecomposition:
    """As `Decomposition`; `objective` and `lower_bound` are per group: the games' shape without the members' axis."""

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

    over AND and OR effects of the members i. An effect that one member already has costs the others only 1 - s. The
    residual of each game is that of its own decomposition. The split into AND and OR is then chosen jointly, to a
    proven gap.

    Source: Eq. 6 of the ICLR 2024 paper on generalizable interaction primitives, whose weight of the plain sum, 0.1, is
    1 - s here.

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
        raise ValueError(
            f"expected dim to name an axis of games, 1 to {v.ndim - 1}, got dim={dim}. Axis 0 holds the coalitions."
        )
    if not 0 <= share < 1:
        raise ValueError(f"expected share at least 0 and below 1, got share={share}. Use share=0 for games alone.")
    residual = decompose(v, kappa).delta if kappa else torch.zeros(v.shape, dtype=torch.float64)
    u = (v.detach().double() - v[:1].double()).cpu() - residual.cpu()
    groups = u.movedim(dim, -1)
    flat = groups.reshape(groups.shape[0], -1, groups.shape[-1])
    scale = flat.abs().amax((0, 2), keepdim=True)
    scale = torch.where(scale > 0, scale, 1.0)
    raw, multipliers, iterations = split_jointly(flat / scale, 0.9 * gap, share)
    possible = possible_effects(n)
    effects = _repaired(flat, raw * scale, possible)
    lower_bound = _lower_bounds(flat, multipliers, share, possible)
    objective = torch.stack([group_loss(effects[:, group], share).sum() for group in range(flat.shape[1])])

    def shaped(entries: Tensor) -> Tensor:
        return entries.reshape(-1, *groups.shape[1:]).movedim(-1, dim).to(v.device)

    def per_group(entries: Tensor) -> Tensor:
        return entries.reshape(groups.shape[1:-1]).to(v.device)

    and_ = shaped(effects[: len(flat)])
    and_[0] = v[0]
    above, below = per_group(objective), per_group(lower_bound)
    return JointDecomposition(
        and_=and_,
        or_=shaped(effects[len(flat) :]),
        delta=residual.to(v.device),
        objective=above,
        lower_bound=below,
        iterations=per_group(iterations),
        certified=above - below <= gap * below + 1e-9 * per_group(scale),
    )


def _repaired(games: Tensor, effects: Tensor, possible: Flags) -> Tensor:
    """Effects made to match their games exactly, shape `(2 * 2**n, groups, members)`."""
    repaired = torch.zeros_like(effects)
    nothing = np.zeros(len(games))
    for group in range(games.shape[1]):
        for member in range(games.shape[2]):
            game, raw = games[:, group, member].numpy(), effects[:, group, member].numpy()
            repaired[:, group, member] = torch.from_numpy(check(game, 0.0, raw, nothing, possible).effects)
    return repaired


def _lower_bounds(games: Tensor, multipliers: Tensor, share: float, possible: Flags) -> Tensor:
    """A proven lower bound of the loss of each group, shape `(groups,)`."""
    bounds = torch.zeros(games.shape[1], dtype=torch.float64)
    for group in range(games.shape[1]):
        y = multipliers[:, group]
        columns = [sums_where_firing(np.ascontiguousarray(column))[possible] for column in y.T.numpy()]
        steepest = dual_norm(torch.from_numpy(np.stack(columns, axis=1)), share).amax().clamp(min=1)
        bounds[group] = ((games[1:, group] * y[1:]).sum() / steepest).clamp(min=0)
    return bounds


def split_jointly(
    u: Tensor, gap: float, share: float = 0.0, most_iterations: int = 4000
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Solve a batch of centred games together.

    .. math:: \min \sum_S \left[ s \max_i |I_i(S)| + (1 - s) \sum_i |I_i(S)| \right]

    over AND and OR effects of the members i of each group; with one member per group this is the plain strength.

    Args:
        u: centred games, shape `(2**n, groups, members)`, float64, each group scaled to max |u| near 1.
        gap: relative gap at which a group stops; float32 arithmetic ends near 1e-4.
        share: s, weight of the maximum, between 0 and 1.
        most_iterations: stop after so many.

    Returns:
        The point with the smallest gap that was seen for each group: effects `(2 * 2**n, groups, members)`,
        multipliers `(2**n, groups, members)`, iterations `(groups,)`.
    """
    groups = u.shape[1]
    offset = graph_offset(u).float()
    factors = _Factors(number_of_players(u), u.device)
    best_a, best_y = torch.zeros_like(u), torch.zeros_like(u)
    best_gap = torch.full((groups,), torch.inf, device=u.device)
    iterations = torch.zeros(groups, dtype=torch.int64, device=u.device)
    running = torch.arange(groups, device=u.device)
    pair = torch.zeros(2, *offset.shape, device=u.device)  # shrunken copy of (a, w)
    dual = torch.zeros_like(pair)  # scaled by the penalty
    penalty = torch.full((groups, 1), FIRST_PENALTY, device=u.device)
    for step in range(1, most_iterations + 1):
        exact = factors.project(pair - dual, offset)
        relaxed = RELAXATION * exact + (1 - RELAXATION) * pair
        old = pair
        pair = _shrunk(relaxed + dual, share, 1 / penalty)
        dual = dual + relaxed - pair
        if step % CHECK_EVERY and step != most_iterations:
            continue
        y = penalty * dual[1]
        y[0] = 0.0
        found = _gap(exact, y, offset, share)
        better = found < best_gap[running]
        chosen = running[better]
        best_gap[chosen] = found[better]
        best_a[:, chosen], best_y[:, chosen] = exact[0][:, better].double(), y[:, better].double()
        iterations[running] = step
        keep = found > gap
        if step <= most_iterations // 2:
            factor = _change_of_penalty(exact - pair, pair - old)
            penalty, dual = penalty * factor, dual / factor
        if not keep.any():
            break
        if keep.sum() <= 0.8 * len(running):
            running, pair, dual = running[keep], pair[:, :, keep], dual[:, :, keep]
            offset, penalty = offset[:, keep], penalty[keep]
    return *solution(u, best_a, best_y), iterations


def _change_of_penalty(primal_rest: Tensor, dual_rest: Tensor) -> Tensor:
    """Factor of each group, shape `(groups, 1)`, that balances the two rests."""
    ratio = primal_rest.square().sum((0, 1, 3)).sqrt() / dual_rest.square().sum((0, 1, 3)).sqrt().clamp(min=LEAST_REST)
    factor = ratio.clamp(1 / LARGEST_RATIO, LARGEST_RATIO).sqrt().unsqueeze(1)
    return torch.where((factor > SMALLEST_CHANGE) | (factor < 1 / SMALLEST_CHANGE), factor, 1.0)


class _Factors:
    """Singular vectors of K as Kronecker factors of the upper and the lower players."""

    def __init__(self, n: int, device: torch.device) -> None:
        left, singular, right = torch.linalg.svd(torch.tensor([[1.0, 1.0], [0.0, 1.0]], dtype=torch.float64))
        sizes = n // 2, n - n // 2
        self.left = [_power(left, m).float().to(device) for m in sizes]
        self.right = [_power(right.T.contiguous(), m).float().to(device) for m in sizes]
        self.singular = _power(singular.unsqueeze(1), n).float().to(device).unsqueeze(-1)  # (2**n, 1, 1)

    def project(self, pair: Tensor, offset: Tensor) -> Tensor:
        """The nearest pair (a, w) with w = K a + c."""
        target = self._apply(self.right, pair[0], transpose=True) + self.singular * self._apply(
            self.left, pair[1] - offset, transpose=True
        )
        rotated = target / (1 + self.singular.square())
        return torch.stack([self._apply(self.right, rotated), self._apply(self.left, self.singular * rotated) + offset])

    def _apply(self, factors: list[Tensor], values: Tensor, transpose: bool = False) -> Tensor:
        upper, lower = (factor.T if transpose else factor for factor in factors)
        columns = values.reshape(len(upper), -1)
        mixed = (upper @ columns).reshape(len(upper), len(lower), -1)
        return torch.matmul(lower, mixed).reshape(values.shape)


def _power(factor: Tensor, times: int) -> Tensor:
    result = torch.ones(1, 1, dtype=factor.dtype)
    for _ in range(times):
        result = torch.kron(result, factor)
    return result


def _shrunk(pair: Tensor, share: float, amount: Tensor) -> Tensor:
    """The proximal point of the loss: soft threshold, then the part outside an L1 ball (Moreau).

    The empty coalition is free.
    """
    free = pair[:, :1].clone()
    if pair.shape[-1] == 1:
        result = pair - pair.clamp(-amount, amount)
    else:
        soft = pair - torch.maximum(torch.minimum(pair, (1 - share) * amount), -(1 - share) * amount)
        result = soft - _onto_ball(soft, share * amount)
    result[:, :1] = free
    return result


def _onto_ball(values: Tensor, radius: Tensor) -> Tensor:
    """Projection of the last axis onto the L1 ball of `radius`, by sorting (Duchi et al., ICML 2008)."""
    strength = values.abs().sort(dim=-1, descending=True).values
    counts = torch.arange(1, values.shape[-1] + 1, device=values.device)
    excess = (strength.cumsum(-1) - radius) / counts
    threshold = torch.where(strength > excess, excess, -torch.inf).amax(-1, keepdim=True).clamp(min=0)
    return values.sign() * (values.abs() - threshold).clamp(min=0)


def _gap(exact: Tensor, y: Tensor, offset: Tensor, share: float) -> Tensor:
    """Relative duality gap of each group, shape `(groups,)`."""
    objective = group_loss(exact[:, 1:], share).sum((0, 1))
    steepest = torch.maximum(dual_norm(y, share).amax(0), dual_norm(inverse_harsanyi(y)[1:], share).amax(0))
    lower_bound = (offset * y).sum((0, 2)).abs() / steepest.clamp(min=1)
    return (objective - lower_bound) / lower_bound.clamp(min=1e-30)


def group_loss(effects: Tensor, share: float) -> Tensor:
    """`share * max |effect| + (1 - share) * sum |effect|` over the last axis."""
    strength = effects.abs()
    return share * strength.amax(-1) + (1 - share) * strength.sum(-1)


def dual_norm(values: Tensor, share: float) -> Tensor:
    """The norm dual to `group_loss`, over the last axis.

    The steepest of the means over the k largest, each k with its weight.
    """
    largest = values.abs().sort(dim=-1, descending=True).values.cumsum(-1)
    counts = torch.arange(1, values.shape[-1] + 1, device=values.device)
    return (largest / (share + (1 - share) * counts)).amax(-1)
