"""Networks that learn a group's multiplication table, many seeds at once."""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from lk.groups import Folded
from lk.networks.network import Network
from lk.text import nearest


class Square(nn.Module):
    """t^2."""

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise square."""
        return x.square()


class Abs(nn.Module):
    """|t|."""

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise absolute value."""
        return x.abs()


class Preactivation(nn.Module):
    """l(x) + r(y), read off the two tables."""

    def forward(self, left: Tensor, right: Tensor, pairs: Tensor) -> Tensor:
        """Rows of the tables `([seeds,] n, m)` for pairs `(batch, 2)` or one-hot rows `(batch, 2, n)`.

        Shape `([seeds,] batch, m)`.
        """
        if pairs.ndim == 3:
            return pairs[:, 0] @ left + pairs[:, 1] @ right
        # In place: the sum is one of the two large tensors of a step, and needs neither of its terms again.
        return left.index_select(-2, pairs[:, 0]).add_(right.index_select(-2, pairs[:, 1]))


ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "square": Square, "abs": Abs}


class GroupNetwork(Network):
    r"""f(z|x,y) = sum_i u_i(z) act(l_i(x) + r_i(y)) + beta(z) with l = E_l W_l, r = E_r W_r.

    Wu et al., ICLR 2025; Chughtai et al., 2023.

    Several seeds are trained at once: all parameters have a leading axis of seeds. Each seed draws its initial weights
    from a generator of its own (the run's `seed_everything` plays no part), so that seed 7 starts from the same weights
    alone and among a hundred. Embeddings are N(0, 1),
    W is uniform within sqrt(1 / (2 d)), u within sqrt(1 / m), beta within 1 / sqrt(m).

    Args:
        num_classes: Number n of group elements.
        input_shape: Shape of one input: `(2,)` for pairs, `(2, n)` for one-hot rows. Both are read, whatever is said
            here.
        width: Hidden units m.
        embedding: Size d of the embeddings.
        seeds: Number of networks trained at once.
        first_seed: Seed of the first; the others follow.
        tied: One embedding table for both factors.
        linear: Linear maps follow the embeddings; without them the embeddings are l and r themselves (`embedding` is
            not used).
        activation: relu, gelu, square or abs.
        concatenated: One linear map of the two embeddings side by side, stored as one matrix of 2 d rows. The function
            and its initial values are those of two maps.
        unembed_bias: Whether there is a beta. It is exempt from weight decay by `lk.tasks.Adam`.

    Raises:
        ValueError: A size is out of range, the activation is unknown, or `concatenated` is asked for without linear
            maps.

    Example:
        >>> network = GroupNetwork(num_classes=6, width=8, embedding=4, seeds=3)
        >>> network(torch.tensor([[0, 1], [5, 5]])).shape
        torch.Size([3, 2, 6])
        >>> alone = GroupNetwork(num_classes=6, width=8, embedding=4, first_seed=2)
        >>> torch.equal(alone.unembed[0], network.unembed[2])
        True
    """

    layers = ("preactivation", "hidden")

    def __init__(
        self,
        num_classes: int = 24,
        input_shape: Sequence[int] = (2,),
        width: int = 64,
        embedding: int = 64,
        seeds: int = 1,
        first_seed: int = 0,
        tied: bool = False,
        linear: bool = True,
        activation: str = "relu",
        concatenated: bool = False,
        unembed_bias: bool = True,
    ) -> None:
        super().__init__(num_classes, input_shape)
        if min(width, embedding, seeds) < 1 or first_seed < 0:
            raise ValueError(
                f"expected width, embedding and seeds of at least 1 and first_seed of at least 0, got width={width}, "
                f"embedding={embedding}, seeds={seeds}, first_seed={first_seed}. Leave them out for the defaults."
            )
        if self.input_shape not in ((2,), (2, num_classes)):
            raise ValueError(
                f"expected (2,) for pairs of elements or (2, {num_classes}) for one-hot rows, got "
                f"input_shape={self.input_shape}. Train GroupNetwork on lk.data.GroupTable."
            )
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"expected an activation of GroupNetwork, got activation={activation!r}. "
                f"{nearest(activation, list(ACTIVATIONS))}"
            )
        if concatenated and not linear:
            raise ValueError(
                "expected linear maps to concatenate, got concatenated=True, linear=False. Set linear=True, or "
                "concatenated=False."
            )
        self.width, self.embedding, self.seeds, self.first_seed = width, embedding, seeds, first_seed
        self.tied, self.linear, self.activation, self.concatenated = tied, linear, activation, concatenated
        drawn = [self.draw(first_seed + i) for i in range(seeds)]
        stacked = {name: nn.Parameter(torch.stack([one[name] for one in drawn])) for name in drawn[0]}
        if not unembed_bias:
            stacked.pop("bias")  # drawn all the same: the other parameters do not depend on it
        for name in ("embed_left", "embed_right", "weight", "weight_left", "weight_right", "unembed", "bias"):
            self.register_parameter(name, stacked.get(name))
        self.preactivation = Preactivation()
        self.hidden = ACTIVATIONS[activation]()
        if self.bias is not None:
            self.bias.decay = False  # type: ignore[attr-defined]

    embed_left: nn.Parameter
    embed_right: nn.Parameter | None
    weight: nn.Parameter | None
    weight_left: nn.Parameter | None
    weight_right: nn.Parameter | None
    unembed: nn.Parameter
    bias: nn.Parameter | None

    def draw(self, seed: int) -> dict[str, Tensor]:
        """Initial parameters of one seed, each without the axis of seeds."""
        generator = torch.Generator().manual_seed(seed)
        n, m, d = self.num_classes, self.width, self.embedding if self.linear else self.width

        def uniform(rows: int, columns: int, bound: float) -> Tensor:
            return (2 * torch.rand(rows, columns, generator=generator) - 1) * bound

        drawn = {"embed_left": torch.randn(n, d, generator=generator)}
        if not self.tied:
            drawn["embed_right"] = torch.randn(n, d, generator=generator)
        if self.linear:
            maps = {f"weight_{side}": uniform(d, m, (0.5 / d) ** 0.5) for side in ("left", "right")}
            drawn |= {"weight": torch.cat(list(maps.values()))} if self.concatenated else maps
        drawn["unembed"] = uniform(n, m, (1 / m) ** 0.5)
        drawn["bias"] = uniform(1, n, (1 / m) ** 0.5)[0]
        return drawn

    def stored(self) -> dict[str, Tensor]:
        """The parameters by their role, whatever the network shares or leaves out, each with the axis of seeds.

        Returns:
            `embed_left`, `embed_right`, `weight_left` and `weight_right` (both missing without linear maps), `unembed`
            and `bias`.
        """
        found: dict[str, Tensor] = {
            "embed_left": self.embed_left,
            "embed_right": self.embed_left if self.embed_right is None else self.embed_right,
            "unembed": self.unembed,
            "bias": torch.zeros_like(self.unembed[..., 0]) if self.bias is None else self.bias,
        }
        if self.weight is not None:
            found["weight_left"], found["weight_right"] = self.weight.split(self.embedding, 1)
        elif self.weight_left is not None and self.weight_right is not None:
            found["weight_left"], found["weight_right"] = self.weight_left, self.weight_right
        return found

    def folded(self, dtype: torch.dtype | None = None) -> tuple[Tensor, Tensor]:
        """The tables l and r, each `(seeds, n, m)`, computed in `dtype` (the parameters' own by default)."""
        parameters = {name: parameter.to(dtype) for name, parameter in self.stored().items()}
        left, right = parameters["embed_left"], parameters["embed_right"]
        return (left @ parameters["weight_left"], right @ parameters["weight_right"]) if self.linear else (left, right)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of pairs.

        Args:
            x: Pairs `(batch, 2)` of element numbers, or rows of weights over the elements `(batch, 2, n)`, of which
                one-hot rows are pairs.

        Returns:
            Shape `(batch, n)` for one seed, `(seeds, batch, n)` for several.

        Raises:
            ValueError: The input has another shape or type.
        """
        if x.shape[1:] != (2, self.num_classes) if x.is_floating_point() else x.shape[1:] != (2,):
            raise ValueError(
                f"expected integers (batch, 2) or floats (batch, 2, {self.num_classes}), got x.shape={tuple(x.shape)} "
                f"of {str(x.dtype).removeprefix('torch.')}. Take batches of lk.data.GroupTable."
            )
        left, right = self.folded()
        unembed, bias = self.unembed.transpose(1, 2), None if self.bias is None else self.bias[:, None]
        if self.seeds == 1:  # a plain network to whoever reads its layers
            left, right, unembed, bias = left[0], right[0], unembed[0], None if bias is None else bias[0]
        hidden = self.hidden(self.preactivation(left, right, x))
        # The folded tables are small (n rows), so this product and its gradients are nearly all of the work.
        if bias is None:
            return torch.matmul(hidden, unembed)
        return torch.addmm(bias, hidden, unembed) if self.seeds == 1 else torch.baddbmm(bias, hidden, unembed)

    @torch.no_grad()
    def tables(self, dtype: torch.dtype = torch.float32) -> Folded[Tensor]:
        """The folded network, detached, with the axis of seeds also where there is one seed.

        Folding is done in float64.

        Args:
            dtype: Type of the tables.

        Example:
            >>> tables = GroupNetwork(num_classes=6, width=4, embedding=3, seeds=5).tables()
            >>> tables.left.shape, tables.seed(2).left.shape
            (torch.Size([5, 6, 4]), torch.Size([6, 4]))
        """
        left, right = (table.to(dtype, copy=True) for table in self.folded(torch.float64))
        unembed, bias = (self.stored()[name].to(dtype, copy=True) for name in ("unembed", "bias"))
        return Folded(left, right, unembed, bias, self.activation)

    @classmethod
    def from_tables(cls, tables: Folded[Tensor]) -> Self:
        """A network with `linear=False` whose parameters are copies of these tables.

        Args:
            tables: With the axis of seeds, or of one network without it.

        Example:
            >>> tables = GroupNetwork(num_classes=6, width=4, embedding=3, seeds=5).tables()
            >>> GroupNetwork.from_tables(tables.seed(2))(torch.tensor([[0, 5]])).shape
            torch.Size([1, 6])
        """
        arrays = [table[None] if tables.left.ndim == 2 else table for table in tables.arrays]
        network = cls(
            tables.order, width=tables.width, seeds=len(arrays[0]), linear=False, activation=tables.activation
        )
        parameters = (network.embed_left, network.embed_right, network.unembed, network.bias)
        with torch.no_grad():
            for parameter, table in zip(parameters, arrays, strict=True):
                assert parameter is not None
                parameter.copy_(table)
        return network
