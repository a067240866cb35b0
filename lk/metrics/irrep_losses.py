"""Restricted and excluded loss: what a network can do with one irrep alone, and without it."""

from collections.abc import Sequence

import numpy as np

from lk.groups import Group, Irrep, project
from lk.metrics.logits import Floats, Network, hidden_of
from lk.metrics.table_losses import row_losses


def irrep_losses(network: Network, group: Group, irreps: Sequence[Irrep]) -> tuple[Floats, Floats]:
    r"""Mean cross-entropy in nats over all pairs, of the irrep's part of the logits alone and of the logits without it.

    With P the projection of functions of z onto the isotypic component of an irrep,

    .. math:: restricted = L(P f), \qquad excluded = L(f - P f)

    A key irrep has a high excluded loss; the more of the work it does, the lower its restricted loss. As logits are
    linear in it, projecting them is projecting unembedding and bias (Nanda et al., ICLR 2023, Sect. 5.1; Chughtai et
    al., ICML 2023, Sect. 5).

    Args:
        network: The network.
        group: Its group.
        irreps: The irreps to keep or remove.

    Returns:
        Restricted and excluded losses, shape `(irreps,)` each.

    Example:
        >>> from lk.groups import Cyclic, Folded, irreps
        >>> network = Folded(np.eye(2), np.eye(2), np.eye(2), np.zeros(2))
        >>> restricted, excluded = irrep_losses(network, Cyclic(2), irreps(Cyclic(2)))
        >>> restricted.round(3).tolist(), excluded.round(3).tolist()  # the constant part decides nothing
        ([0.693, 0.91], [0.91, 0.693])
    """
    n, k = group.order, len(irreps)
    columns = np.column_stack([network.unembed, network.bias])
    parts = np.stack([project(columns, irrep) for irrep in irreps]) if k else np.empty((0, *columns.shape))
    restricted, excluded = np.zeros(k), np.zeros(k)
    for x in range(n):
        hidden = np.column_stack([hidden_of(network, x), np.ones(n)])
        logits = hidden @ columns.T
        for i, part in enumerate(parts):
            own = hidden @ part.T
            restricted[i] += row_losses(own, group, x).mean() / n
            excluded[i] += row_losses(logits - own, group, x).mean() / n
    return restricted, excluded
