"""Interactions of a group network's two arguments, against their definition and through the ordinary pipeline."""

from dataclasses import replace

import pytest
import torch

from lk.certification.arguments import interactions_of_arguments
from lk.data import GroupTable
from lk.extraction import Extraction
from lk.games import Rows
from lk.groups import Symmetric
from lk.networks import GroupNetwork


def network_and_data(seeds=1):
    torch.manual_seed(0)
    return GroupNetwork(6, width=8, embedding=5, seeds=seeds), GroupTable(Symmetric(3), train_fraction=0.6)


def test_against_the_definition():
    """The mean embedding written out: E^T applied to the mean one-hot row, and inclusion and exclusion by hand."""
    network, data = network_and_data()
    pairs, products = data.test.x, data.test.y
    found = interactions_of_arguments(network, data.one_hot(pairs), products, data.baseline)
    tables = network.tables().seed(0)
    left, right, unembed, bias = (t.double() for t in (tables.left, tables.right, tables.unembed, tables.bias))
    mean_x, mean_y = data.baseline.double() @ left, data.baseline.double() @ right
    for place, ((x, y), z) in enumerate(zip(pairs.tolist(), products.tolist(), strict=True)):

        def value(first, second, z=z):
            logits = unembed @ torch.relu(first + second) + bias
            return float(logits[z] - logits.mean())

        none, first = value(mean_x[0], mean_y[1]), value(left[x], mean_y[1])
        second, both = value(mean_x[0], right[y]), value(left[x], right[y])
        effects = [none, first - none, second - none, both - first - second + none]
        assert found.loc[place, ["empty", "x", "y", "xy"]].tolist() == pytest.approx(effects, abs=1e-5)
        assert found["share"][place] == pytest.approx(abs(effects[3]) / sum(map(abs, effects[1:])), abs=1e-4)


def test_a_sum_of_arguments_has_no_interaction():
    """A linear activation never couples x and y: here hidden units that stay positive."""
    network, data = network_and_data()
    tables = network.tables()
    positive = GroupNetwork.from_tables(replace(tables, left=tables.left.abs() + 1, right=tables.right.abs() + 1))
    found = interactions_of_arguments(positive, data.one_hot(data.test.x), data.test.y, data.baseline)
    assert found["xy"].abs().max() < 1e-5


def test_the_ordinary_pipeline_reads_a_group_network():
    network, data = network_and_data()
    extraction = Extraction(Rows())
    samples = extraction.samples(data)
    assert samples.x.shape[1:] == (2, 6)
    assert samples.owner[0, :, 0].tolist() == [0, 1]
    assert extraction.layers_of(network) == ["preactivation", "hidden"]


def test_several_seeds_are_refused():
    network, data = network_and_data(seeds=3)
    with pytest.raises(ValueError, match="expected one network, got GroupNetwork of 3 seeds"):
        Extraction(Rows()).layers_of(network)
    with pytest.raises(ValueError, match="3 seeds"):
        interactions_of_arguments(network, data.one_hot(data.test.x), data.test.y, data.baseline)
