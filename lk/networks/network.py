"""The base class of every target network: a plain module with ordered layers to read."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lk.layers import find_layers, logits_of
from lk.storage.describe import Recorded


class Network(nn.Module, metaclass=Recorded):
    """A classifier that names the layers worth reading, from input to output.

    Subclasses set `layers` and define `forward(x) -> logits`. The output itself is always read and is not listed.

    Attributes:
        layers: Names of submodules as in `named_modules()`, in the order of the forward pass.
        num_classes: Number of logits.
        input_shape: Shape of one input, without the batch.
        seeds: Number of networks that are trained at once; above one, logits have a leading axis of seeds.
        first_seed: Seed of the first of them, for messages.
    """

    layers: tuple[str, ...] = ()
    seeds: int = 1
    first_seed: int = 0

    def __init__(self, num_classes: int = 10, input_shape: Sequence[int] = (1, 28, 28)) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(
                f"expected at least 2 classes, got num_classes={num_classes}. Use 2 for a yes-or-no question."
            )
        self.num_classes = num_classes
        self.input_shape = tuple(input_shape)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, num_classes)` for inputs `(batch, *input_shape)`."""
        raise NotImplementedError(f"{type(self).__name__} must define forward().")

    def embed(self, x: Tensor) -> Tensor:
        """What gradients with respect to the input are taken of: the input itself.

        Word embeddings where it is token numbers.
        """
        return x

    def from_embedded(self, embedded: Tensor, x: Tensor) -> Tensor:
        """Logits from what `embed` gives; `x` is the input that it belongs to."""
        return self(embedded)  # type: ignore[no-any-return]


class Wrapped(Network):
    """The user's own module, read at the layers that the user names.

    Args:
        module: Any module that maps `(batch, *input_shape)` to logits `(batch, num_classes)`, alone, as `logits` of a
            mapping or object, or first in a tuple. Lazy modules in it draw their weights here, from a pass over zeros.
        layers: Names of its submodules, from input to output.
        num_classes: Number of logits that it returns.
        input_shape: Shape of one input.

    Raises:
        ValueError: A layer is unknown (the message proposes the nearest name), or lazy modules do not run on inputs of
            `input_shape`.

    Example:
        >>> from torch import nn
        >>> Wrapped(nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), ["2"], 2, (4,)).layers
        ('module.2',)
    """

    def __init__(
        self, module: nn.Module, layers: Sequence[str], num_classes: int = 10, input_shape: Sequence[int] = (1, 28, 28)
    ) -> None:
        super().__init__(num_classes, input_shape)
        find_layers(module, layers)
        if any(map(is_lazy, [*module.parameters(), *module.buffers()])):
            draw_lazy_weights(module, self.input_shape)
        self.module = module
        self.layers = tuple(f"module.{layer}" for layer in layers)

    def forward(self, x: Tensor) -> Tensor:
        """The module's own logits."""
        return logits_of(self.module(x))


def draw_lazy_weights(module: nn.Module, input_shape: tuple[int, ...]) -> None:
    """Run a module on zeros, numbers or tokens, so that optimizers and files find the weights of its lazy parts.

    Raises:
        ValueError: It runs on neither.
    """
    modes = {part: part.training for part in module.modules()}
    failure: Exception | None = None
    for dtype in (torch.get_default_dtype(), torch.long):
        try:
            with torch.no_grad():
                module.eval()(torch.zeros(2, *input_shape, dtype=dtype))
            break
        except Exception as error:  # whatever the module raises
            failure = failure or error
    else:
        raise ValueError(
            f"expected lazy modules to run on inputs of shape {input_shape}, got {type(failure).__name__} ({failure}). "
            "Set input_shape, or give the sizes of their inputs."
        ) from failure
    for part, training in modes.items():
        part.training = training
