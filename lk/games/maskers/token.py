"""A token in place of each absent word."""

import torch
from torch import Tensor

from lk.games.maskers.masker import Masker

ABSENT = -1


class Token(Masker):
    """One token stands for every absent token of a sentence.

    Args:
        token: `mask` takes the data set's [MASK] (the paper's baseline); `absent` the number -1, which
            `lk.networks.Transformer` embeds as its own vector `absent` (zeros, the mean embedding, or one from a file);
            a number is taken as it is.

    Raises:
        ValueError: `token` is another word, or a number below -1.

    Example:
        >>> Token("absent").fill(torch.tensor([[2, 7, 3]]), torch.tensor([4, 4, 4]))
        tensor([[-1, -1, -1]])
    """

    def __init__(self, token: str | int = "mask") -> None:
        if token not in ("mask", "absent") and (isinstance(token, str) or token < ABSENT):
            raise ValueError(f"expected 'mask', 'absent' or the number of a token, got token={token!r}. Use 'mask'.")
        self.token = token

    def fill(self, x: Tensor, baseline: Tensor) -> Tensor:
        """The token at every place."""
        if x.is_floating_point():
            raise ValueError(f"expected token numbers, got x.dtype={x.dtype}. Choose Mean or Zero.")
        if self.token == "mask":
            return baseline.to(x).expand_as(x)
        return torch.full_like(x, ABSENT if self.token == "absent" else int(self.token))
