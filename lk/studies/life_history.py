r"""Life histories: when an interaction is first seen, how long it is there, and what becomes of it.

An interaction is *present* at a checkpoint if it is salient there with the sign of its last presence, so that a change
of sign counts as lost and newly seen. Its history is the first rule that applies, with T the last checkpoint and phase
1 as `lk.studies.phases` finds it:

* reliable: present at T and for at least 90 % of the time since it was first seen, held by half of the reference
  networks;
* withdrawn: absent at T, last seen in phase 1;
* forgotten: absent at T, lost after phase 1, held by half of the reference networks;
* betraying: first seen after phase 1, present at T, held by fewer than half of the reference networks;
* fluctuating: at least three changes of presence after phase 1;
* other: the rest.

Time is log10(1 + step). The five names are those of Ren et al., AAAI 2025 (vol. 39, issue 19, 34223), whose own rules
are not public; these rules are ours.
"""

import warnings
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

HISTORIES = ("reliable", "withdrawn", "forgotten", "betraying", "fluctuating", "other")
NEVER = -1
SHARE, HELD, CHANGES = 0.9, 0.5, 3


class Lives(NamedTuple):
    """Life of every interaction, each of the shape of one checkpoint's signs.

    Attributes:
        present: Whether it is present, `(checkpoints, ...)`.
        first: Checkpoint at which it is first seen, -1 if never.
        last: Checkpoint at which it is last seen, -1 if never.
        share: Share of the time since it was first seen in which it is present; 0 if never.
        sign: Sign of its last presence, 0 if never.
    """

    present: Tensor
    first: Tensor
    last: Tensor
    share: Tensor
    sign: Tensor


def durations(logs: Tensor) -> Tensor:
    """Time that each checkpoint stands for: half the distance to both neighbours, `(checkpoints,)`.

    Example:
        >>> durations(torch.tensor([0.0, 1.0, 3.0])).tolist()
        [0.5, 1.5, 1.0]
    """
    between = logs.diff() / 2
    nothing = between.new_zeros(1)
    return torch.cat([between, nothing]) + torch.cat([nothing, between])


def lives(signs: Tensor, logs: Tensor) -> Lives:
    """Follow every interaction over the checkpoints.

    Args:
        signs: Sign of each salient effect, 0 where it is not salient, `(checkpoints, ...)`.
        logs: Time of each checkpoint, `(checkpoints,)`, ascending.

    Example:
        >>> found = lives(torch.tensor([[0], [-1], [1], [1]]), torch.tensor([0.0, 1.0, 2.0, 3.0]))
        >>> found.first.tolist(), found.last.tolist(), found.sign.tolist()  # the change of sign counts as newly seen
        ([2], [3], [1])
    """
    count = len(signs)
    place = torch.arange(count).reshape(-1, *[1] * (signs.ndim - 1))
    last = torch.where(signs != 0, place, NEVER).amax(0)
    sign = signs.gather(0, last.clamp(min=0)[None])[0]
    present = (signs == sign) & (signs != 0)
    first = torch.where(present, place, count).amin(0)
    weight = durations(logs).reshape(place.shape)
    since = torch.where(place >= first, weight, 0.0).sum(0)
    share = torch.where(present, weight, 0.0).sum(0) / since.where(since > 0, 1.0)
    return Lives(present, torch.where(last < 0, NEVER, first), last, share, sign)


def histories(found: Lives, end: int, held: Tensor) -> Tensor:
    """The history of every interaction.

    Args:
        found: From `lives`.
        end: Last checkpoint of phase 1.
        held: Share of the reference networks that hold it at their last checkpoint with the same sign; NaN where there
            are none.

    Returns:
        Positions in `HISTORIES`, -1 for what is never seen.
    """
    at_last, ours, others = found.present[-1], held >= HELD, held < HELD  # neither where nothing is known (NaN)
    changes = (found.present[end:].int().diff(dim=0) != 0).sum(0)
    rules = (
        at_last & (found.share >= SHARE) & ours,
        ~at_last & (found.last <= end),
        ~at_last & ours,
        at_last & (found.first > end) & others,
        changes >= CHANGES,
    )
    kind = torch.full(found.last.shape, len(HISTORIES) - 1)
    for number, rule in reversed(list(enumerate(rules))):
        kind[rule] = number
    return torch.where(found.last < 0, NEVER, kind)


def share_held(sign: Tensor, references: Tensor) -> Tensor:
    """Share of the reference networks that hold an interaction with the same sign at their last checkpoint.

    Args:
        sign: Signs of one network's interactions, any shape.
        references: Signs of the salient interactions of each reference network, `(networks, *shape)`.

    Example:
        >>> share_held(torch.tensor([1, -1]), torch.tensor([[1, 1], [1, 0]])).tolist()
        [1.0, 0.0]
    """
    return ((references == sign) & (sign != 0)).double().mean(0)


def of_same_class(signs: Tensor, labels: Tensor) -> Tensor | None:
    """What other samples of the same class hold, in place of reference networks.

    Args:
        signs: Signs of one network's salient interactions, `(..., samples)`; player i is the same part of the input in
            every sample.
        labels: Label of each sample; as many samples of each class.

    Returns:
        Shape `(samples of a class - 1, *signs.shape)`; None where classes differ in size or have one sample.

    Example:
        >>> of_same_class(torch.tensor([1, 0, -1, 1]), torch.tensor([0, 0, 5, 5])).tolist()
        [[0, 1, 1, -1]]
    """
    places = [(labels == label).nonzero()[:, 0] for label in labels.unique()]
    size = len(places[0])
    if size < 2 or any(len(own) != size for own in places):
        return None
    found = signs.new_zeros(size - 1, *signs.shape)
    for own in places:
        for shift in range(1, size):
            found[shift - 1][..., own] = signs[..., own.roll(-shift)]
    return found


class Survival(NamedTuple):
    """Kaplan-Meier estimate of how long interactions stay.

    Attributes:
        time: Times of loss, log10 steps.
        alive: Share that is still there just after each, with `low` and `high` its 95 % log-log interval.
        median: Half-life in log10 steps, infinite where more than half are never lost, with its interval.
        n: Number of interactions.
    """

    time: np.ndarray[tuple[int], np.dtype[np.float64]]
    alive: np.ndarray[tuple[int], np.dtype[np.float64]]
    low: np.ndarray[tuple[int], np.dtype[np.float64]]
    high: np.ndarray[tuple[int], np.dtype[np.float64]]
    median: tuple[float, float, float]
    n: int


def survival(found: Lives, logs: Tensor, chosen: Tensor) -> Survival | None:
    """Time from first seen to the last loss; what is present at the last checkpoint is censored there.

    The interval treats interactions as independent, although those of one sample are not: it is too short.

    Source: Kaplan and Meier, JASA 1958; Brookmeyer and Crowley, Biometrics 1982 (median).

    Args:
        found: From `lives`.
        logs: Time of each checkpoint.
        chosen: Which interactions count.

    Returns:
        None where fewer than two are counted, or none is ever lost.
    """
    from scipy.stats import CensoredData, ecdf  # takes seconds to import

    counted = chosen & (found.last >= 0)
    first, last = found.first[counted], found.last[counted]
    final = len(logs) - 1
    lasted = logs[(last + 1).clamp(max=final)] - logs[first]
    lost = last < final
    if len(first) < 2 or not bool(lost.any()):
        return None
    curve = ecdf(CensoredData(uncensored=lasted[lost].numpy(), right=lasted[~lost].numpy())).sf
    with warnings.catch_warnings():  # where all are lost the interval is undefined
        warnings.filterwarnings("ignore", message="The confidence interval is undefined", category=RuntimeWarning)
        band = curve.confidence_interval(method="log-log")
    ends = [curve.probabilities, *(side.probabilities for side in (band.low, band.high))]
    alive, low, high = (np.where(np.isnan(end), curve.probabilities, end) for end in ends)
    median = tuple(
        float(curve.quantiles[end <= 0.5][0]) if (end <= 0.5).any() else np.inf for end in (alive, low, high)
    )
    return Survival(curve.quantiles, alive, low, high, median, len(first))  # type: ignore[arg-type]
