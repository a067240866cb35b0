"""How nearly a network's logits depend on w = x^-1 z y^-1 alone."""

import numpy as np

from lk.groups import Group
from lk.metrics.logits import Network, logits_by_row


def biequivariance(network: Network, group: Group) -> float:
    r"""Share of the variance of the logits that w = x^-1 z y^-1 does not explain: 0 is bi-equivariant.

    .. math:: 1 - Var_w(E[f \mid w]) \, / \, Var(f), \quad f \text{ centred over } z \text{ for each } (x, y)

    Centring removes shifts of all logits of a pair, which do not change the softmax. A bi-equivariant network answers
    all pairs correctly or none (Wu et al., ICLR 2025, Sect. 4, whose own measure tests w = e alone).

    Args:
        network: The network.
        group: Its group.

    Returns:
        A share between 0 and 1; 0 also where the centred logits are all zero.

    Example:
        >>> from lk.groups import Cyclic, Folded
        >>> round(biequivariance(Folded(np.eye(2), np.eye(2), np.eye(2), np.zeros(2)), Cyclic(2)), 6)
        1.0
    """
    n = group.order
    sums, squares = np.zeros(n), 0.0
    for x, logits in enumerate(logits_by_row(network)):
        logits = logits - logits.mean(axis=1, keepdims=True)
        w = group.table[group.table[group.inverse[x]][None, :], group.inverse[:, None]]  # by y and z
        sums += np.bincount(w.ravel(), logits.ravel(), n)
        squares += float((logits**2).sum())
    between = float(((sums / n**2) ** 2).sum()) * n**2
    return min(1.0, max(0.0, 1.0 - between / squares)) if squares > 0 else 0.0
