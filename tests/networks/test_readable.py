"""Modules of users: what is undone, what is refused, and that the check itself changes nothing."""

import threading
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lk.layers import read_layers
from lk.networks import MLP, GroupNetwork, LeNet
from lk.networks.readable import examine, first_inputs, readable, tolerance

X, IMAGES = (
    torch.randn(5, 4, generator=torch.Generator().manual_seed(1)),
    torch.rand(4, 2, 8, 8, generator=torch.Generator().manual_seed(1)),
)


class Plain(nn.Module):
    """Two linear layers; each subclass changes one thing."""

    def __init__(self):
        super().__init__()
        self.a, self.o = nn.Linear(4, 8), nn.Linear(8, 2)

    def forward(self, x):
        return self.o(self.a(x).relu())


def like(network, plain, x=X, layer="a", tolerance=0.0):
    """The readable copy gives the logits and activations of a plain module with the same weights."""
    with torch.no_grad():
        plain.load_state_dict(network.state_dict())
        frozen_copy = readable(network, [layer], x)
        with read_layers(frozen_copy, [layer]) as activations:
            logits = frozen_copy(x)
        assert (logits - plain(x)).abs().max() <= tolerance
        assert (activations[layer] - plain.get_submodule(layer)(x)).abs().max() <= tolerance


# ---- undone
class InDict(Plain):
    def forward(self, x):
        return {"loss": None, "logits": super().forward(x)}


class InObject(Plain):
    def forward(self, x):
        from types import SimpleNamespace

        return SimpleNamespace(logits=super().forward(x))


class InTuple(Plain):
    def forward(self, x):
        return super().forward(x), "cache"


class Keeps(Plain):
    """Holds tensors with a history, at three depths."""

    def forward(self, x):
        self.h = self.a(x)
        self.seen = {"all": [self.h, (self.h.sum(),)]}
        return self.o(self.h.relu())


class OverwritesItsInput(Plain):
    def forward(self, x):
        x -= 0.0 if self.training else 1.0
        return super().forward(x + 1)


@pytest.mark.parametrize("network", [InDict, InObject, InTuple, Keeps], ids=lambda kind: kind.__name__)
def test_logits_are_taken_out_and_kept_tensors_do_not_prevent_a_copy(network):
    network = network()
    network(X)
    like(network, Plain())


def test_a_network_that_overwrites_its_inputs_gets_a_copy():
    network, x = OverwritesItsInput(), X.clone()
    like(network, Plain(), x, tolerance=1e-5)
    assert torch.equal(x, X)
    assert examine(network, ["a"], x)[1].copies
    assert not examine(Plain(), ["a"], x)[1].copies


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_a_module_runs_in_its_own_type(dtype):
    frozen_copy = readable(Plain().to(dtype), ["a"], X)
    assert frozen_copy(X).dtype == dtype
    assert torch.equal(frozen_copy(X), frozen_copy(X.to(dtype)))


def test_a_module_of_two_types_is_left_alone():
    class Mixed(Plain):
        def forward(self, x):
            return self.o.double()(self.a(x).relu().double())

    adapter = examine(Mixed(), ["a"], X)[1]
    assert adapter.dtype is None
    assert readable(Mixed(), ["a"], X)(X).dtype == torch.float64


class View(nn.Module):
    """Runs on its own, but not with its weights channels last."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(2, 4, 3, padding=1), nn.Linear(64, 2)

    def forward(self, x):
        x = x if x.ndim == 4 else x.unflatten(1, (2, 8, 8))
        x = F.max_pool2d(self.conv(x).relu(), 2)
        return self.head(x.view(x.size(0), -1))


class Strided(View):
    """Runs with its weights channels last, to other numbers."""

    def forward(self, x):
        x = F.max_pool2d(self.conv(x).relu(), 2)
        return self.head(x.as_strided((len(x), 64), (64, 1)))


@pytest.mark.parametrize(
    ("network", "x"), [(View, IMAGES), (View, IMAGES.flatten(1)), (Strided, IMAGES)], ids=["view", "rows", "strided"]
)
def test_channels_last_is_undone_where_it_fails_or_differs(network, x):
    network = network()
    frozen_copy, adapter = examine(network, ["conv"], x)
    assert not adapter.channels_last
    assert torch.equal(adapter.apply(frozen_copy)(x), network.eval()(x))
    # The choice travels with copies: a network that is trained is decided once.
    assert not readable(adapter.apply(network), ["conv"], x).conv.weight.is_contiguous(
        memory_format=torch.channels_last
    )


def test_channels_last_stays_where_it_works():
    network = LeNet(3, (2, 12, 12))
    frozen_copy, adapter = examine(network, network.layers, torch.rand(3, 2, 12, 12))
    assert adapter.channels_last
    assert frozen_copy.conv2[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_nothing_is_put_around_a_network_that_needs_nothing():
    frozen_copy = readable(MLP([8, 6], 3, (1, 4, 4)), ["layer1"], torch.rand(3, 1, 4, 4))
    assert not frozen_copy._forward_hooks
    assert not frozen_copy._forward_pre_hooks


def test_a_readable_copy_is_readable():
    frozen_copy = readable(InDict().double(), ["a"], X)
    assert torch.equal(readable(frozen_copy, ["a"], X)(X), frozen_copy(X))


# ---- refused
class Drops(Plain):
    def forward(self, x):
        return self.o(F.dropout(self.a(x)))


class SeesTheBatch(Plain):
    def forward(self, x):
        return self.o(self.a(x) - self.a(x).mean(0))


class NeedsTwo(Plain):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(8, track_running_stats=False)

    def forward(self, x):
        return self.o(self.norm(self.a(x)))


class Counts(Plain):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


class SequenceFirst(Plain):
    def __init__(self):
        super().__init__()
        self.a, self.o = nn.LSTM(1, 8), nn.Linear(8, 2)

    def forward(self, x):
        return self.o(self.a(x.T[..., None])[0][-1])


class Complex(Plain):
    def forward(self, x):
        return self.o(self.f(self.a(x)).abs())

    def __init__(self):
        super().__init__()
        self.f = Fourier()


class Fourier(nn.Module):
    def forward(self, x):
        return torch.fft.fft(x)


class Skips(Plain):
    def forward(self, x):
        return self.o(F.linear(x, self.a.weight, self.a.bias))


class PerToken(Plain):
    def forward(self, x):
        return super().forward(x)[:, None].expand(-1, 5, -1)


class Hidden(Plain):
    def forward(self, x):
        return {"last_hidden_state": self.a(x)}


class Locked(Plain):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class Lazy(Plain):
    def __init__(self):
        super().__init__()
        self.a = nn.LazyLinear(8)


class Breaks(Plain):
    def forward(self, x):
        return super().forward(x.reshape(-1, 3))


@pytest.mark.parametrize(
    ("network", "layer", "message"),
    [
        (Drops, "a", r"Drops to give the same in two passes.*at its output.*F.dropout\(x, training=self.training\)"),
        (SeesTheBatch, "a", r"the same alone and in a batch, got a difference .* at its output .*depend on batch_size"),
        (NeedsTwo, "norm", r"runs on any number of inputs, got an error on 1 where 3 run .*track_running_stats=True"),
        (Counts, "a", r"leaves as it is, got another 'calls'.*`if self.training`"),
        (
            SequenceFirst,
            "a",
            r"batch on axis 0, got a tensor of shape \(4, 3, 8\) from layer 'a' for 3 inputs. Set batch_first=True",
        ),
        (Complex, "f", r"real activations, got torch.complex64 from layer 'f'"),
        (Skips, "a", "expected a layer that the forward pass runs, got 'a' where it ran none"),
        (PerToken, "a", r"expected logits of shape \(batch, classes\), got \(5, 2\) outputs per sample"),
        (Hidden, "a", r"expected logits, got dict with last_hidden_state from the network. Return a tensor"),
        (Locked, "a", r"network that can be copied, got Locked \(TypeError: cannot pickle .*Keep files, locks"),
        (
            Lazy,
            "a",
            r"expected weights, got the uninitialised 'a.weight' of a lazy module. Run the network on one batch first",
        ),
        (
            Breaks,
            "a",
            r"runs on inputs \(4,\) of torch.float32 in evaluation mode, got RuntimeError: .*three inputs of the data",
        ),
        (Plain, "b", "expected a layer of the network, got layer='b'"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_what_cannot_be_undone_is_refused_with_the_remedy(network, layer, message):
    with pytest.raises(ValueError, match=message):
        readable(network(), [layer], X)


def test_batch_norm_over_images_without_running_statistics():
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4, track_running_stats=False), nn.Flatten(), nn.Linear(256, 2)
    )
    with pytest.raises(
        ValueError,
        match=r"alone and in a batch, got a difference of .* at layer '1' \(tolerance: 0.0001 of the largest",
    ):
        readable(network, ["0", "1"], IMAGES)


def test_a_hook_that_holds_its_network():
    """A closure is not copied: reading the copy would change the network that is trained."""
    network = Plain()
    network.register_buffer("calls", torch.zeros(()))
    network.a.register_forward_hook(lambda *_: (network.calls.add_(1), None)[1])
    with pytest.raises(ValueError, match="got another 'calls' after a pass"):
        readable(network, ["a"], X)


def test_scripts_are_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls them deprecated
        script = torch.jit.script(nn.Linear(4, 2))
    with pytest.raises(
        ValueError,
        match=r"expected a network that can be copied, got .*ScriptModule.*pass the module that it was made from",
    ):
        readable(script, [], X)


def test_another_number_of_classes():
    with pytest.raises(
        ValueError,
        match=r"expected logits of shape \(batch, 10\), as digits.*got \(2,\) outputs per sample",
    ):
        examine(Plain(), ["a"], X, 10, "digits")
    assert readable(Plain(), ["a"], X, 2)


# ---- the check itself
def test_one_input_is_enough():
    assert readable(Plain(), ["a"], X[:1])
    assert readable(View(), ["conv"], IMAGES[:1])


def test_the_network_its_modes_and_the_random_stream_are_left_as_they_are():
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 2))
    network[1].eval()
    before, drawn = {name: value.clone() for name, value in network.state_dict().items()}, torch.get_rng_state()
    readable(network, ["1"], X)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [part.training for part in network] == [True, False, True, True]
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())


def test_inside_inference_mode():
    with torch.inference_mode():
        assert readable(View(), ["conv"], IMAGES)(IMAGES).shape == (4, 2)


def test_networks_that_are_trained_at_once():
    network = GroupNetwork(6, (2, 6), width=5, embedding=4, seeds=3)
    assert examine(network, (), torch.rand(4, 2, 6), 6)[1].channels_last


def test_the_tolerance_follows_the_precision_of_products():
    default = torch.get_float32_matmul_precision()
    try:
        found = {}
        for precision in ("highest", "high", "medium"):
            torch.set_float32_matmul_precision(precision)
            found[precision] = tolerance(torch.zeros(1))
    finally:
        torch.set_float32_matmul_precision(default)
    assert found == {"highest": 1e-4, "high": 2**-7, "medium": 2**-4}
    assert tolerance(torch.zeros(1, device="meta")) == 2**-7
    assert tolerance(torch.zeros(1, dtype=torch.long)) == 0


def test_first_inputs_of_a_split():
    assert first_inputs([(torch.ones(2), 0)] * 2).shape == (2, 2)
    assert first_inputs([(torch.ones(2), 0)] * 9).shape == (3, 2)
