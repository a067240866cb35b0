"""Loss and accuracy on the whole multiplication table."""

import numpy as np
from numpy.typing import NDArray

from lk.groups import Group
from lk.metrics.logits import Floats, Network, logits_by_row


def table_losses(network: Network, group: Group) -> tuple[Floats, NDArray[np.bool_]]:
    r"""Cross-entropy in nats of every pair, and whether its product has the one largest logit (a tie is wrong).

    .. math:: L(x, y) = \log \sum_z e^{f(z \mid x, y)} - f(xy \mid x, y)

    The accuracy over all n^2 pairs is what a certificate bounds from below; it is computed in floating point here.

    Args:
        network: The network.
        group: Its group.

    Returns:
        Both of shape `(n, n)`, by x and y. Means over parts of them are the losses of splits.

    Example:
        >>> from lk.groups import Cyclic, Folded
        >>> losses, right = table_losses(Folded(np.eye(2), np.eye(2), np.eye(2), np.zeros(2)), Cyclic(2))
        >>> losses.round(3).tolist(), right.tolist()
        ([[0.127, 0.693], [0.693, 2.127]], [[True, False], [False, False]])
    """
    n = group.order
    losses, right = np.empty((n, n)), np.empty((n, n), dtype=bool)
    y = np.arange(n)
    for x, logits in enumerate(logits_by_row(network)):
        losses[x] = row_losses(logits, group, x)
        correct = logits[y, group.table[x]]
        logits[y, group.table[x]] = -np.inf
        right[x] = correct > logits.max(axis=1)
    return losses, right


def row_losses(logits: Floats, group: Group, x: int) -> Floats:
    """Cross-entropy of the pairs (x, y) from their logits `(n, n)` by y and z, shape `(n,)`."""
    largest = logits.max(axis=1)
    sums = np.exp(logits - largest[:, None]).sum(axis=1)
    correct: Floats = logits[np.arange(group.order), group.table[x]]
    return np.asarray(largest + np.log(sums) - correct)
