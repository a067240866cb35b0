"""The whole way through on a network whose answer is known: game, interactions, comparison of layers.

`and_network` (tests/conftest.py) computes, on 0/1 patches, AND gates and gates of gates. Its probes are written by hand
as well: two classes, logits (0, c . units), so that the log-odds of class 1 are exactly a weighted sum of gates and
nothing else.
"""

import pytest
import torch

from lk.games import Grid, play
from lk.interactions import interactions_of
from lk.metrics import compare, completeness, matching_error, redundancy, shapley_values, strength
from lk.probes import Probes
from lk.probes.probes import Linear
from lk.scores import OfActivation, TrueClass
from lk.transforms import harsanyi

# What the games are, by construction: coalition (as an index) -> AND effect. No OR effects.
PROBE_OF_GATES = (2.0, -3.0, 5.0, 1.5)  # of {0}, {1, 2}, {2, 3}, {1, 2, 3}
PROBE_OF_DEEPER = (2.0, -1.0, 0.0, 4.0)  # of {0}, {1, 2}, {2, 3}, {0, 1, 2}
EXPECTED = {
    "gates": {0b0001: 2.0, 0b0110: -3.0, 0b1100: 5.0, 0b1110: 1.5},
    "deeper": {0b0001: 2.0, 0b0110: -1.0, 0b0111: 4.0},
    "output": {0b0001: 2.0, 0b0110: -3.0, 0b0111: 4.0},
}


def by_hand(row):
    return Linear(torch.tensor([[0.0] * 4, row]), torch.zeros(2), torch.zeros(4), torch.ones(4))


@pytest.fixture
def played(and_network):
    x = torch.ones(2, 1, 4, 4)
    owner = Grid(2).divide(x, x[0])  # four patches; the network sees one pixel of each
    seen = torch.nn.Sequential()
    seen.add_module("pixels", Corners())
    seen.add_module("net", and_network)
    layers = ["net.gates", "net.deeper"]
    probes = Probes({"net.gates": by_hand(PROBE_OF_GATES), "net.deeper": by_hand(PROBE_OF_DEEPER)})
    values, logits = play(seen, probes, layers, x, torch.tensor([1, 0]), owner, torch.zeros_like(x), TrueClass())
    return values, logits


class Corners(torch.nn.Module):
    def forward(self, x):
        return x[:, 0, ::2, ::2].flatten(1)


def dense(effects):
    both = torch.zeros(16)
    for coalition, effect in effects.items():
        both[coalition] = effect
    return both


def test_values_are_the_closed_form(played):
    values, logits = played
    assert logits.tolist() == [[0.0, 3.0]] * 2
    for place, effects in enumerate(EXPECTED.values()):
        for sample, sign in enumerate((1, -1)):  # the second sample is scored for class 0
            assert torch.allclose(harsanyi(values)[:, place, sample], sign * dense(effects), atol=1e-6)


def test_interactions_are_the_gates(played):
    found = interactions_of(played[0], list(EXPECTED), kappa=0)
    for place, (layer, effects) in enumerate(EXPECTED.items()):
        assert torch.allclose(found.and_[:, place, 0], dense(effects), atol=1e-5), layer
        assert torch.allclose(found.or_[:, place, 0], torch.zeros(16), atol=1e-5), layer
        assert float(found.objective[place, 0]) == pytest.approx(sum(map(abs, effects.values())), rel=1e-5)
    assert found.certified.all()
    assert not found.delta.any()
    assert float(matching_error(played[0], found.and_, found.or_, found.delta).max()) < 1e-6
    assert found.top(2, "gates") == [
        ("AND", (2, 3), pytest.approx(5.0)),
        ("AND", (1, 2), pytest.approx(-3.0)),
    ]
    assert shapley_values(found.and_, found.or_)[:, 2, 0].tolist() == pytest.approx(
        [2 + 4 / 3, -1.5 + 4 / 3, -1.5 + 4 / 3, 0], abs=1e-5
    )


def test_overlap_forgotten_and_new_are_known(played):
    found = interactions_of(played[0], list(EXPECTED), kappa=0)
    effects = found.and_[..., 0]
    salient = effects.abs() > 1e-4
    output, is_output = effects[:, [2]].expand_as(effects), salient[:, [2]].expand_as(salient)
    split = compare(effects, salient, output, is_output)
    #                                order 0, 1, 2, 3, 4 of each layer
    expected = {
        "all": [[0, 2, 8, 1.5, 0], [0, 2, 1, 4, 0], [0, 2, 3, 4, 0]],
        "all_reference": [[0, 2, 3, 4, 0]] * 3,
        "overlap": [[0, 2, 3, 0, 0], [0, 2, 1, 4, 0], [0, 2, 3, 4, 0]],
        "forgotten": [[0, 0, 5, 1.5, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
        "new": [[0, 0, 0, 4, 0], [0, 0, 2, 0, 0], [0, 0, 0, 0, 0]],
    }
    for name, rows in expected.items():
        assert torch.allclose(getattr(split, name).T, torch.tensor(rows, dtype=torch.float32), atol=1e-5), name
    total = {name: getattr(split, name).sum(0)[:, None] for name in expected}
    assert completeness(total["overlap"], total["all_reference"]).tolist() == pytest.approx([5 / 9, 7 / 9, 1], abs=1e-5)
    assert redundancy(total["forgotten"], total["all"]).tolist() == pytest.approx([6.5 / 11.5, 0, 0], abs=1e-5)
    assert torch.allclose(strength(effects, salient), split.all)


def test_units_themselves_through_a_score_of_the_activation(and_network):
    """Without probes: unit u of a layer is the unanimity game of its gate."""
    x = torch.ones(1, 4)
    owner = torch.arange(4)[None]
    for unit, gate in enumerate(and_network.GATES):
        score = OfActivation(lambda activation, _, unit=unit: activation[:, min(unit, activation.shape[1] - 1)])
        values, _ = play(and_network, None, ["gates"], x, torch.tensor([1]), owner, torch.zeros_like(x), score)
        found = interactions_of(values, ["gates", "output"], kappa=0)
        coalition = sum(1 << player for player in gate)
        assert torch.allclose(found.and_[:, 0, 0], dense({coalition: 1.0}), atol=1e-5)
        assert not found.or_[:, 0].abs().gt(1e-5).any()
