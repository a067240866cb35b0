"""Residual networks for small images (He et al. 2016, Sect. 4.2): ResNet-20 and ResNet-32."""

from collections.abc import Sequence

from torch import Tensor, nn

from lk.networks.convolutional import check_image
from lk.networks.network import Network


class Block(nn.Module):
    """Two 3x3 convolutions and a skip connection; a 1x1 convolution carries the skip where the shape changes."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.skip = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Activation after the sum and the ReLU."""
        return self.relu(self.residual(x) + self.skip(x))  # type: ignore[no-any-return]


class ResNet(Network):
    """A stem, three stages of `blocks_per_stage` blocks with 16, 32 and 64 channels, global average pooling.

    Args:
        blocks_per_stage: 3 gives ResNet-20, 5 gives ResNet-32.
        num_classes: Number of logits.
        input_shape: `(channels, height, width)`, at least 8 pixels a side.

    Example:
        >>> ResNet(3).layers[:3], len(ResNet(5).layers)
        (('stem', 'block1', 'block2'), 16)
    """

    def __init__(self, blocks_per_stage: int, num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32)) -> None:
        super().__init__(num_classes, input_shape)
        check_image(type(self).__name__, input_shape, 8)
        self.stem = nn.Sequential(
            nn.Conv2d(input_shape[0], 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        before, names = 16, ["stem"]
        for stage, after in enumerate((16, 32, 64)):
            for place in range(blocks_per_stage):
                names.append(f"block{len(names)}")
                self.add_module(names[-1], Block(before, after, stride=2 if stage and place == 0 else 1))
                before = after
        self.layers = tuple(names)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.output = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, num_classes)`."""
        for name in self.layers:
            x = self.get_submodule(name)(x)
        return self.output(self.pool(x))  # type: ignore[no-any-return]


class ResNet20(ResNet):
    """ResNet-20: nine blocks, 0.27 M parameters."""

    def __init__(self, num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32)) -> None:
        super().__init__(3, num_classes, input_shape)


class ResNet32(ResNet):
    """ResNet-32: fifteen blocks, 0.47 M parameters."""

    def __init__(self, num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32)) -> None:
        super().__init__(5, num_classes, input_shape)
