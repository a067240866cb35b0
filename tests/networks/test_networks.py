"""What every network owes: its layers exist, are read in one pass in forward order, and reading them changes nothing."""

import copy
import warnings

import pytest
import torch
from torch import nn

import lk.networks
from lk.layers import frozen, read_layers
from lk.networks import MLP, VGG11, LeNet, Network, ResNet20, ResNet32, Torchvision, Transformer, Wrapped
from lk.networks.resnet import ResNet

KINDS = [name for name in lk.networks.__all__ if name not in ("Network", "Tables")]


def make(name, num_classes=3):
    """A small one; a newcomer is built with its default input shape."""
    if name == "Torchvision":
        return Torchvision("resnet18", num_classes=num_classes, input_shape=(3, 32, 32))
    if name == "Wrapped":
        module = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, num_classes))
        return Wrapped(module, ["1", "3"], num_classes, (1, 4, 4))
    if name == "MLP":
        return MLP([8, 6], num_classes, (1, 4, 4))
    if name == "GroupNetwork":  # rows of weights over the elements, so that any float is an input
        return lk.networks.GroupNetwork(num_classes, (2, num_classes), width=5, embedding=4)
    if name == "Transformer":
        sizes = {"vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
        return Transformer("bert", sizes, num_classes=num_classes, input_shape=(5,))
    return getattr(lk.networks, name)(num_classes=num_classes)


def inputs(network, count):
    if isinstance(network, Transformer):  # token numbers
        return torch.randint(1, 9, (count, *network.input_shape))
    return torch.rand(count, *network.input_shape)


@pytest.fixture(params=KINDS)
def network(request):
    return make(request.param)


def test_layers_are_read_in_one_pass_in_forward_order(network):
    x = inputs(network, 2)
    network.eval()
    expected = network(x)
    assert network.layers
    with read_layers(network, network.layers) as activations:
        output = network(x)
    assert tuple(activations) == tuple(network.layers)
    assert torch.equal(output, expected)
    assert output.shape == (2, 3)
    for name in network.layers:
        with read_layers(network, [name]) as alone:
            network(x)
        assert torch.equal(alone[name], activations[name])
        assert activations[name].shape[0] == 2
        assert activations[name].flatten(1).shape[1] > 1


def test_the_output_is_not_among_the_layers(network):
    assert "output" not in network.layers
    assert len(set(network.layers)) == len(network.layers)


def test_reading_a_copy_does_not_change_training(network):
    """Weights, batch-norm statistics, modes and the random stream are equal bit for bit after watched and unwatched steps."""
    x, y = inputs(network, 4), torch.tensor([0, 1, 2, 0])

    def train(watched, network):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        torch.manual_seed(0)
        for _ in range(2):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network.train()(x), y).backward()
            optimizer.step()
            if watched:
                twin = frozen(network)
                with torch.inference_mode(), read_layers(twin, network.layers):
                    twin(x)
                assert network.training
                assert not twin.training
        return network.state_dict(), torch.rand(1)

    twin = copy.deepcopy(network)
    (first, drawn), (second, drawn_again) = train(False, network), train(True, twin)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(drawn, drawn_again)


def test_frozen_copy_gives_the_same_logits(network):
    x = inputs(network, 2)
    assert torch.allclose(frozen(network)(x), network.eval()(x), atol=1e-5)
    assert all(not parameter.requires_grad for parameter in frozen(network).parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_arguments_are_kept(network):
    assert isinstance(network, Network)
    assert network.num_classes == 3
    assert isinstance(network.input_shape, tuple)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("Wrapped", "Torchvision")])
def test_one_class_is_no_classifier(name):
    with pytest.raises(ValueError, match="num_classes=1; a classifier needs at least 2"):
        getattr(lk.networks, name)(num_classes=1)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_mlp_7_is_seven_layers_of_1024():
    network = MLP()
    assert network.layers == tuple(f"layer{i}" for i in range(1, 8))
    with read_layers(network, network.layers) as activations:
        assert network(torch.zeros(1, 1, 28, 28)).shape == (1, 10)
    assert [activation.shape for activation in activations.values()] == [(1, 1024)] * 7
    assert all((activation >= 0).all() for activation in activations.values())  # read after the ReLU


@pytest.mark.parametrize(("kind", "blocks", "millions"), [(ResNet20, 9, 0.27), (ResNet32, 15, 0.47)])
def test_residual_networks_have_the_published_size(kind, blocks, millions):
    network = kind()
    assert network.layers == ("stem", *(f"block{i}" for i in range(1, blocks + 1)))
    assert round(parameters(network) / 1e6, 2) == millions
    with read_layers(network, network.layers) as activations:
        network.eval()(torch.zeros(1, 3, 32, 32))
    sizes = [tuple(activation.shape[1:]) for activation in activations.values()]
    third = blocks // 3
    assert sizes == [(16, 32, 32)] * (third + 1) + [(32, 16, 16)] * third + [(64, 8, 8)] * third


def test_resnet_depth_is_a_setting():
    assert len(ResNet(1, 2, (1, 8, 8)).layers) == 4


@pytest.mark.parametrize(("side", "last"), [(32, 2), (28, 2), (24, 2), (64, 4)])
def test_vgg_11_fits_small_images(side, last):
    network = VGG11(5, (1, side, side)).eval()
    with read_layers(network, network.layers) as activations:
        assert network(torch.zeros(2, 1, side, side)).shape == (2, 5)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    linears = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert len(convolutions) + len(linears) == 11
    assert activations["conv1_1"].shape == (2, 64, side, side)
    assert activations["conv5_2"].shape == (2, 512, last, last)
    assert activations["fc2"].shape == (2, 512)


@pytest.mark.parametrize("side", [12, 28, 32, 45])
def test_lenet_fits_small_images(side):
    assert LeNet(4, (3, side, side))(torch.zeros(2, 3, side, side)).shape == (2, 4)


@pytest.mark.parametrize(
    ("kind", "shape", "least"), [(LeNet, (1, 8, 8), 12), (VGG11, (3, 32, 16), 24), (ResNet20, (3, 4, 4), 8), (LeNet, (30,), 12)]
)
def test_inputs_that_are_no_image_or_too_small(kind, shape, least):
    with pytest.raises(ValueError, match=rf"{kind.__name__} was given input_shape=\({shape[0]},.*of at least {least} pixels a side"):
        kind(10, shape)


@pytest.mark.parametrize("widths", [[], [4, 0]])
def test_mlp_without_widths(widths):
    with pytest.raises(ValueError, match=r"Given widths=.*expected at least one positive width"):
        MLP(widths)


def test_wrapped_names_the_nearest_layer():
    with pytest.raises(ValueError, match=r"no layer 'featurs'. Did you mean 'features'\? Known: features, head"):
        Wrapped(nn.ModuleDict({"features": nn.Linear(1, 1), "head": nn.Linear(1, 1)}), ["featurs"])


def test_wrapped_trains_the_users_own_module():
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    network = Wrapped(module, ["1"], 2, (4,))
    assert [parameter.data_ptr() for parameter in network.parameters()] == [parameter.data_ptr() for parameter in module.parameters()]


def test_torchvision_names_the_nearest_classifier():
    with pytest.raises(ValueError, match=r"torchvision has no classifier 'resnet19'. Did you mean 'resnet1"):
        Torchvision("resnet19")
    with pytest.raises(ValueError, match=r"no layer 'layer9'. Did you mean 'layer"):
        Torchvision("resnet18", layers=["layer9"])


def test_torchvision_detectors_are_no_classifiers():
    with pytest.raises(ValueError, match="torchvision has no classifier 'fcn_resnet50'"):
        Torchvision("fcn_resnet50")


@pytest.mark.parametrize(
    ("name", "side", "first", "last"),
    [
        ("alexnet", 63, "model.features.0", "model.features.12"),
        ("mobilenet_v3_small", 32, "model.features.0", "model.features.12"),
        ("regnet_y_400mf", 32, "model.stem", "model.trunk_output"),
        ("googlenet", 64, "model.conv1", "model.inception5b"),
    ],
)
def test_torchvision_default_layers_are_run(name, side, first, last):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The default weight initialization of GoogleNet")  # torchvision speaks to its own future
        network = Torchvision(name, num_classes=3, input_shape=(3, side, side)).eval()
    with torch.inference_mode(), read_layers(network, network.layers) as activations:
        assert network(torch.rand(2, 3, side, side)).shape == (2, 3)
    assert (network.layers[0], network.layers[-1]) == (first, last)
    assert tuple(activations) == network.layers


def test_torchvision_convolutions_are_read_before_the_relu_in_place():
    network = Torchvision("alexnet", num_classes=2, input_shape=(3, 63, 63)).eval()
    x = torch.rand(2, 3, 63, 63)
    with torch.inference_mode(), read_layers(network, ["model.features.0"]) as activations:
        network(x)
        assert torch.equal(activations["model.features.0"], network.model.features[0](x))


def test_forward_must_be_defined():
    with pytest.raises(NotImplementedError, match=r"Network must define forward\(\)"):
        Network()(torch.zeros(1))


def test_what_gradients_are_taken_of_gives_the_same_logits(network):
    x = inputs(network, 3)
    network.eval()
    assert torch.equal(network.from_embedded(network.embed(x), x), network(x))
