import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lk.games import OUTPUT, Columns, Foreground, Grid, count_players, mask, play, present
from lk.games.game import BACKGROUNDS, check_layers
from lk.games.maskers import Mean
from lk.layers import NonFiniteError, read_layers
from lk.networks import LeNet, ResNet20
from lk.probes import Probes
from lk.probes.probes import Linear
from lk.scores import Logit, NamedClass, OfActivation, PredictedClass, TrueClass, log_odds

LAYERS = ("conv1", "conv2", "fc1")


def random_probes(network, layers, x, classes=3):
    with torch.inference_mode(), read_layers(network, layers) as activations:
        network(x)
    sizes = {layer: activations[layer].flatten(1).shape[1] for layer in layers}
    return Probes(
        {
            layer: Linear(
                torch.randn(classes, size) / size**0.5, torch.randn(classes), torch.randn(size), torch.rand(size) + 0.5
            )
            for layer, size in sizes.items()
        }
    )


@pytest.fixture
def setting():
    """LeNet on 12x12 images of 2 channels, 5 players out of 16 patches, 3 samples."""
    network = LeNet(3, (2, 12, 12)).eval()
    x, y = torch.rand(3, 2, 12, 12), torch.tensor([2, 0, 1])
    owner = Foreground(5, 3).divide(x, x.mean(0))
    filler = Mean().fill(x, torch.rand(2, 12, 12))
    return {
        "network": network,
        "probes": random_probes(network, LAYERS, x),
        "layers": LAYERS,
        "x": x,
        "y": y,
        "owner": owner,
        "filler": filler,
    }


def masked_slowly(x, filler, owner, coalition):
    """One pixel at a time, from the definition: bit i of the coalition says whether player i is present."""
    result = x.clone()
    channels, height, width = x.shape
    for channel in range(channels):
        for row in range(height):
            for column in range(width):
                player = int(owner[0, row, column])
                if player >= 0 and not coalition >> player & 1:
                    result[channel, row, column] = filler[channel, row, column]
    return result


# ---- masking
def test_present_is_binary_counting_with_player_0_as_the_least_bit():
    table = present(3)
    assert table.shape == (8, 4)
    for coalition in range(8):
        assert table[coalition].tolist() == [bool(coalition >> player & 1) for player in range(3)] + [True]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(2, 5), st.integers(2, 5), st.integers(1, 4))
def test_masking_equals_a_loop_over_pixels(seed, channels, height, width, n):
    generator = torch.Generator().manual_seed(seed)
    x, filler = torch.rand(2, channels, height, width, generator=generator)
    owner = torch.randint(-1, n, (1, height, width), generator=generator)
    masked = mask(x, filler, owner, present(n))
    assert masked.shape == (2**n, channels, height, width)
    for coalition in range(2**n):
        assert torch.equal(masked[coalition], masked_slowly(x, filler, owner, coalition))


def test_grand_coalition_is_the_sample_and_the_empty_one_the_filling():
    x, filler = torch.rand(2, 3, 4, 4)
    masked = mask(x, filler, Grid(2).divide(x[None], x)[0], present(4))
    assert torch.equal(masked[-1], x)
    assert torch.equal(masked[0], filler)
    assert torch.equal(masked[0b0100][:, 2:, :2], x[:, 2:, :2])  # player 2 alone: the third patch
    assert torch.equal(masked[0b0100][:, :2], filler[:, :2])


def test_masking_a_table():
    x, filler = torch.arange(1.0, 5), torch.zeros(4)
    owner = Columns([[0, 2], [1]]).divide(x[None], x)[0]
    assert mask(x, filler, owner, present(2)).tolist() == [[0, 0, 0, 4], [1, 0, 3, 4], [0, 2, 0, 4], [1, 2, 3, 4]]


# ---- playing
def slow_values(setting, background="original", score=None):
    """One layer and one masked sample at a time, as research code does it."""
    score = score or TrueClass()
    network, n = setting["network"], count_players(setting["owner"])
    values = torch.zeros(2**n, len(LAYERS) + 1, len(setting["x"]))
    for b, (x, owner, filler, label) in enumerate(
        zip(*(setting[k] for k in ("x", "owner", "filler", "y")), strict=True)
    ):
        target = score.choose(network(x[None]), label[None])
        for level in BACKGROUNDS[background]:
            shown = torch.where(owner == -1, filler + level * (x - filler), x)
            for coalition in range(2**n):
                row = masked_slowly(shown, filler, owner, coalition)[None]
                for place, layer in enumerate((*LAYERS, OUTPUT)):
                    with torch.no_grad(), read_layers(network, LAYERS) as activations:
                        logits = network(row)
                    if layer != OUTPUT:
                        linear = setting["probes"].linears[layer]
                        logits = (
                            activations[layer].flatten(1) - linear.mean
                        ) / linear.scale @ linear.weight.T + linear.bias
                    values[coalition, place, b] += float(score(logits, target)) / len(BACKGROUNDS[background])
    return values


@pytest.mark.parametrize(
    "score", [TrueClass(), PredictedClass(), NamedClass(1), Logit()], ids=lambda score: type(score).__name__
)
def test_one_pass_equals_one_layer_and_one_masked_sample_at_a_time(setting, score):
    values, logits = play(**setting, score=score, batch_size=7)
    assert values.shape == (32, 4, 3)
    assert values.dtype == torch.float32
    assert torch.allclose(values, slow_values(setting, score=score), atol=2e-4)
    assert torch.allclose(logits, setting["network"](setting["x"]), atol=1e-5)


@pytest.mark.parametrize("background", ["baseline", "integrated"])
def test_backgrounds_equal_the_slow_form(setting, background):
    setting = {key: value[:1] if key in ("x", "y", "owner", "filler") else value for key, value in setting.items()}
    setting["owner"] = Foreground(2, 3).divide(setting["x"], setting["x"][0])
    values, _ = play(**setting, score=TrueClass(), background=background)
    assert torch.allclose(values, slow_values(setting, background), atol=2e-4)


def test_backgrounds_differ_where_there_is_one_and_agree_where_there_is_none(setting):
    values = {background: play(**setting, score=TrueClass(), background=background)[0] for background in BACKGROUNDS}
    assert not torch.allclose(values["original"], values["baseline"])
    assert not torch.allclose(values["original"], values["integrated"])
    setting["owner"] = Grid(6).divide(setting["x"], setting["x"][0])
    values = [play(**setting, score=TrueClass(), background=background)[0] for background in BACKGROUNDS]
    assert torch.allclose(values[0], values[1], atol=1e-5)
    assert torch.allclose(values[0], values[2], atol=1e-5)


def test_integrated_background_has_ten_intensities_up_to_the_original():
    assert BACKGROUNDS["integrated"] == pytest.approx([0.1 * i for i in range(1, 11)])


def test_grand_coalition_is_the_score_of_the_sample_itself(setting):
    values, logits = play(**setting, score=TrueClass())
    assert torch.allclose(values[-1, -1], log_odds(logits, setting["y"]), atol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 5, 32, 1000])
def test_batch_size_does_not_matter(setting, batch_size):
    reference, _ = play(**setting, score=TrueClass(), batch_size=8)
    assert torch.allclose(play(**setting, score=TrueClass(), batch_size=batch_size)[0], reference, atol=1e-4)


def test_layers_do_not_depend_on_the_others_that_are_read(setting):
    together, _ = play(**setting, score=TrueClass())
    for place, layer in enumerate(LAYERS):
        alone, _ = play(**{**setting, "layers": [layer]}, score=TrueClass())
        assert torch.equal(alone, together[:, [place, -1]])


def test_samples_do_not_depend_on_each_other(setting):
    together, _ = play(**setting, score=TrueClass())
    rows = {key: value[1:2] if key in ("x", "y", "owner", "filler") else value for key, value in setting.items()}
    assert torch.allclose(play(**rows, score=TrueClass())[0][..., 0], together[..., 1], atol=1e-5)


def test_one_forward_pass_per_masked_sample_reads_all_layers(setting):
    rows = []
    setting["network"].register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    told = []
    play(**setting, score=TrueClass(), batch_size=10, done=told.append)
    assert rows == [3, *([10, 10, 10, 2] * 3)]  # the unmasked samples once, then every coalition
    assert told == rows[1:]


def test_batch_norm_and_channels_last_networks():
    network, x = ResNet20(3, (3, 8, 8)).eval(), torch.rand(2, 3, 8, 8)
    owner = Grid(4).divide(x, x[0])
    both = [
        play(each, random_probes(each, [], x), [], x, torch.tensor([0, 1]), owner, torch.zeros_like(x), TrueClass())[0]
        for each in (network, network.to(memory_format=torch.channels_last))
    ]
    assert torch.allclose(*both, atol=1e-4)


def test_scores_of_activations_need_no_probes(setting):
    values, _ = play(
        **{**setting, "probes": None}, score=OfActivation(lambda activation, _: activation.flatten(1).sum(1))
    )
    setting["network"].eval()
    with torch.no_grad(), read_layers(setting["network"], LAYERS) as activations:
        logits = setting["network"](setting["x"])
    for place, activation in enumerate((*(activations[layer] for layer in LAYERS), logits)):
        assert torch.allclose(values[-1, place], activation.flatten(1).sum(1), rtol=1e-4)


def test_a_network_without_parameters_is_played():
    x = torch.tensor([[1.0, 2.0]])
    values, _ = play(
        nn.Identity(), None, [], x, torch.tensor([0]), Columns().divide(x, x[0]), torch.zeros_like(x), Logit()
    )
    assert values[:, 0, 0].tolist() == [0.0, 1.0, 0.0, 1.0]


# ---- errors
def test_unknown_background(setting):
    with pytest.raises(ValueError, match=r"expected background in \['original', 'baseline',.*got background='orignal'"):
        play(**setting, score=TrueClass(), background="orignal")


def test_missing_probe(setting):
    probes = Probes({"conv1": setting["probes"].linears["conv1"]})
    with pytest.raises(ValueError, match="expected a probe of every layer for TrueClass, got none of: conv2, fc1"):
        play(**{**setting, "probes": probes}, score=TrueClass())
    with pytest.raises(ValueError, match="got none of: conv1, conv2, fc1"):
        play(**{**setting, "probes": None}, score=TrueClass())


def test_a_class_that_the_probes_never_saw(setting):
    """Refused before the game, whatever the score; here the network would choose it."""
    linears = {}
    for layer, linear in setting["probes"].linears.items():
        bias = linear.bias.clone()
        bias[1] = -torch.inf
        linears[layer] = Linear(linear.weight, bias, linear.mean, linear.scale)
    passes = []
    handle = setting["network"].register_forward_hook(lambda *_: passes.append(1))
    for score, samples in ((TrueClass(), slice(3)), (NamedClass(1), slice(1)), (Logit(), slice(2, 3))):
        some = {key: setting[key][samples] for key in ("x", "y", "owner", "filler")}
        with pytest.raises(ValueError, match=r"class that the probes were fitted on \(0, 2\), got class 1 to score"):
            play(**{**setting, **some, "probes": Probes(linears)}, score=score)
    handle.remove()
    assert len(passes) == 3  # of the unmasked samples
    present_classes = {key: setting[key][:2] for key in ("x", "y", "owner", "filler")}
    assert play(**{**setting, **present_classes, "probes": Probes(linears)}, score=TrueClass())[0].isfinite().all()


def test_labels_of_other_types(setting):
    values, _ = play(**setting, score=TrueClass())
    for dtype in (torch.int32, torch.float32):
        assert torch.equal(play(**{**setting, "y": setting["y"].to(dtype)}, score=TrueClass())[0], values)


class InPlace(nn.Module):
    """Overwrites what its layers gave."""

    def __init__(self, function):
        super().__init__()
        self.a, self.b, self.function = nn.Linear(4, 6), nn.Linear(6, 3), function

    def forward(self, x):
        return self.b(self.function(self.a(x)))


def test_networks_that_work_in_place_play_the_same_game():
    in_place, plain = InPlace(torch.relu_).eval(), InPlace(torch.relu).eval()
    plain.load_state_dict(in_place.state_dict())
    x = torch.randn(2, 4)
    shared = {
        "probes": random_probes(plain, ["a"], x),
        "layers": ["a"],
        "x": x,
        "y": torch.tensor([2, 0]),
        "filler": torch.zeros(2, 4),
    }
    owner = Columns().divide(x, x[0])
    games = [play(network, owner=owner, score=TrueClass(), batch_size=5, **shared)[0] for network in (in_place, plain)]
    assert torch.equal(*games)


@pytest.mark.parametrize("layers", ["conv1", ["conv1", "conv1"], ["conv1", "output"], ["conv3"]])
def test_layers_to_read_are_checked(setting, layers):
    with pytest.raises(ValueError, match="layer"):
        check_layers(setting["network"], layers)
    assert check_layers(setting["network"], LAYERS) == list(LAYERS)


def test_label_out_of_range(setting):
    with pytest.raises(ValueError, match="expected labels from 0 to 2, got label 3 at place 1 of 3"):
        play(**{**setting, "y": torch.tensor([0, 3, 1])}, score=TrueClass())


class Poison(nn.Module):
    """NaN where the first pixel is bright: one sample, some coalitions."""

    def forward(self, x):
        return torch.where(x.flatten(1)[:, :1] > 0.9, torch.nan, x.flatten(1))


def test_nan_activations_name_layer_and_sample():
    network = nn.Sequential(nn.Flatten(), Poison(), nn.Linear(4, 2))
    x = torch.full((3, 1, 2, 2), 0.5)
    x[1, 0, 0, 0] = 0.95
    filler = torch.zeros_like(x)
    rest = (torch.tensor([0, 1, 0]), Grid(1).divide(x, x[0]), filler, OfActivation(lambda a, _: a.sum(1)))
    with pytest.raises(
        NonFiniteError, match=r"expected finite activations, got NaN or infinity of layer 'output' on sample 71 \(1"
    ):
        play(network, None, ["0", "1"], x, *rest, samples=torch.tensor([70, 71, 72]))
    # Bright filling: the sample itself is fine, its masked copies are not.
    x[1, 0, 0, 0], filler[2] = 0.5, 0.95
    rest = (rest[0], rest[1], filler, rest[3])
    with pytest.raises(NonFiniteError, match=r"got NaN or infinity of layer '1' on sample 72 \(8 of 16 rows"):
        play(network, None, ["0", "1"], x, *rest, samples=torch.tensor([70, 71, 72]))


def test_score_that_is_not_finite_is_blamed_itself(setting):
    with pytest.raises(
        NonFiniteError, match="expected finite scores, got NaN or infinity of layer 'conv1' on sample 0"
    ):
        play(**setting, score=OfActivation(lambda a, _: a.flatten(1).sum(1) * torch.nan))
