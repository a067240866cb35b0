"""A small vision transformer (Dosovitskiy et al., ICLR 2021)."""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from lk.networks.convolutional import check_image
from lk.networks.network import Network


class Attention(nn.Module):
    """Multi-head self-attention, `(batch, tokens, width)` to the same.

    Not `nn.MultiheadAttention` and `nn.TransformerEncoderLayer`: when nobody reads a layer and no gradient is asked
    for, they compute on another path, with other roundings and without calling their submodules. Reading must not
    change what is read.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Every token looks at all of its input."""
        query, key, value = rearrange(self.into(x), "b t (qkv h d) -> qkv b h t d", qkv=3, h=self.heads)
        return self.out(rearrange(scaled_dot_product_attention(query, key, value), "b h t d -> b t (h d)"))  # type: ignore[no-any-return]


class TransformerBlock(nn.Module):
    """Attention, then two linear layers with GELU on each token, each normalised before and added to what came in."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), Attention(width, heads), nn.Dropout(dropout))
        self.mlp = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Tokens after the block, `(batch, tokens, width)`."""
        x = x + self.attention(x)
        return x + self.mlp(x)  # type: ignore[no-any-return]


class ViT(Network):
    """A vision transformer for small images: patches become tokens, the class is read from a `[CLS]` token.

    Activations are `(batch, 1 + patches, width)`: `[CLS]` first, then the patches in reading order.

    Args:
        patch: Side of a patch in pixels; divides height and width.
        width: Features of a token; a multiple of `heads`.
        depth: Number of blocks.
        heads: Attention heads of a block.
        dropout: Share of features that training drops behind the embedding, the attention and each linear layer of a
            block.
        num_classes: Number of logits.
        input_shape: `(channels, height, width)`.

    Raises:
        ValueError: The patches do not tile the image, the heads do not share the width equally, or a number is out of
            range.

    Example:
        >>> ViT(patch=4, width=16, depth=2, heads=2, input_shape=(1, 8, 8)).layers
        ('block1', 'block2')
    """

    def __init__(
        self,
        patch: int = 4,
        width: int = 192,
        depth: int = 6,
        heads: int = 3,
        dropout: float = 0.1,
        num_classes: int = 10,
        input_shape: Sequence[int] = (3, 32, 32),
    ) -> None:
        super().__init__(num_classes, input_shape)
        check_image("ViT", input_shape, 1)
        channels, height, across = input_shape
        if patch < 1 or height % patch or across % patch:
            raise ValueError(
                f"expected a divisor of {height} and {across}, the pixels of the images, got patch={patch}. Choose "
                "another patch or size."
            )
        if heads < 1 or width < 1 or width % heads:
            raise ValueError(
                f"expected a width that the heads share equally, got width={width}, heads={heads}. Make width a "
                "multiple of heads."
            )
        if depth < 1 or not 0 <= dropout < 1:
            raise ValueError(
                f"expected depth >= 1 and 0 <= dropout < 1, got depth={depth}, dropout={dropout}. Leave them out for "
                "the defaults."
            )
        self.to_tokens = nn.Conv2d(channels, width, patch, stride=patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.empty(1, 1 + (height // patch) * (across // patch), width))
        nn.init.trunc_normal_(self.position, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.layers = tuple(f"block{i}" for i in range(1, depth + 1))
        for name in self.layers:
            self.add_module(name, TransformerBlock(width, heads, dropout))
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, num_classes)`."""
        patches = rearrange(self.to_tokens(x), "b w high wide -> b (high wide) w")
        x = self.dropout(torch.cat([self.cls.expand(len(x), -1, -1), patches], 1) + self.position)
        for name in self.layers:
            x = self.get_submodule(name)(x)
        return self.output(self.norm(x[:, 0]))  # type: ignore[no-any-return]
