"""Read the activations of named layers, all of them in one forward pass."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from lk.text import nearest

OUTPUT = "output"  # the name of the network's own answer among the layers that are read


def find_layer(module: nn.Module, name: str) -> nn.Module:
    """The submodule called `name` (dots descend, as in `named_modules`).

    Raises:
        ValueError: No submodule has this name; the message proposes the nearest one.
    """
    modules: dict[str, nn.Module] = dict(module.named_modules())
    if not name or name not in modules:
        raise ValueError(
            f"expected a layer of the network, got layer={name!r}. "
            f"{nearest(name, [known for known in modules if known])}"
        )
    return modules[name]


def find_layers(module: nn.Module, layers: Sequence[str]) -> dict[str, nn.Module]:
    """The submodules of several names, in the order given.

    Raises:
        ValueError: A name is unknown, or one string is given where a list is expected.
    """
    if isinstance(layers, str):  # "12" would be taken for the layers 1 and 2
        raise ValueError(f"expected a list of layer names, got layers={layers!r}. Write [{layers!r}].")
    return {name: find_layer(module, name) for name in layers}


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
            f"expected a layer that the forward pass runs, got {name!r} where it ran {', '.join(self) or 'none'}. Name "
            "layers that every input passes."
        )


def logits_of(output: object) -> Tensor:
    """The logits in what a classifier returns.

    `logits` of a mapping or object, the first entry of a tuple or list, a tensor itself.

    Raises:
        ValueError: There are none.

    Example:
        >>> logits_of({"logits": torch.zeros(2, 3)}).shape
        torch.Size([2, 3])
    """
    if isinstance(output, Tensor):
        return output
    found = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    if found is None and isinstance(output, tuple | list) and output:
        found = output[0]
    if not isinstance(found, Tensor):
        held = f" with {', '.join(map(str, output))}" if isinstance(output, Mapping) else ""
        raise ValueError(
            f"expected logits, got {type(output).__name__}{held} from the network. Return a tensor of shape (batch, "
            "classes), alone, as the entry 'logits', or first in a tuple."
        )
    return found


# Whether something overwrites what a layer gave, learned in the layer's first recorded pass.
_OVERWRITTEN: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()


def version(tensor: Tensor) -> int | None:
    """How often torch has changed a tensor or a view of it in place; unknown in inference mode."""
    return None if tensor.is_inference() else tensor._version


class _Recorder:
    """Keeps what layers give; copies what is overwritten later in the same pass, and nothing else.

    The first pass keeps the tensor, its version and a copy of each layer, and compares them when it ends. Later passes
    copy only what was overwritten. Inference mode keeps no versions, so that layers not known from a pass outside it
    are copied there.
    """

    def __init__(self, found: dict[str, nn.Module]) -> None:
        self.found, self.activations = found, Activations()
        self.given: dict[str, tuple[Tensor, int | None]] = {}

    def keep(self, name: str, output: object) -> None:
        """Record one layer's output."""
        while isinstance(output, tuple | list) and output:
            output = output[0]
        if not isinstance(output, Tensor):
            raise ValueError(
                f"expected a tensor from layer {name!r}, got {type(output).__name__}. Name a layer inside it instead."
            )
        copied = _OVERWRITTEN.get(self.found[name], True)
        self.given[name] = (output, version(output))
        self.activations[name] = output.clone() if copied else output

    def learn(self) -> None:
        """Note which layers were overwritten.

        Raises:
            ValueError: One that was not overwritten in its first pass was in this one, so that what is held is not what
                it gave.
        """
        for name, (tensor, earlier) in self.given.items():
            layer, kept = self.found[name], self.activations.get(name)
            changed = earlier is not None and earlier != tensor._version
            if layer not in _OVERWRITTEN and earlier is not None and kept is not None:
                # Values are compared too: torch counts no change through `.data` or NumPy.
                _OVERWRITTEN[layer] = changed or not torch.equal(tensor, kept)
            elif changed and kept is tensor:
                _OVERWRITTEN[layer] = True
                raise ValueError(
                    f"expected layer {name!r} to keep its output, got one that is overwritten in place in this forward "
                    "pass, but not in an earlier one. Read it again, or replace the in-place function behind it "
                    "(inplace=True, relu_(), +=) by one that returns a new tensor."
                )


@contextmanager
def read_layers(module: nn.Module, layers: Sequence[str]) -> Iterator[Activations]:
    """Record the output of each named layer during every forward pass inside the `with` block.

    Args:
        module: Any torch module.
        layers: Names of submodules, as in `module.named_modules()`.

    Yields:
        A dict from layer name to the activation of the latest forward pass, shape `(batch, ...)`.
        A layer that returns a tuple or list (as transformer blocks do) is represented by its first tensor; one that
        runs several times, by its last run. What is overwritten in place behind a layer (`inplace=True`, `relu_()`,
        `+=`) is copied before: one copy of the activation per pass. In the first pass of a layer, and in inference mode
        before one, every layer is copied.

    Raises:
        ValueError: A layer is unknown, or was not run by the forward pass that the caller reads.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> with read_layers(net, ["1"]) as activations:
        ...     logits = net(torch.ones(5, 3))
        >>> activations["1"].shape
        torch.Size([5, 4])
    """
    found = find_layers(module, layers)
    recorder = _Recorder(found)
    handles = [
        layer.register_forward_hook(lambda _m, _i, output, name=name: recorder.keep(name, output))
        for name, layer in found.items()
    ]
    try:
        yield recorder.activations
        recorder.learn()
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
                f"expected finite activations, got NaN or infinity of layer {name!r} on sample {sample} "
                f"({int(rows.sum())} of {len(rows)} rows of this batch). Look at the loss of this checkpoint, lower "
                "the learning rate, or choose an earlier checkpoint."
            )


def _derived(thing: object, seen: dict[int, object]) -> Iterator[Tensor]:
    """Tensors with a gradient history inside an attribute, which Python's deepcopy refuses."""
    if id(thing) in seen or isinstance(thing, str | int | float | type | ModuleType | None):
        return
    seen[id(thing)] = thing  # held, so that no other object takes its number
    if isinstance(thing, Tensor):
        if not thing.is_leaf:
            yield thing
        return
    parts = list(thing.values()) if isinstance(thing, dict) else thing if isinstance(thing, list | tuple | set) else ()
    for part in [*parts, *(vars(thing).values() if hasattr(thing, "__dict__") else ())]:
        yield from _derived(part, seen)


def frozen(network: nn.Module) -> nn.Module:
    """A copy for reading: evaluation mode, no gradients, convolutions in the faster memory layout.

    The copy, and not the network itself, is read during training: watching then cannot change modes, statistics or
    gradients. Tensors that a module keeps from its last pass (`self.h = layer(x)`) are copied without their history.

    Raises:
        ValueError: The network cannot be copied.
    """
    try:
        kept: dict[int, object] = {id(tensor): tensor.detach().clone() for tensor in _derived(network, {})}
        frozen_copy = copy.deepcopy(network, kept).eval().requires_grad_(False)
    except Exception as error:  # whatever the module holds decides the type
        raise ValueError(
            f"expected a network that can be copied, got {type(network).__name__} ({type(error).__name__}: {error}). "
            "Keep files, locks and generators out of its attributes, or define __deepcopy__ for what holds them. Of a "
            "script, pass the module that it was made from."
        ) from error
    return faster_layout(frozen_copy)


def takes_channels_last(network: nn.Module) -> bool:
    """Whether a network convolves images and works in the faster memory layout.

    `lk.networks.readable` sets `lk_channels_last` to False where it does not.
    """
    return getattr(network, "lk_channels_last", True) and any(
        isinstance(module, nn.Conv2d) for module in network.modules()
    )


def faster_layout(network: AnyModule) -> AnyModule:
    """The network itself; where it convolves images, with its weights laid out channels last.

    The same numbers, read faster.
    """
    return network.to(memory_format=torch.channels_last) if takes_channels_last(network) else network
