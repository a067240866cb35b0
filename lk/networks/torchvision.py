"""Any torchvision classifier by its name."""

from collections.abc import Sequence

from torch import Tensor

from lk.layers import find_layers, logits_of
from lk.networks.network import Network
from lk.text import nearest

# Heads, and what only reshapes or repeats its neighbour; auxiliary heads are not run in evaluation mode.
LEFT_OUT = ("fc", "classifier", "heads", "head", "avgpool", "bn1", "relu", "dropout")


class Torchvision(Network):
    """A torchvision classifier, with fresh or published weights.

    Args:
        name: A name of `torchvision.models.list_models()`, such as `resnet18`.
        weights: `None` for fresh weights, or a name such as `DEFAULT`; published weights are downloaded by torchvision
            and need `num_classes` to be that of the weights.
        layers: Submodules to read; the default is the network's direct children, those of `features` in their place.
        num_classes: Number of logits.
        input_shape: `(3, height, width)`.

    Raises:
        ValueError: The name or a layer is unknown; the message proposes the nearest one.

    Example:
        >>> Torchvision("resnet18", num_classes=5, input_shape=(3, 64, 64)).layers[-2:]
        ('model.layer3', 'model.layer4')
    """

    def __init__(
        self,
        name: str,
        weights: str | None = None,
        layers: Sequence[str] | None = None,
        num_classes: int = 1000,
        input_shape: Sequence[int] = (3, 224, 224),
    ) -> None:
        super().__init__(num_classes, input_shape)
        import torchvision.models
        from torchvision.models import get_model, list_models

        known = list_models(module=torchvision.models)  # without its detectors and segmenters
        if name not in known:
            raise ValueError(f"expected a classifier of torchvision, got name={name!r}. {nearest(name, known)}")
        self.model = get_model(name, weights=weights, num_classes=num_classes)
        if layers is None:
            children = [child for child, _ in self.model.named_children()]
            inner = (
                [f"features.{i}" for i, _ in self.model.features.named_children()]
                if "features" in children
                else children
            )
            layers = [child for child in inner if child not in LEFT_OUT and not child.lower().startswith("aux")]
        find_layers(self.model, layers)
        self.layers = tuple(f"model.{layer}" for layer in layers)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, num_classes)`; auxiliary heads are left out."""
        return logits_of(self.model(x))
