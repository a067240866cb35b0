"""LeNet, and what convolutional networks for small images share."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lk.networks.network import Network


def check_image(network: str, input_shape: Sequence[int], smallest: int) -> None:
    """Refuse inputs that are no image, or too small to be pooled this often."""
    if len(input_shape) != 3 or min(input_shape[1:]) < smallest:
        raise ValueError(
            f"expected (channels, height, width) of at least {smallest} pixels a side for {network}, got "
            f"input_shape={tuple(input_shape)}. Enlarge the images."
        )


def features(stages: nn.Module, input_shape: Sequence[int]) -> int:
    """Number of features that `stages` makes of one input, found by running it on zeros."""
    training = stages.training
    with torch.no_grad():
        count: int = stages.eval()(torch.zeros(1, *input_shape)).numel()
    stages.train(training)
    return count


def draw_convolutions(network: nn.Module) -> None:
    """Fresh weights of all convolutions for ReLU networks (He et al. 2015), and biases of zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]


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
        self.fc1 = nn.Sequential(
            nn.Flatten(), nn.Linear(features(nn.Sequential(self.conv1, self.conv2), input_shape), 120), nn.ReLU()
        )
        self.fc2 = nn.Sequential(nn.Linear(120, 84), nn.ReLU())
        self.output = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, num_classes)`."""
        return self.output(self.fc2(self.fc1(self.conv2(self.conv1(x)))))  # type: ignore[no-any-return]
