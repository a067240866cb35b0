import pytest
import torch
from torch import nn

from lk.layers import NonFiniteError, check_finite, device_of, find_layer, nearest, read_layers


class Branches(nn.Module):
    """Two branches, one of which may be skipped; a block that returns a tuple, as transformers do; one without tensors."""

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
    with pytest.raises(ValueError, match=r"no layer 'lefft'. Did you mean 'left'\? Known: left, right, unused, pair, words"):
        find_layer(Branches(), "lefft")
    with pytest.raises(ValueError, match="no layer ''"):
        find_layer(Branches(), "")
    with pytest.raises(ValueError, match="no layer 'lefft'"), read_layers(Branches(), ["lefft"]):
        pass


def test_nearest_lists_all_names_even_if_none_is_near():
    assert nearest("zzz", ["left", "right"]) == "Known: left, right."


def test_layer_that_is_not_run_says_so():
    network = Branches()
    with read_layers(network, ["left", "unused"]) as activations:
        network(torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"Layer 'unused' was not run by the forward pass. Run were: left"):
        activations["unused"]


def test_layer_without_a_tensor_says_what_it_returned():
    network = Branches()
    with pytest.raises(ValueError, match="Layer 'words' returned dict, expected a tensor"), read_layers(network, ["words"]):
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
    with pytest.raises(NonFiniteError, match=r"Layer 'second' has NaN or infinite activations on sample 17 \(1 of 4 rows"):
        check_finite(activations, torch.tensor([4, 9, 17, 20]))


def test_check_finite_accepts_large_numbers_whose_sum_overflows():
    check_finite({"first": torch.full((4, 4), torch.finfo(torch.float32).max)}, torch.arange(4))
