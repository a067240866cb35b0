import pytest
import torch
from torch import nn

from lk.layers import NonFiniteError, check_finite, device_of, find_layer, frozen, logits_of, read_layers


class Branches(nn.Module):
    """Two branches, one of which may be skipped; a block that returns a tuple, as transformers do.

    One without tensors.
    """

    def __init__(self):
        super().__init__()
        self.left, self.right, self.unused = nn.Linear(3, 4), nn.Linear(3, 5), nn.Linear(3, 3)
        self.pair, self.words = Pair(), Words()

    def forward(self, x):
        self.words(x)
        left = self.left(x)
        return torch.cat([self.right(x), self.pair(left)[0][0]], 1)


class Pair(nn.Module):
    def forward(self, x):
        return ([x * 2, None], "attention")


class Words(nn.Module):
    def forward(self, x):
        return {"x": x}


def test_reads_layers_in_the_order_of_the_forward_pass_and_changes_nothing():
    network, x = Branches(), torch.randn(2, 3)
    expected = network(x)
    with read_layers(network, ["right", "pair", "left"]) as activations:
        output = network(x)
    assert list(activations) == ["left", "right", "pair"]
    assert torch.equal(output, expected)
    assert torch.equal(activations["left"], network.left(x))
    assert torch.equal(activations["pair"], 2 * network.left(x))
    assert all(not module._forward_hooks for module in network.modules())


def test_hooks_are_removed_after_an_error():
    network = Branches()
    with pytest.raises(RuntimeError), read_layers(network, ["left"]):
        network(torch.zeros(2, 7))
    assert all(not module._forward_hooks for module in network.modules())


def test_keeps_the_latest_forward_pass():
    network = Branches()
    with read_layers(network, ["left"]) as activations:
        network(torch.zeros(2, 3))
        network(torch.ones(1, 3))
    assert torch.equal(activations["left"], network.left(torch.ones(1, 3)))


@pytest.mark.parametrize("inference", [True, False])
def test_a_later_module_that_works_in_place_does_not_change_what_was_read(inference):
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2))
    x = torch.randn(8, 3)
    expected = network[0](x)
    assert (expected < 0).any()
    with torch.inference_mode(inference), read_layers(network, ["0"]) as activations:
        network(x)
    assert torch.equal(activations["0"], expected)


def test_unknown_layer_names_the_nearest():
    with pytest.raises(
        ValueError,
        match=r"layer of the network, got layer='lefft'. Did you mean 'left'\? Known: left, right, unused, pair, words",
    ):
        find_layer(Branches(), "lefft")
    with pytest.raises(ValueError, match="got layer=''"):
        find_layer(Branches(), "")
    with pytest.raises(ValueError, match="got layer='lefft'"), read_layers(Branches(), ["lefft"]):
        pass


def test_layer_that_is_not_run_says_so():
    network = Branches()
    with read_layers(network, ["left", "unused"]) as activations:
        network(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="expected a layer that the forward pass runs, got 'unused' where it ran left"):
        activations["unused"]


def test_layer_without_a_tensor_says_what_it_returned():
    network = Branches()
    with (
        pytest.raises(ValueError, match="expected a tensor from layer 'words', got dict"),
        read_layers(network, ["words"]),
    ):
        network(torch.zeros(1, 3))


def test_device_of():
    class Buffered(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("b", torch.zeros(1, device="meta"))

    assert device_of(nn.Linear(1, 1)).type == "cpu"
    assert device_of(Buffered()).type == "meta"
    assert device_of(nn.ReLU()).type == "cpu"


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_check_finite_names_layer_and_sample(bad):
    activations = {"first": torch.zeros(4, 2, 2), "second": torch.zeros(4, 3), "third": torch.full((4, 3), torch.nan)}
    activations["second"][2, 1] = bad
    with pytest.raises(
        NonFiniteError, match=r"expected finite activations, got NaN or infinity of layer 'second' on sample 17 \(1"
    ):
        check_finite(activations, torch.tensor([4, 9, 17, 20]))


def test_check_finite_accepts_large_numbers_whose_sum_overflows():
    check_finite({"first": torch.full((4, 4), torch.finfo(torch.float32).max)}, torch.arange(4))


class InPlace(nn.Module):
    """Overwrites what `a` gave by a function; no attribute says so."""

    def __init__(self, function):
        super().__init__()
        self.a, self.b, self.function = nn.Linear(3, 4), nn.Linear(4, 2), function

    def forward(self, x):
        return self.b(self.function(self.a(x)))


def through(view):
    def function(h):
        view(h).mul_(0)
        return h

    return function


@pytest.mark.parametrize("inference", [True, False])
@pytest.mark.parametrize(
    "function",
    [
        lambda h: nn.functional.relu(h, inplace=True),
        lambda h: h.add_(1),
        *map(through, (torch.flatten, torch.detach, lambda h: h[1:], lambda h: h.data)),
    ],
    ids=["relu", "add", "view", "detach", "rows", "data"],
)
def test_functions_that_work_in_place_do_not_change_what_was_read(function, inference):
    network, x = InPlace(function).requires_grad_(False), torch.randn(8, 3)
    for _ in range(3):  # the first pass learns, later ones know
        with torch.inference_mode(inference), read_layers(network, ["a", "b"]) as activations:
            output = network(x)
        assert torch.equal(activations["a"], network.a(x))
        assert torch.equal(activations["b"], output)


def test_only_what_is_overwritten_is_copied():
    network, given = InPlace(torch.relu_).requires_grad_(False), {}
    for name in ("a", "b"):
        network.get_submodule(name).register_forward_hook(
            lambda _m, _i, output, name=name: given.update({name: output})
        )
    with read_layers(network, ["a", "b"]):
        network(torch.randn(8, 3))
    with torch.inference_mode(), read_layers(network, ["a", "b"]) as activations:
        network(torch.randn(8, 3))
    assert activations["a"].data_ptr() != given["a"].data_ptr()
    assert activations["b"].data_ptr() == given["b"].data_ptr()


def test_a_layer_that_is_overwritten_later_on_says_so():
    network, x = InPlace(lambda h: h.relu_() if len(h) > 2 else h.relu()).requires_grad_(False), torch.randn(8, 3)
    with read_layers(network, ["a"]):
        network(x[:2])
    with (
        pytest.raises(
            ValueError,
            match="expected layer 'a' to keep its output, got one that is overwritten in place in this forward",
        ),
        read_layers(network, ["a"]),
    ):
        network(x)
    with read_layers(network, ["a"]) as activations:
        network(x)
    assert torch.equal(activations["a"], network.a(x))


def test_gradients_pass_through_what_was_read():
    network, x = InPlace(torch.relu_), torch.randn(8, 3, requires_grad=True)
    with read_layers(network, ["a"]) as activations:
        network(x)
    (gradient,) = torch.autograd.grad(activations["a"].sum(), x)
    assert torch.allclose(gradient, network.a.weight.sum(0).expand(8, 3))


def test_one_string_is_no_list_of_layers():
    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    with (
        pytest.raises(ValueError, match=r"expected a list of layer names, got layers='12'. Write \['12'\]"),
        read_layers(network, "12"),
    ):
        pass


def test_frozen_copies_what_has_a_history():
    network = InPlace(torch.relu)
    network.h = network.a(torch.randn(2, 3))
    network.register_buffer("mean", network.h.mean(0))
    frozen_copy = frozen(network)
    assert torch.equal(frozen_copy.h, network.h)
    assert not frozen_copy.h.requires_grad
    assert not frozen_copy.mean.requires_grad
    assert network.h.grad_fn is not None


@pytest.mark.parametrize(
    "output", [torch.zeros(2, 3), {"logits": torch.zeros(2, 3)}, (torch.zeros(2, 3), None), [torch.zeros(2, 3)]]
)
def test_logits_of_what_classifiers_return(output):
    assert logits_of(output).shape == (2, 3)


@pytest.mark.parametrize("output", [None, (), {"hidden": torch.zeros(2)}, "logits", [None]])
def test_no_logits(output):
    with pytest.raises(ValueError, match="expected logits, got"):
        logits_of(output)
