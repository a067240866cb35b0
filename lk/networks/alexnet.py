"""AlexNet for small images (12 to 96 pixels)."""

from collections.abc import Sequence

from torch import Tensor, nn

from lk.networks.convolutional import check_image, draw_convolutions, features
from lk.networks.network import Network


class AlexNet(Network):
    """Five convolutions and two linear layers with dropout (Krizhevsky et al. 2012), for small images.

    Channels are those of the one-tower version (Krizhevsky 2014). The first convolution is 5x5 with stride 1 and
    pooling is 2x2, so that 32 pixels do not shrink to one before the third; the linear layers have 1 024 units instead
    of 4 096. `Torchvision("alexnet")` is the original, from 63 pixels on.

    Args:
        num_classes: Number of logits.
        input_shape: `(channels, height, width)`, at least 12 pixels a side.
    """

    layers = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc1", "fc2")

    def __init__(self, num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32)) -> None:
        super().__init__(num_classes, input_shape)
        check_image("AlexNet", input_shape, 12)

        def pool() -> nn.Module:
            return nn.MaxPool2d(2, ceil_mode=True)

        # Activations are read after the ReLU; pooling belongs to the layer that follows.
        self.conv1 = nn.Sequential(nn.Conv2d(input_shape[0], 64, 5, padding=2), nn.ReLU())
        self.conv2 = nn.Sequential(pool(), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU())
        self.conv3 = nn.Sequential(pool(), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU())
        self.conv4 = nn.Sequential(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU())
        self.conv5 = nn.Sequential(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU())
        stages = nn.Sequential(self.conv1, self.conv2, self.conv3, self.conv4, self.conv5, pool())
        self.fc1 = nn.Sequential(
            pool(), nn.Flatten(), nn.Dropout(), nn.Linear(features(stages, input_shape), 1024), nn.ReLU()
        )
        self.fc2 = nn.Sequential(nn.Dropout(), nn.Linear(1024, 1024), nn.ReLU())
        self.output = nn.Linear(1024, num_classes)
        draw_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, num_classes)`."""
        for name in self.layers:
            x = self.get_submodule(name)(x)
        return self.output(x)  # type: ignore[no-any-return]
