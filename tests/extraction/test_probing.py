import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lk.data import Data
from lk.data.data import Tensors
from lk.extraction.probing import evaluate
from lk.probes import Probes
from lk.probes.probes import Linear


class Given(Data):
    def __init__(self, x, y):
        super().__init__()
        self.given = Tensors(x, y)

    def load(self):
        return self.given, self.given


class Two(nn.Module):
    """Two layers that pass the input on; the output is twice the input."""

    layers = ("first", "second")

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Identity(), nn.Identity()

    def forward(self, x):
        return 2 * self.second(self.first(x))


def constant(classes, favourite):
    return Linear(torch.zeros(classes, 3), torch.eye(classes)[favourite], torch.zeros(3), torch.ones(3))


@pytest.fixture
def setting():
    """60 samples of 3 classes, 30 of class 0; the first 45 inputs say their class, the others another one."""
    y = torch.tensor([0, 0, 1, 2] * 15)
    said = torch.where(torch.arange(60) < 45, y, (y + 1) % 3)
    return Given(4 * torch.eye(3)[said], y)


def test_table_by_hand(setting):
    plain = Linear(torch.eye(3), torch.zeros(3), torch.zeros(3), torch.ones(3), 1e-6, 17)
    table = evaluate(Two(), Probes({"first": constant(3, 0), "second": plain}), setting, step=8, epoch=0.5)
    assert table["layer"].tolist() == ["first", "second", "output"]
    assert table["depth"].tolist() == [0, 0.5, 1]
    assert table["accuracy"].tolist() == pytest.approx([0.5, 0.75, 0.75])
    assert table["chance"].tolist() == pytest.approx([0.5] * 3)
    assert table["at_chance"].tolist() == [True, False, False]
    assert {*table["samples"]} == {60}
    assert (table["step"].iloc[0], table["epoch"].iloc[0]) == (8, 0.5)
    x, y = setting.given.x, setting.given.y
    assert table["loss"].tolist() == pytest.approx(
        [float(cross_entropy(torch.eye(3)[[0] * 60], y)), float(cross_entropy(x, y)), float(cross_entropy(2 * x, y))],
        rel=1e-5,
    )
    # One confidence for all samples: the calibration error is its distance from the accuracy.
    confidence = math.exp(4) / (math.exp(4) + 2)
    assert table["calibration_error"].iloc[1] == pytest.approx(confidence - 0.75, abs=1e-4)
    assert (table["gradient_norm"].iloc[1], table["iterations"].iloc[1]) == (1e-6, 17)
    assert math.isnan(table["gradient_norm"].iloc[2])


@pytest.mark.parametrize(("right", "marked"), [(30, True), (36, True), (37, False), (45, False), (10, True)])
def test_at_chance_unless_above_always_naming_the_most_frequent_class(right, marked):
    """60 samples, chance 1/2: the one-sided binomial test at 5 % asks for 37 hits (p = 0.046)."""
    y = torch.tensor([0, 1] * 30)
    said = torch.where(torch.arange(60) < right, y, 1 - y)
    data = Given(3 * nn.functional.one_hot(said, 2).float(), y)
    plain = Linear(torch.eye(2), torch.zeros(2), torch.zeros(2), torch.ones(2))
    table = evaluate(Two(), Probes({"first": plain}), data, 0, 0.0)
    assert table["accuracy"].iloc[0] == pytest.approx(right / 60)
    assert table["at_chance"].tolist() == [marked, marked]


def test_a_fixed_part_of_the_test_split(setting):
    probes = Probes({"first": constant(3, 0)})
    first, again = (evaluate(Two(), probes, setting, 0, 0.0, max_samples=20) for _ in range(2))
    assert {*first["samples"]} == {20}
    assert first.equals(again)


def test_chance_is_that_of_the_samples_used():
    y = torch.tensor([0] * 9 + [1])
    data = Given(torch.zeros(10, 3), y)
    data.num_classes = 3
    table = evaluate(Two(), Probes({"first": constant(3, 0)}), data, 0, 0.0)
    assert table["chance"].iloc[0] == pytest.approx(0.9)
    assert bool(table["at_chance"].iloc[0])
