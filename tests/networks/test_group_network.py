"""Networks of group tables: against a loop over pairs and units, folded and not, one seed and many."""

import copy
import math

import pytest
import torch
from torch.nn.functional import one_hot

from lk.layers import read_layers
from lk.networks import GroupNetwork

SCALAR = {
    "relu": lambda t: max(t, 0.0),
    "gelu": lambda t: 0.5 * t * (1 + math.erf(t / math.sqrt(2))),
    "square": lambda t: t * t,
    "abs": abs,
}
VARIANTS = {
    "plain": {},
    "tied": {"tied": True},
    "direct": {"linear": False},
    "tied direct": {"linear": False, "tied": True},
    "concatenated": {"concatenated": True},
    "tied concatenated": {"concatenated": True, "tied": True},
    "no bias": {"unembed_bias": False},
    **{name: {"activation": name} for name in SCALAR},
}
N, M, D = 5, 3, 4
PAIRS = torch.cartesian_prod(torch.arange(N), torch.arange(N))


@pytest.fixture(params=VARIANTS)
def settings(request):
    return VARIANTS[request.param]


def make(seeds=2, **settings):
    return GroupNetwork(N, width=M, embedding=D, seeds=seeds, **settings)


def rows(network, side, seed):
    """l or r as plain lists, from the parameters."""
    embed = network.embed_right if side and network.embed_right is not None else network.embed_left
    embed = embed[seed].tolist()
    if not network.linear:
        return embed
    if network.concatenated:
        weight = network.weight[seed].tolist()[D * side : D * (side + 1)]
    else:
        weight = (network.weight_right if side else network.weight_left)[seed].tolist()
    return [[sum(e[k] * weight[k][i] for k in range(D)) for i in range(M)] for e in embed]


def test_forward_is_the_formula(settings):
    network = make(**settings)
    logits, act = network(PAIRS), SCALAR[network.activation]
    assert logits.shape == (2, N * N, N)
    for seed in range(2):
        left, right, unembed = rows(network, 0, seed), rows(network, 1, seed), network.unembed[seed].tolist()
        bias = [0.0] * N if network.bias is None else network.bias[seed].tolist()
        for row, (x, y) in enumerate(PAIRS.tolist()):
            hidden = [act(left[x][i] + right[y][i]) for i in range(M)]
            expected = [sum(unembed[z][i] * hidden[i] for i in range(M)) + bias[z] for z in range(N)]
            assert logits[seed, row].tolist() == pytest.approx(expected, abs=1e-5)


def test_folded_tables_are_the_network(settings):
    network = make(**settings)
    tables = network.tables()
    assert [tuple(table.shape) for table in tables.arrays] == [(2, N, M)] * 3 + [(2, N)]
    assert all(table.dtype == torch.float32 and not table.requires_grad for table in tables.arrays)
    assert torch.allclose(GroupNetwork.from_tables(tables)(PAIRS), network(PAIRS), atol=1e-5)
    for seed in range(2):
        assert torch.allclose(GroupNetwork.from_tables(tables.seed(seed))(PAIRS), network(PAIRS)[seed], atol=1e-5)
    assert network.tables(torch.float64).left.dtype == torch.float64


def test_tables_are_copies():
    network = make()
    tables = network.tables()
    before = copy.deepcopy(tables)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    assert all(torch.equal(a, b) for a, b in zip(tables.arrays, before.arrays, strict=True))


def test_one_hot_rows_are_pairs_and_soft_rows_are_means(settings):
    network = make(**settings)
    given = one_hot(PAIRS, N).float()
    assert torch.allclose(network(given), network(PAIRS), atol=1e-5)
    # The embedding is linear: half of one element and half of another is the middle of their embeddings.
    with read_layers(network, ["preactivation"]) as read:
        network((given[:1] + given[7:8]) / 2)
        soft = read["preactivation"]
        network(given)
        assert torch.allclose(soft[:, 0], (read["preactivation"][:, 0] + read["preactivation"][:, 7]) / 2, atol=1e-5)


def test_a_seed_starts_the_same_alone_and_among_others(settings):
    many, alone = make(seeds=9, first_seed=2, **settings), make(seeds=1, first_seed=7, **settings)
    for (name, parameter), other in zip(many.named_parameters(), alone.parameters(), strict=True):
        assert torch.equal(parameter[5], other[0]), name
        assert not torch.equal(parameter[4], other[0]), name
    assert torch.allclose(many(PAIRS)[5], alone(PAIRS), atol=1e-6)


def test_drawing_leaves_the_global_stream_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    make(seeds=3)
    assert torch.equal(torch.rand(3), expected)


def test_concatenated_is_the_plain_network_in_another_layout():
    plain, concatenated = make(), make(concatenated=True)
    assert {name for name, _ in concatenated.named_parameters()} == {
        "embed_left",
        "embed_right",
        "weight",
        "unembed",
        "bias",
    }
    assert torch.equal(plain(PAIRS), concatenated(PAIRS))


def test_initial_scales():
    network = GroupNetwork(40, width=60, embedding=50, seeds=10)
    assert float(network.embed_left.detach().std()) == pytest.approx(1, abs=0.02)
    for parameter, bound in (
        (network.weight_left, math.sqrt(1 / 2) * math.sqrt(1 / 50)),
        (network.weight_right, math.sqrt(1 / 2) * math.sqrt(1 / 50)),
        (network.unembed, math.sqrt(1 / 60)),
        (network.bias, 1 / math.sqrt(60)),
    ):
        parameter = parameter.detach()
        assert float(parameter.abs().max()) <= bound
        assert float(parameter.abs().max()) > 0.97 * bound
        assert float(parameter.std()) == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_one_seed_has_no_axis_of_seeds():
    network = make(seeds=1)
    with read_layers(network, network.layers) as read:
        assert network(PAIRS).shape == (N * N, N)
    assert [tuple(layer.shape) for layer in read.values()] == [(N * N, M)] * 2
    assert torch.equal(read["hidden"], read["preactivation"].relu())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"width": 0},
            r"expected width, embedding and seeds of at least 1.*got width=0, embedding=64, seeds=1, first_seed=0",
        ),
        ({"seeds": 0}, r"seeds=0"),
        ({"first_seed": -1}, r"first_seed=-1"),
        ({"activation": "rleu"}, r"expected an activation of GroupNetwork, got activation='rleu'.*Did you mean 'relu'"),
        (
            {"linear": False, "concatenated": True},
            "expected linear maps to concatenate, got concatenated=True, linear=False",
        ),
        (
            {"input_shape": (1, 28, 28)},
            r"expected \(2,\) for pairs of elements or \(2, 24\).*got input_shape=\(1, 28, 28\).*lk\.data\.GroupTable",
        ),
    ],
)
def test_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        GroupNetwork(**settings)


@pytest.mark.parametrize(
    "x",
    [torch.zeros(3, 2), torch.zeros(3, 2, N, dtype=torch.int64), torch.zeros(3, 2, N + 1), torch.zeros(3, 3).long()],
)
def test_inputs_of_another_kind(x):
    with pytest.raises(
        ValueError,
        match=r"expected integers \(batch, 2\) or floats \(batch, 2,.*got x\.shape=\(3,.*\) of",
    ):
        make()(x)


@pytest.mark.parametrize("element", [N, -1])
def test_an_element_that_is_none(element):
    """It must not be read from the next seed's table."""
    with pytest.raises((IndexError, RuntimeError), match="out of"):
        make()(torch.tensor([[0, element]]))
