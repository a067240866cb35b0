"""VGG-11 and VGG-16 for small images (24 to 96 pixels)."""

from collections.abc import Sequence

from torch import Tensor, nn

from lk.networks.convolutional import check_image, draw_convolutions, features
from lk.networks.network import Network


class VGG(Network):
    """A column of Simonyan and Zisserman 2015 for small images: batch normalisation, two linear layers of 512.

    Subclasses list `layers`: convolutions named by stage and place (`conv1_1` ...), then `fc1` and `fc2`.

    Args:
        num_classes: Number of logits.
        input_shape: `(channels, height, width)`, at least 24 pixels a side. The last pooling rounds up, so that 28
            pixels fit.
    """

    channels = (64, 128, 256, 512, 512)  # of the five stages

    def __init__(self, num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32)) -> None:
        super().__init__(num_classes, input_shape)
        check_image(type(self).__name__, input_shape, 24)
        before = input_shape[0]
        convolutions = self.layers[:-2]
        for name in convolutions:
            stage, place = (int(number) for number in name.removeprefix("conv").split("_"))
            after = self.channels[stage - 1]
            # A stage ends with pooling; its activation is read after the ReLU, before the pooling of the next stage.
            pool = [nn.MaxPool2d(2, ceil_mode=True)] if stage > 1 and place == 1 else []
            self.add_module(
                name, nn.Sequential(*pool, nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU())
            )
            before = after
        stages = nn.Sequential(*(self.get_submodule(name) for name in convolutions), nn.MaxPool2d(2, ceil_mode=True))
        self.fc1 = nn.Sequential(
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Flatten(),
            nn.Linear(features(stages, input_shape), 512),
            nn.ReLU(),
            nn.Dropout(),
        )
        self.fc2 = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Dropout())
        self.output = nn.Linear(512, num_classes)
        draw_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, num_classes)`."""
        for name in self.layers:
            x = self.get_submodule(name)(x)
        return self.output(x)  # type: ignore[no-any-return]


class VGG11(VGG):
    """VGG-11 (column A): eight convolutions. Layer names follow the figures of Cheng et al. 2024.

    Args:
        num_classes: Number of logits.
        input_shape: `(channels, height, width)`, at least 24 pixels a side.
    """

    layers = ("conv1_1", "conv2_1", "conv3_1", "conv3_2", "conv4_1", "conv4_2", "conv5_1", "conv5_2", "fc1", "fc2")


class VGG16(VGG):
    """VGG-16 (column D): thirteen convolutions.

    Args:
        num_classes: Number of logits.
        input_shape: `(channels, height, width)`, at least 24 pixels a side.
    """

    layers = (
        *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"),
        *("conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3", "fc1", "fc2"),
    )
