"""LeNet and VGG-11 for small images (24 to 96 pixels)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lk.networks.network import Network


def check_image(network: str, input_shape: Sequence[int], smallest: int) -> None:
    """Refuse inputs that are no image, or too small to be pooled this often."""
    if len(input_shape) != 3 or min(input_shape[1:]) < smallest:
        raise ValueError(
            f"{network} was given input_shape={tuple(input_shape)}; "
            f"expected (channels, height, width) of at least {smallest} pixels a side."
        )


def features(stages: nn.Module, input_shape: Sequence[int]) -> int:
    """Number of features that `stages` makes of one input, found by running it on zeros."""
    training = stages.training
    with torch.no_grad():
        count: int = stages.eval()(torch.zeros(1, *input_shape)).numel()
    stages.train(training)
    return count


class LeNet(Network):
    """Two convolutions with pooling and two hidden linear layers (LeCun et al. 1998), with ReLU and max pooling.

    Args:
        num_classes: Number of logits.
        input_shape: `(channels, height, width)`, at least 12 pixels a side.
    """

    layers = ("conv1", "conv2", "fc1", "fc2")

    def __init__(self, num_classes: int = 10, input_shape: Sequence[int] = (1, 28, 28)) -> None:
        super().__init__(num_classes, input_shape)
        check_image("LeNet", input_shape, 12)
        self.conv1 = nn.Sequential(nn.Conv2d(input_shape[0], 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2))
        self.conv2 = nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True))
        self.fc1 = nn.Sequential(nn.Flatten(), nn.Linear(features(nn.Sequential(self.conv1, self.conv2), input_shape), 120), nn.ReLU())
        self.fc2 = nn.Sequential(nn.Linear(120, 84), nn.ReLU())
        self.output = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, num_classes)`."""
        return self.output(self.fc2(self.fc1(self.conv2(self.conv1(x)))))  # type: ignore[no-any-return]


class VGG11(Network):
    """VGG-11 (Simonyan and Zisserman 2015, column A) for small images: batch normalisation, two linear layers of 512.

    Layer names follow the figures of Cheng et al. 2024 (`conv1_1` ... `conv5_2`, `fc1`, `fc2`).

    Args:
        num_classes: Number of logits.
        input_shape: `(channels, height, width)`, at least 24 pixels a side. The last pooling rounds up, so that 28 pixels fit.
    """

    layers = ("conv1_1", "conv2_1", "conv3_1", "conv3_2", "conv4_1", "conv4_2", "conv5_1", "conv5_2", "fc1", "fc2")
    channels = (64, 128, 256, 256, 512, 512, 512, 512)

    def __init__(self, num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32)) -> None:
        super().__init__(num_classes, input_shape)
        check_image("VGG11", input_shape, 24)
        before = input_shape[0]
        convolutions = self.layers[:8]
        for name, after in zip(convolutions, self.channels, strict=True):
            # A stage ends with pooling; its activation is read after the ReLU, before the pooling of the next stage.
            pool = [nn.MaxPool2d(2, ceil_mode=True)] if name in ("conv2_1", "conv3_1", "conv4_1", "conv5_1") else []
            self.add_module(name, nn.Sequential(*pool, nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()))
            before = after
        stages = nn.Sequential(*(self.get_submodule(name) for name in convolutions), nn.MaxPool2d(2, ceil_mode=True))
        self.fc1 = nn.Sequential(
            nn.MaxPool2d(2, ceil_mode=True), nn.Flatten(), nn.Linear(features(stages, input_shape), 512), nn.ReLU(), nn.Dropout()
        )
        self.fc2 = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Dropout())
        self.output = nn.Linear(512, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, num_classes)`."""
        for name in self.layers:
            x = self.get_submodule(name)(x)
        return self.output(x)  # type: ignore[no-any-return]
