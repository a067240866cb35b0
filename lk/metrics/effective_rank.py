"""How many directions the features of a layer use."""

import torch
from torch import Tensor


def effective_rank(gram: Tensor) -> float:
    r"""Exponential of the entropy of the singular values: 1 for one direction, r for r equal ones.

    .. math:: \exp\Big(-\sum_i p_i \ln p_i\Big), \qquad p_i = \sigma_i / \sum_j \sigma_j

    Source: Roy and Vetterli, EUSIPCO 2007, Eq. 3.

    Args:
        gram: Inner products of samples, shape `(n, n)`; the singular values are those of the centred features.

    Returns:
        The number of directions; 0 where the features do not vary.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        >>> round(effective_rank(x @ x.T), 6)
        2.0
    """
    gram = gram.double()
    centred = gram - gram.mean(0) - gram.mean(1, keepdim=True) + gram.mean()
    values = torch.linalg.eigvalsh(centred)
    # Eigenvalues of rounding size are no directions: their roots would count.
    values = values[values > 1e-7 * values.max()].sqrt()
    if not len(values):
        return 0.0
    p = values / values.sum()
    return float(torch.exp(-(p * p.log()).sum()))
