r"""Operator splitting for groups of games that share their interactions.

The method and its notation are those of `lk.decomposition.splitting`; the shrinkage is the proximal map of a loss over the members of a group,
so that a group, and not a game, is what stops.

Source: the loss over several games is Eq. 6 of Li and others, "Defining and extracting generalizable interaction primitives from DNNs", ICLR 2024.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lk.decomposition.splitting import solution
from lk.transforms import inverse_harsanyi, number_of_players, or_interactions, orders

_CHECK_EVERY = 20
_RELAXATION = 1.7


@dataclass(frozen=True)
class JointSplit:
    """Effects `(2 * 2**n, groups, members)`, multipliers `(2**n, groups, members)` and iterations `(groups,)` of a batch, in float64."""

    effects: Tensor
    multipliers: Tensor
    iterations: Tensor


def split_jointly(u: Tensor, gap: float, share: float = 0.0, most_iterations: int = 4000) -> JointSplit:
    r"""Solve a batch of centred games together.

    .. math:: \min \sum_S \left[ s \max_i |I_i(S)| + (1 - s) \sum_i |I_i(S)| \right]

    over AND and OR effects of the members i of each group; with one member per group this is the plain strength.

    Args:
        u: centred games, shape `(2**n, groups, members)`, float64, each group scaled to max |u| near 1.
        gap: relative gap at which a group stops; float32 arithmetic ends near 1e-4.
        share: s, weight of the maximum, between 0 and 1.
        most_iterations: stop after so many.

    Returns:
        The point with the smallest gap that was seen for each group.
    """
    groups = u.shape[1]
    sign = torch.where(orders(number_of_players(u)) % 2 == 0, 1.0, -1.0).to(u).reshape(-1, 1, 1)
    offset = (sign * or_interactions(u)).float()
    offset[0] = 0.0
    factors = _Factors(number_of_players(u), u.device)
    best_a, best_y = torch.zeros_like(u), torch.zeros_like(u)
    best_gap = torch.full((groups,), torch.inf, device=u.device)
    iterations = torch.zeros(groups, dtype=torch.int64, device=u.device)
    running = torch.arange(groups, device=u.device)
    pair = torch.zeros(2, *offset.shape, device=u.device)  # shrunken copy of (a, w)
    dual = torch.zeros_like(pair)  # scaled by the penalty
    penalty = torch.full((groups, 1), 10.0, device=u.device)
    for step in range(1, most_iterations + 1):
        exact = factors.project(pair - dual, offset)
        relaxed = _RELAXATION * exact + (1 - _RELAXATION) * pair
        old = pair
        pair = _shrunk(relaxed + dual, share, 1 / penalty)
        dual = dual + relaxed - pair
        if step % _CHECK_EVERY and step != most_iterations:
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
            primal_rest = (exact - pair).square().sum((0, 1, 3)).sqrt()
            dual_rest = (pair - old).square().sum((0, 1, 3)).sqrt()
            factor = (primal_rest / dual_rest.clamp(min=1e-20)).clamp(0.25, 4.0).sqrt().unsqueeze(1)
            factor = torch.where((factor > 1.2) | (factor < 1 / 1.2), factor, 1.0)
            penalty, dual = penalty * factor, dual / factor
        if not keep.any():
            break
        if keep.sum() <= 0.8 * len(running):
            running, pair, dual = running[keep], pair[:, :, keep], dual[:, :, keep]
            offset, penalty = offset[:, keep], penalty[keep]
    return JointSplit(*solution(u, best_a, best_y), iterations)


class _Factors:
    """Singular vectors of K as Kronecker factors of the upper and the lower players."""

    def __init__(self, n: int, device: torch.device) -> None:
        left, singular, right = torch.linalg.svd(torch.tensor([[1.0, 1.0], [0.0, 1.0]], dtype=torch.float64))
        self.split = n - n // 2
        self.left = [_power(left, m).float().to(device) for m in (n // 2, self.split)]
        self.right = [_power(right.T.contiguous(), m).float().to(device) for m in (n // 2, self.split)]
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
    """The proximal point of the loss: soft threshold, then the part outside an L1 ball (Moreau); the empty coalition is free."""
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
    """The norm dual to `group_loss`, over the last axis: the steepest of the means over the k largest, each k with its weight."""
    largest = values.abs().sort(dim=-1, descending=True).values.cumsum(-1)
    counts = torch.arange(1, values.shape[-1] + 1, device=values.device)
    return (largest / (share + (1 - share) * counts)).amax(-1)
