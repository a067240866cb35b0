"""Phases of training: the order of what is learned falls first, then rises, and the gap between the losses opens.

Zhang et al. (arXiv 2405.10262) describe two phases. Their rule for the border is not public; the rule here is ours.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.special import stdtrit
from torch import Tensor

from lk.metrics.intervals import LEVEL, Array
from lk.transforms import orders

WINDOW = 5  # epochs of a line that says how fast the gap grows


def order_centre(effects: Tensor, chosen: Tensor) -> Tensor:
    r"""Mean order of the salient interactions, weighted by their strength.

    .. math:: \frac{\sum_{S \in \Omega} |S| \, |I(S)|}{\sum_{S \in \Omega} |I(S)|}

    Args:
        effects: AND and OR effects `(..., 2, 2**n, layers, samples)`.
        chosen: Which are salient, same shape.

    Returns:
        Shape `(..., layers, samples)`, between 1 and n; NaN where nothing is salient.

    Example:
        >>> effects = torch.zeros(2, 4, 1, 1)
        >>> effects[0, 1], effects[0, 3] = 1.0, -3.0
        >>> order_centre(effects, effects != 0).item()
        1.75
    """
    strength = effects.abs().double() * chosen
    size = orders(effects.shape[-3].bit_length() - 1).double()[:, None, None]
    total = strength.sum((-4, -3))
    return (strength * size).sum((-4, -3)) / total.where(total > 0, torch.nan)


def phase_end(centres: Tensor, informative: Tensor | None = None) -> int | None:
    """The last checkpoint of phase 1: the first from which the order centre rises twice in a row.

    A rise is a mean difference of two checkpoints over the same samples above its standard error, which is what a
    paired bootstrap estimates. The order centre must have fallen before: it lies below that of the initial network.

    Args:
        centres: Order centre of each checkpoint and sample, `(checkpoints, samples)`; the first is the initial network.
        informative: Which checkpoints say something, `(checkpoints,)`; the others are passed over. Default all.

    Returns:
        Position of the checkpoint; none where there is no such rise.

    Example:
        >>> noise = torch.tensor([0.0, 0.1, -0.1])
        >>> phase_end(torch.tensor([3.0, 2.0, 2.5, 3.0])[:, None] + noise)
        1
    """
    places = torch.arange(len(centres)) if informative is None else informative.nonzero()[:, 0]
    change = centres[places].diff(dim=0)
    known = torch.isfinite(change)
    count = known.sum(1).clamp(min=2)
    mean = change.nan_to_num().sum(1) / count
    spread = torch.where(known, change - mean[:, None], 0.0).square().sum(1) / (count - 1)
    rises = mean > (spread / count).sqrt().clamp(min=1e-12)
    fallen = torch.nanmean(centres[places], 1) < torch.nanmean(centres[0])
    found = (rises[:-1] & rises[1:] & fallen[: max(0, len(rises) - 1)]).nonzero()[:, 0]
    return int(places[found[0]]) if len(found) else None


def lowest(centres: Tensor) -> int:
    """The checkpoint at which the mean over samples is least; undefined means are passed over."""
    means = torch.nanmean(centres, 1)
    return int(torch.where(torch.isfinite(means), means, torch.inf).argmin())


def since_lowest(per_sample: Tensor, checkpoint: int) -> Tensor:
    """Difference between a checkpoint and the lowest one, `(samples,)`, free of the bias of a chosen minimum.

    Each half of the samples (even, odd positions) reads its lowest checkpoint from the other half: the least of several
    noisy means lies too low on the samples that chose it.

    Args:
        per_sample: A quantity of each checkpoint and sample, `(checkpoints, samples)`.
        checkpoint: What is compared with the lowest; 0 the initial network, -1 the last.
    """
    found = torch.full(per_sample.shape[1:], torch.nan, dtype=per_sample.dtype)
    for own, other in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        place = lowest(per_sample[:, other])
        found[own] = per_sample[checkpoint, own] - per_sample[place, own]
    return found


class Opening(NamedTuple):
    """Where the gap between test and training loss begins to grow.

    Attributes:
        epoch: The first epoch of the first window whose slope is above zero beyond its interval; NaN if there is none.
        slope: Slope there in nats per epoch, with its interval.
    """

    epoch: float
    slope: tuple[float, float, float]


def loss_gap(training: pd.DataFrame) -> pd.DataFrame:
    """Test loss minus training loss at the end of each epoch; columns epoch and gap.

    The training loss is the mean over the epoch, while the weights still changed: it lies above that of the epoch's
    last weights, so that the gap is a little too small, most in the first epochs.

    Args:
        training: Columns epoch, quantity (`train/loss`, `test/loss`, ...), value.
    """
    rows = training[training["quantity"].isin(["train/loss", "test/loss"])]
    wide = rows.pivot_table(index="epoch", columns="quantity", values="value").reset_index()
    if not {"train/loss", "test/loss"} <= set(wide.columns):
        return pd.DataFrame({"epoch": [], "gap": []}, dtype=float)
    return pd.DataFrame({"epoch": wide["epoch"], "gap": wide["test/loss"] - wide["train/loss"]}).dropna()


def gap_opens(epochs: Array, gaps: Array, window: int = WINDOW) -> Opening:
    """Where the gap begins to grow: the first window of epochs with a slope above zero beyond its interval.

    Least squares over the window, all runs together; Student's t over the points. Many windows are looked at: the level
    of each is 5 % divided by their number (Bonferroni).

    Args:
        epochs: Epoch of each point.
        gaps: Gap of the losses, `(epochs, runs)`.
        window: Epochs of a window; fewer where the training is shorter.

    Example:
        >>> epochs = np.arange(8.0)
        >>> gap_opens(epochs, np.maximum(epochs - 2, 0.0)[:, None] + 0.01 * np.cos(9 * epochs)[:, None], window=4).epoch
        2.0
    """
    width = min(window, len(epochs))
    windows = len(epochs) - width + 1
    for start in range(windows):
        x = np.repeat(epochs[start : start + width], gaps.shape[1])
        y = gaps[start : start + width].ravel()
        freedom = len(x) - 2
        if freedom < 1:
            break
        centred = x - x.mean()
        slope = float(centred @ y / (centred @ centred))
        left = y - y.mean() - slope * centred
        half = float(np.sqrt(left @ left / freedom / (centred @ centred)) * stdtrit(freedom, 1 - LEVEL / 2 / windows))
        if slope - half > 0:
            return Opening(float(epochs[start]), (slope, slope - half, slope + half))
    return Opening(float("nan"), (float("nan"), float("nan"), float("nan")))
