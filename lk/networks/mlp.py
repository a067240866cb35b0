"""Fully connected networks, MLP-7 among them."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from lk.networks.network import Network


class MLP(Network):
    """Linear layers with ReLU between them; the default is MLP-7.

    Seven hidden layers of 1 024, Cheng et al. 2024, Sect. 4.

    Args:
        widths: Hidden widths from input to output.
        num_classes: Number of logits.
        input_shape: Shape of one input; it is flattened.

    Example:
        >>> MLP(widths=[16, 8], num_classes=3, input_shape=(1, 4, 4)).layers
        ('layer1', 'layer2')
    """

    def __init__(
        self, widths: Sequence[int] = (1024,) * 7, num_classes: int = 10, input_shape: Sequence[int] = (1, 28, 28)
    ) -> None:
        super().__init__(num_classes, input_shape)
        if not widths or min(widths) < 1:
            raise ValueError(
                f"expected at least one positive width, got widths={list(widths)}. Give a width for each hidden layer."
            )
        inputs = [math.prod(input_shape), *widths]
        self.layers = tuple(f"layer{i}" for i in range(1, len(widths) + 1))
        for name, before, after in zip(self.layers, inputs, widths, strict=False):
            self.add_module(name, nn.Sequential(nn.Linear(before, after), nn.ReLU()))
        self.output = nn.Linear(widths[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, num_classes)`."""
        x = x.flatten(1)
        for name in self.layers:
            x = self.get_submodule(name)(x)
        return self.output(x)  # type: ignore[no-any-return]
