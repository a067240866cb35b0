"""Every network: its layers exist, are read in one pass in forward order, and reading them changes nothing."""

import copy
import warnings

import pytest
import torch
from torch import nn

import lk.networks
from lk.layers import frozen, read_layers
from lk.networks import (
    MLP,
    VGG11,
    VGG16,
    AlexNet,
    LeNet,
    Network,
    ResNet20,
    ResNet32,
    Torchvision,
    Transformer,
    ViT,
    Wrapped,
)
from lk.networks.resnet import ResNet

KINDS = [name for name in lk.networks.__all__ if name not in ("Network", "Tables")]


def make(name, num_classes=3):
    """A small one; a newcomer is built with its default input shape."""
    if name == "Torchvision":
        return Torchvision("resnet18", num_classes=num_classes, input_shape=(3, 32, 32))
    if name == "Wrapped":
        module = nn.Sequential(
            nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, num_classes)
        )
        return Wrapped(module, ["1", "3"], num_classes, (1, 4, 4))
    if name == "MLP":
        return MLP([8, 6], num_classes, (1, 4, 4))
    if name == "GroupNetwork":  # rows of weights over the elements, so that any float is an input
        return lk.networks.GroupNetwork(num_classes, (2, num_classes), width=5, embedding=4)
    if name == "Transformer":
        sizes = {
            "vocab_size": 9,
            "hidden_size": 8,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 8,
        }
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
    """Weights, batch-norm statistics, modes, random stream: equal bit for bit after watched and unwatched steps."""
    x, y = inputs(network, 4), torch.tensor([0, 1, 2, 0])

    def train(watched, network):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        torch.manual_seed(0)
        for _ in range(2):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network.train()(x), y).backward()
            optimizer.step()
            if watched:
                frozen_copy = frozen(network)
                with torch.inference_mode(), read_layers(frozen_copy, network.layers):
                    frozen_copy(x)
                assert network.training
                assert not frozen_copy.training
        return network.state_dict(), torch.rand(1)

    copied = copy.deepcopy(network)
    (first, drawn), (second, drawn_again) = train(False, network), train(True, copied)
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
    with pytest.raises(ValueError, match="expected at least 2 classes, got num_classes=1"):
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


@pytest.mark.parametrize(("kind", "depth"), [(VGG11, 11), (VGG16, 16)])
@pytest.mark.parametrize(("side", "last"), [(32, 2), (28, 2), (24, 2), (64, 4)])
def test_vgg_fits_small_images(kind, depth, side, last):
    network = kind(5, (1, side, side)).eval()
    with read_layers(network, network.layers) as activations:
        assert network(torch.zeros(2, 1, side, side)).shape == (2, 5)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    linears = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert len(convolutions) + len(linears) == len(network.layers) + 1 == depth
    assert activations["conv1_1"].shape == (2, 64, side, side)
    assert activations["conv3_2"].shape == (2, 256, side // 4, side // 4)
    assert activations["conv5_2"].shape == (2, 512, last, last)
    assert activations["fc2"].shape == (2, 512)


def test_stored_vgg_11_fits():
    """Names and shapes of what checkpoints hold: convolutions behind a pooling have the number 1."""
    assert VGG11.layers == (
        "conv1_1",
        "conv2_1",
        "conv3_1",
        "conv3_2",
        "conv4_1",
        "conv4_2",
        "conv5_1",
        "conv5_2",
        "fc1",
        "fc2",
    )
    weights = {
        key: tuple(value.shape)
        for key, value in VGG11().state_dict().items()
        if key.endswith("weight") and value.ndim > 1
    }
    assert weights == {
        "conv1_1.0.weight": (64, 3, 3, 3),
        "conv2_1.1.weight": (128, 64, 3, 3),
        "conv3_1.1.weight": (256, 128, 3, 3),
        "conv3_2.0.weight": (256, 256, 3, 3),
        "conv4_1.1.weight": (512, 256, 3, 3),
        "conv4_2.0.weight": (512, 512, 3, 3),
        "conv5_1.1.weight": (512, 512, 3, 3),
        "conv5_2.0.weight": (512, 512, 3, 3),
        "fc1.2.weight": (512, 512),
        "fc2.0.weight": (512, 512),
        "output.weight": (10, 512),
    }


@pytest.mark.parametrize(("side", "conv5"), [(12, 3), (28, 7), (32, 8), (45, 12)])
def test_alexnet_fits_small_images(side, conv5):
    network = AlexNet(4, (1, side, side)).eval()
    with read_layers(network, network.layers) as activations:
        assert network(torch.rand(2, 1, side, side)).shape == (2, 4)
    assert activations["conv1"].shape == (2, 64, side, side)
    assert activations["conv5"].shape == (2, 256, conv5, conv5)
    assert activations["fc2"].shape == (2, 1024)
    assert all((activation >= 0).all() for activation in activations.values())  # read after the ReLU


# ---- transformers
def tiny_vit(**settings):
    return ViT(
        **{"patch": 4, "width": 12, "depth": 3, "heads": 2, "num_classes": 3, "input_shape": (1, 8, 12), **settings}
    ).eval()


def test_vit_layers_are_tokens():
    network = tiny_vit()
    assert network.layers == ("block1", "block2", "block3")
    with read_layers(network, network.layers) as activations:
        network(torch.rand(2, 1, 8, 12))
    assert [tuple(activation.shape) for activation in activations.values()] == [(2, 1 + 2 * 3, 12)] * 3


def test_vit_is_read_inside_its_blocks_and_reading_changes_no_bit():
    """A fused path would skip the submodules and round differently where nobody reads."""
    network, x = tiny_vit(), torch.rand(2, 1, 8, 12)
    inner = [
        f"block2.{name}"
        for name in ("attention", "attention.0", "attention.1", "attention.1.into", "mlp", "mlp.1", "mlp.4")
    ]
    with torch.inference_mode():
        expected = network(x)
        with read_layers(network, inner) as activations:
            assert torch.equal(network(x), expected)
    assert set(activations) == set(inner)
    assert torch.equal(network(x), expected)  # nor does a gradient that could be asked for


def test_vit_is_that_of_torch():
    """The weights of a block in torch's own layer give the same tokens."""
    block, x = tiny_vit().block1, torch.randn(2, 7, 12)
    layer = nn.TransformerEncoderLayer(12, 2, 48, 0.0, "gelu", batch_first=True, norm_first=True).eval()
    names = {
        "self_attn.in_proj_": "attention.1.into.",
        "self_attn.out_proj.": "attention.1.out.",
        "norm1.": "attention.0.",
        "norm2.": "mlp.0.",
        "linear1.": "mlp.1.",
        "linear2.": "mlp.4.",
    }
    state = block.state_dict()
    layer.load_state_dict(
        {theirs + part: state[ours + part] for theirs, ours in names.items() for part in ("weight", "bias")}
    )
    assert torch.allclose(block(x), layer(x), atol=1e-6)


def test_vit_reads_the_class_from_the_first_token_and_knows_places():
    network, x = tiny_vit(), torch.rand(1, 1, 8, 12)
    with read_layers(network, ["block3"]) as activations:
        logits = network(x)
    assert torch.equal(logits, network.output(network.norm(activations["block3"][:, 0])))
    assert not torch.allclose(network(x.flip(3)), logits)
    with torch.no_grad():
        network.position.zero_()
    swapped = torch.cat([x[..., 4:8], x[..., :4], x[..., 8:]], 3)  # without places, patches are a set
    assert torch.allclose(network(swapped), network(x), atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patch": 3}, r"expected a divisor of 8 and 12, the pixels of the.*got patch=3"),
        ({"patch": 0}, r"expected a divisor of 8 and 12, the pixels of the.*got patch=0"),
        ({"heads": 5}, "expected a width that the heads share equally, got width=12, heads=5"),
        ({"depth": 0}, r"expected depth >= 1 and 0 <= dropout < 1, got depth=0, dropout=0\.1"),
        ({"dropout": 1.0}, r"expected depth >= 1 and 0 <= dropout < 1, got depth=3, dropout=1\.0"),
        ({"input_shape": (30,)}, r"expected \(channels, height, width\) of at least 1.*got input_shape=\(30,\)"),
    ],
)
def test_vit_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        tiny_vit(**settings)


@pytest.mark.parametrize("side", [12, 28, 32, 45])
def test_lenet_fits_small_images(side):
    assert LeNet(4, (3, side, side))(torch.zeros(2, 3, side, side)).shape == (2, 4)


@pytest.mark.parametrize(
    ("kind", "shape", "least"),
    [
        (LeNet, (1, 8, 8), 12),
        (VGG11, (3, 32, 16), 24),
        (VGG16, (3, 16, 32), 24),
        (AlexNet, (3, 11, 12), 12),
        (ResNet20, (3, 4, 4), 8),
        (LeNet, (30,), 12),
    ],
)
def test_inputs_that_are_no_image_or_too_small(kind, shape, least):
    with pytest.raises(
        ValueError, match=rf"of at least {least} pixels a side for {kind.__name__}, got input_shape=\({shape[0]},"
    ):
        kind(10, shape)


@pytest.mark.parametrize("widths", [[], [4, 0]])
def test_mlp_without_widths(widths):
    with pytest.raises(ValueError, match=r"expected at least one positive width, got widths=\["):
        MLP(widths)


def test_wrapped_names_the_nearest_layer():
    with pytest.raises(
        ValueError,
        match=r"expected a layer of the network, got layer='featurs'.*Did you mean 'features'\? Known: features, head",
    ):
        Wrapped(nn.ModuleDict({"features": nn.Linear(1, 1), "head": nn.Linear(1, 1)}), ["featurs"])


def test_wrapped_trains_the_users_own_module():
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    network = Wrapped(module, ["1"], 2, (4,))
    assert [parameter.data_ptr() for parameter in network.parameters()] == [
        parameter.data_ptr() for parameter in module.parameters()
    ]


def test_torchvision_names_the_nearest_classifier():
    with pytest.raises(
        ValueError, match=r"expected a classifier of torchvision, got name='resnet19'.*Did you mean 'resnet1"
    ):
        Torchvision("resnet19")
    with pytest.raises(ValueError, match=r"got layer='layer9'. Did you mean 'layer"):
        Torchvision("resnet18", layers=["layer9"])


def test_torchvision_detectors_are_no_classifiers():
    with pytest.raises(ValueError, match="expected a classifier of torchvision, got name='fcn_resnet50'"):
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
        warnings.filterwarnings(
            "ignore", "The default weight initialization of GoogleNet"
        )  # torchvision speaks to its own future
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
