"""Read the activations of named layers, all of them in one forward pass."""

import copy
import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn


def nearest(name: str, known: Sequence[str]) -> str:
    """The end of an error message: the nearest known name, and all of them where they are few.

    >>> nearest("blok1", ["block1", "block2"])
    "Did you mean 'block1'? Known: block1, block2."
    """
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    # A long list buries the hint.
    listed = known if len(known) <= 24 else [*known[:24], f"and {len(known) - 24} more"]
    return hint.strip() if close and len(known) > 24 else f"{hint}Known: {', '.join(listed)}."


def find_layer(module: nn.Module, name: str) -> nn.Module:
    """The submodule called `name` (dots descend, as in `named_modules`).

    Raises:
        ValueError: No submodule has this name; the message proposes the nearest one.
    """
    modules: dict[str, nn.Module] = dict(module.named_modules())
    if not name or name not in modules:
        raise ValueError(f"The network has no layer {name!r}. {nearest(name, [known for known in modules if known])}")
    return modules[name]


def device_of(module: nn.Module) -> torch.device:
    """Where a module lives: the device of its first parameter or buffer, the CPU without any.

    >>> device_of(nn.ReLU())
    device(type='cpu')
    """
    tensor = next(module.parameters(), next(module.buffers(), None))
    return torch.device("cpu") if tensor is None else tensor.device


class Activations(dict[str, Tensor]):
    """Layer name to activation, in the order of the forward pass; a layer that was not run is an error that says so."""

    def __missing__(self, name: str) -> Tensor:
        raise ValueError(
            f"Layer {name!r} was not run by the forward pass. Run were: {', '.join(self) or 'none'}. Name layers that every input passes."
        )


@contextmanager
def read_layers(module: nn.Module, layers: Sequence[str]) -> Iterator[Activations]:
    """Record the output of each named layer during every forward pass inside the `with` block.

    Args:
        module: Any torch module.
        layers: Names of submodules, as in `module.named_modules()`.

    Yields:
        A dict from layer name to the activation of the latest forward pass, shape `(batch, ...)`.
        A layer that returns a tuple or list (as transformer blocks do) is represented by its first tensor; one that runs
        several times, by its last run. Activations are copied where a module of the network works in place, because it
        would overwrite what was read.

    Raises:
        ValueError: A layer is unknown, or was not run by the forward pass that the caller reads.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> with read_layers(net, ["1"]) as activations:
        ...     logits = net(torch.ones(5, 3))
        >>> activations["1"].shape
        torch.Size([5, 4])
    """
    activations = Activations()
    overwritten = any(getattr(part, "inplace", False) for part in module.modules())

    def keep(name: str, output: object) -> None:
        while isinstance(output, tuple | list) and output:
            output = output[0]
        if not isinstance(output, Tensor):
            raise ValueError(f"Layer {name!r} returned {type(output).__name__}, expected a tensor. Name a layer inside it instead.")
        activations[name] = output.clone() if overwritten else output

    found = {name: find_layer(module, name) for name in layers}
    handles = [layer.register_forward_hook(lambda _m, _i, output, name=name: keep(name, output)) for name, layer in found.items()]
    try:
        yield activations
    finally:
        for handle in handles:
            handle.remove()


AnyModule = TypeVar("AnyModule", bound=nn.Module)


class NonFiniteError(ValueError):
    """A NaN or infinite activation: which layer, which sample."""


def check_finite(activations: dict[str, Tensor], samples: Tensor) -> None:
    """Stop at the first layer, in reading order, with a NaN or infinite activation.

    Args:
        activations: Layer name to activation, shape `(batch, ...)`.
        samples: The sample index of each row, shape `(batch,)`, for the message.

    Raises:
        NonFiniteError: Names the layer and the sample.
    """
    for name, activation in activations.items():
        # One reduction per layer: a sum is finite unless a term is not (or overflows, which is as bad).
        if bool(torch.isfinite(activation.sum())):
            continue
        rows = ~torch.isfinite(activation).flatten(1).all(1)
        if rows.any():
            sample = int(samples[rows][0])
            raise NonFiniteError(
                f"Layer {name!r} has NaN or infinite activations on sample {sample} ({int(rows.sum())} of {len(rows)} rows of this batch). "
                "Expected finite numbers: look at the loss of this checkpoint, lower the learning rate, or choose an earlier checkpoint."
            )


def frozen(network: nn.Module) -> nn.Module:
    """A copy for reading: evaluation mode, no gradients, convolutions in the faster memory layout.

    The copy, and not the network itself, is read during training: watching then cannot change modes, statistics or gradients.
    """
    return faster_layout(copy.deepcopy(network).eval().requires_grad_(False))


def faster_layout(network: AnyModule) -> AnyModule:
    """The network itself; where it convolves images, with its weights laid out channels last: the same numbers, read faster."""
    if any(isinstance(module, nn.Conv2d) for module in network.modules()):
        network = network.to(memory_format=torch.channels_last)
    return network
