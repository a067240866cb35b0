"""One check of a module before any work.

What reading assumes is proven on small batches, undone where it can be, or refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lk.layers import device_of, find_layers, frozen, logits_of, read_layers, takes_channels_last, version

ROWS = 3  # of the larger batch; the smaller ones hold the first and the others
AnyModule = TypeVar("AnyModule", bound=nn.Module)
Found = dict[str, Tensor]
OUTPUT = "output"


@dataclass(frozen=True)
class Adapter:
    """What a module needs around it to be read and trained: nothing, for most.

    Attributes:
        dtype: Type that its floating inputs are converted to; `None` leaves them.
        copies: Whether it overwrites its inputs and is given a copy: one copy of the input per pass.
        unpacks: Whether its logits are taken out of a mapping, an object or a tuple.
        channels_last: Whether its convolutions work in the faster memory layout.
    """

    dtype: torch.dtype | None = None
    copies: bool = False
    unpacks: bool = False
    channels_last: bool = True

    def given(self, x: Tensor) -> Tensor:
        """The input that the module is run on."""
        x = x.to(self.dtype) if self.dtype is not None and x.is_floating_point() else x
        return x.clone() if self.copies else x

    def before(self, _: nn.Module, inputs: tuple[object, ...]) -> tuple[object, ...]:
        """Forward pre-hook of the module."""
        return tuple(self.given(x) if isinstance(x, Tensor) else x for x in inputs)

    def after(self, _: nn.Module, __: tuple[object, ...], output: object) -> Tensor:
        """Forward hook of the module."""
        return logits_of(output)

    def lay_out(self, network: AnyModule) -> AnyModule:
        """The module with its weights in the memory layout that it works in."""
        return network.to(memory_format=torch.channels_last if self.channels_last else torch.contiguous_format)

    def apply(self, network: AnyModule) -> AnyModule:
        """The module itself, which from now on does what the adapter says; copies of it do too."""
        if takes_channels_last(network) and not self.channels_last:
            network.lk_channels_last = False  # type: ignore[assignment]
            self.lay_out(network)
        if self.dtype is not None or self.copies:
            network.register_forward_pre_hook(self.before)
        if self.unpacks:
            network.register_forward_hook(self.after)
        return network


def readable(network: nn.Module, layers: Sequence[str], x: Tensor, classes: int | None = None) -> nn.Module:
    """A frozen copy of a network for which reading is proven to give what each layer gave.

    The network itself is not changed.

    Args:
        network: Any module from inputs to logits.
        layers: Names of the layers to read.
        x: Inputs as they will be read, `(rows, *input)`; the first three are used.
        classes: Number of logits that is expected, where it is known.

    Raises:
        ValueError: An assumption fails that cannot be undone; see `examine`.

    Example:
        >>> class Own(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.a = nn.Linear(4, 2).double()
        ...     def forward(self, x):
        ...         return {"logits": self.a(x)}
        >>> readable(Own(), ["a"], torch.rand(3, 4))(torch.rand(5, 4)).dtype
        torch.float64
    """
    frozen_copy, adapter = examine(network, layers, x, classes)
    return adapter.apply(frozen_copy)


@torch.inference_mode(False)
@torch.no_grad()
def examine(
    network: nn.Module, layers: Sequence[str], x: Tensor, classes: int | None = None, source: str = "the data"
) -> tuple[nn.Module, Adapter]:
    """Prove on three inputs, together and apart, what reading assumes of a module.

    | assumption | where it fails |
    |---|---|
    | weights exist | refused |
    | it can be copied | its tensors with a history are copied without it; refused otherwise |
    | it runs on inputs of the data's type | inputs are converted to the type of its weights |
    | it runs with weights channels last, to the same numbers | its weights are laid out contiguously |
    | it leaves its inputs as they are | it is given a copy |
    | it returns logits `(batch, classes)` | they are taken out of a mapping, an object or a tuple; refused otherwise |
    | layers are run and give tensors, the batch first | refused |
    | nothing overwrites an activation | `read_layers` copies it |
    | two passes give the same | refused |
    | a sample gives the same alone and in a batch | refused: effects would depend on `batch_size` |
    | reading leaves weights and buffers as they are | refused |

    "The same" is up to `tolerance` times the largest absolute number of that layer.

    Args:
        network: Any module; a copy is run.
        layers: Names of the layers to read.
        x: Inputs `(rows, *input)`.
        classes: Number of logits that is expected, where it is known.
        source: What expects it, for the message.

    Returns:
        The copy that was run, in evaluation mode and frozen, and what it needs around it.
    """
    check_weights(network)
    versions = {name: version(tensor) for name, tensor in state(network).items()}
    frozen_copy = frozen(network)
    find_layers(frozen_copy, layers)
    batch = some(x[:ROWS].detach().to(device_of(frozen_copy)))
    adapter = fitting(frozen_copy, layers, batch)
    together, again = (run(frozen_copy, layers, batch, adapter) for _ in range(2))
    check_shapes(network, together)
    check_classes(network, together[OUTPUT], classes, source)
    compare(network, together, again, "in two passes over the same inputs", REPEAT)
    apart = []
    for rows in (batch[:1], batch[1:]):
        try:
            apart.append(run(frozen_copy, layers, rows, adapter))
        except Exception as error:  # whatever the module raises
            raise ValueError(
                f"expected a network that runs on any number of inputs, got an error on {len(rows)} where {ROWS} run "
                f"({type(error).__name__}: {error}). {ALONE}"
            ) from error
        check_shapes(network, apart[-1], len(rows))
    joined = {name: torch.cat([part[name] for part in apart], batch_axis(network, name)) for name in together}
    compare(network, together, joined, "alone and in a batch", ALONE)
    copied = state(frozen_copy)
    for name, own in state(network).items():
        # The copy was equal, and may share storage with its original.
        if version(own) != versions[name] or not torch.equal(own.nan_to_num(), copied[name].nan_to_num()):
            raise ValueError(
                f"expected a network that reading leaves as it is, got another {name!r} after a pass in evaluation "
                "mode. Change weights and buffers only `if self.training`, and let no hook keep the network that it "
                "was registered on."
            )
    return frozen_copy, adapter


REPEAT = "Draw random numbers only `if self.training`: F.dropout(x, training=self.training)."
ALONE = (
    "Effects would depend on batch_size. Let no sample of a batch see another: BatchNorm with "
    "track_running_stats=True, statistics and softmax over other axes than the first, views such as x.view(x.size(0), "
    "-1)."
)


def tolerance(tensor: Tensor) -> float:
    """Relative difference up to which two activations count as the same: rounding differs between sizes of a batch.

    It is eight times the rounding of a number, and at least 1e-4. Accelerators multiply float32 with the ten bits of
    TF32, and so do others where `torch.set_float32_matmul_precision` asks for it.

    Example:
        >>> tolerance(torch.zeros(1)), tolerance(torch.zeros(1, dtype=torch.bfloat16))
        (0.0001, 0.0625)
    """
    if not tensor.is_floating_point():
        return 0.0
    eps = torch.finfo(tensor.dtype).eps
    if tensor.dtype == torch.float32:
        eps = max(eps, {"highest": 0.0, "high": 2**-10, "medium": 2**-7}[torch.get_float32_matmul_precision()])
        eps = eps if tensor.device.type == "cpu" else max(eps, 2**-10)
    return max(1e-4, 8 * eps)


def first_inputs(split: Any) -> Tensor:
    """The first three inputs of a split of a data set, or all where there are fewer, `(rows, *input)`."""
    return torch.stack([split[place][0] for place in range(min(ROWS, len(split)))])


def some(x: Tensor) -> Tensor:
    """Three inputs; fewer are completed by shifting them along their last axis."""
    rows = [x[:ROWS], *(x[:1].roll(shift, -1) for shift in range(1, ROWS + 1))]
    return torch.cat(rows)[:ROWS].clone()


def batch_axis(network: nn.Module, name: str) -> int:
    """Logits of several networks that are trained at once have their seeds first."""
    return int(name == OUTPUT and getattr(network, "seeds", 1) > 1)


def state(network: nn.Module) -> Found:
    """All weights and buffers, those included that checkpoints leave out."""
    return dict([*network.named_parameters(), *network.named_buffers()])


def check_weights(network: nn.Module) -> None:
    """Refuse lazy modules that have not seen an input: their weights are not drawn yet."""
    lazy = [name for name, weight in [*network.named_parameters(), *network.named_buffers()] if is_lazy(weight)]
    if lazy:
        raise ValueError(
            f"expected weights, got the uninitialised {lazy[0]!r} of a lazy module. Run the network on one batch first."
        )


def run(network: nn.Module, layers: Sequence[str], x: Tensor, adapter: Adapter) -> Found:
    """Activations of all layers and the logits, from one pass."""
    with read_layers(network, layers) as activations:
        output = network(shown(network, x, adapter))
    # The layer that was not run is named by its look-up.
    return {**{name: activations[name] for name in layers}, OUTPUT: logits_of(output)}


def shown(network: nn.Module, x: Tensor, adapter: Adapter) -> Tensor:
    """An input as the games show it: images channels last where the weights are."""
    x = adapter.given(x)
    return (
        x.contiguous(memory_format=torch.channels_last)
        if x.ndim == 4 and takes_channels_last(network) and adapter.channels_last
        else x
    )


def fitting(network: nn.Module, layers: Sequence[str], batch: Tensor) -> Adapter:
    """The adapter with which a module runs: as little as will do.

    Raises:
        ValueError: It does not run at all.
    """
    dtypes: list[torch.dtype | None] = [None]
    weights = [weight.dtype for weight in [*network.parameters(), *network.buffers()] if weight.is_floating_point()]
    if batch.is_floating_point():
        dtypes += [dtype for dtype in dict.fromkeys(weights) if dtype != batch.dtype]
    images = takes_channels_last(network)  # of any input: it may be reshaped inside
    failure: Exception | None = None
    for dtype in dtypes:
        works: dict[bool, Found] = {}
        for channels_last in (False, True) if images else (True,):
            adapter = Adapter(dtype, channels_last=channels_last)
            try:
                works[channels_last] = run(adapter.lay_out(network) if images else network, layers, batch, adapter)
            except Exception as error:  # whatever the module raises
                failure = failure or error
        if works:
            same = len(works) == 1 or difference(works[False], works[True]) is None
            chosen = Adapter(dtype, channels_last=True in works and same)
            if images:
                chosen.lay_out(network)
            return completed(network, batch, chosen)
    assert failure is not None
    if isinstance(failure, ValueError):  # says itself what was expected
        raise failure
    raise ValueError(
        f"expected a network that runs on inputs {tuple(batch.shape[1:])} of {batch.dtype} in evaluation mode, got "
        f"{type(failure).__name__}: {str(failure).strip().splitlines()[0] if str(failure).strip() else 'no message'}. "
        "Try it on three inputs of the data."
    ) from failure


def completed(network: nn.Module, batch: Tensor, adapter: Adapter) -> Adapter:
    """The adapter, with what one pass shows of input and output."""
    given = shown(network, batch, adapter).clone()
    kept = given.clone()
    output = network(given)
    return replace(
        adapter, copies=not torch.equal(given.nan_to_num(), kept.nan_to_num()), unpacks=not isinstance(output, Tensor)
    )


def check_shapes(network: nn.Module, found: Found, rows: int = ROWS) -> None:
    """Refuse layers and logits that do not have the batch where it is expected."""
    for name, tensor in found.items():
        axis = batch_axis(network, name)
        if tensor.ndim <= axis or tensor.shape[axis] != rows:
            place = "the output" if name == OUTPUT else f"layer {name!r}"
            raise ValueError(
                f"expected the batch on axis {axis}, got a tensor of shape {tuple(tensor.shape)} from {place} for "
                f"{rows} inputs. Set batch_first=True, or name a layer in front of or behind the one that moves the "
                "axis."
            )
        if tensor.is_complex():
            raise ValueError(
                f"expected real activations, got {tensor.dtype} from layer {name!r}. Name a layer that gives real "
                "numbers."
            )


def check_classes(network: nn.Module, logits: Tensor, classes: int | None, source: str) -> None:
    """Refuse an output that is not one logit per class and sample."""
    seeds = f"{getattr(network, 'seeds', 1)}, " if batch_axis(network, OUTPUT) else ""
    if logits.ndim != 2 + batch_axis(network, OUTPUT) or classes not in (None, logits.shape[-1]):
        raise ValueError(
            f"expected logits of shape ({seeds}batch, "
            f"{classes or 'classes'}){f', as {source} has {classes} classes' if classes else ''}, got "
            f"{tuple(logits.shape[1:])} outputs per sample. Set num_classes of the wrapped module, or return one logit "
            "per class and sample."
        )


def difference(one: Found, other: Found) -> tuple[str, float] | None:
    """The first layer at which two readings differ beyond the tolerance, and by how much."""
    for name, a in one.items():
        b = other[name]
        gap = float((a.double() - b.double()).nan_to_num().abs().max()) if a.numel() else 0.0
        if gap > tolerance(a) * max(float(a.double().nan_to_num().abs().max()), 1e-30):
            return name, gap
    return None


def compare(network: nn.Module, one: Found, other: Found, how: str, remedy: str) -> None:
    """Refuse a network that reads otherwise."""
    found = difference(one, other)
    if found is None:
        return
    name, gap = found
    place = "its output" if name == OUTPUT else f"layer {name!r}"
    raise ValueError(
        f"expected {type(network).__name__} to give the same {how}, got a difference of {gap:.2g} at {place} "
        f"(tolerance: {tolerance(one[name]):g} of the largest number there). {remedy}"
    )
