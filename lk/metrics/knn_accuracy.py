"""How well the nearest other samples tell a sample's class."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot


def knn_accuracy(gram: Tensor, y: Tensor, k: int = 5) -> float:
    """Share of samples whose class is that of most of their k nearest others, by Euclidean distance.

    Leave one out: no sample is its own neighbour. Of classes with equally many neighbours the lowest number is taken.

    Source: Cover and Hart, IEEE Trans. Inf. Theory 13, 1967.

    Args:
        gram: Inner products of samples, shape `(n, n)`.
        y: Classes, shape `(n,)`.
        k: Neighbours, at most n - 1.

    Raises:
        ValueError: There are no k others.

    Example:
        >>> x = torch.tensor([[0.0], [0.1], [5.0], [5.1]])
        >>> knn_accuracy(x @ x.T, torch.tensor([0, 0, 1, 1]), k=1)
        1.0
    """
    if not 1 <= k < len(gram):
        raise ValueError(f"expected 1 <= k < n, got k={k}, n={len(gram)}. Take fewer neighbours.")
    gram = gram.double()
    squares = gram.diagonal()
    distance = (squares[:, None] + squares[None] - 2 * gram).fill_diagonal_(torch.inf)
    nearest = distance.topk(k, largest=False).indices
    votes = one_hot(y[nearest].long()).sum(1)
    return float((votes.argmax(1) == y).double().mean())
