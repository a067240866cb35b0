"""Which samples are drawn: one of each class first, those classified correctly before others."""

import torch

from lk.extraction import Samples
from lk.studies.shown_samples import LAYERS, shown_samples
from tests.helpers.run_folders import interactions


def samples(labels):
    count = len(labels)
    x = torch.zeros(count, 1, 4, 4)
    owner = torch.zeros(count, 1, 4, 4, dtype=torch.long)
    index = torch.arange(100, 100 + count)
    return Samples(x, torch.tensor(labels), index, owner, torch.zeros_like(x), (), ("cat", "dog", "owl"))


def test_each_class_comes_once_before_any_comes_twice():
    final = interactions(games=6, correct=[False, True, True, True, True, True])
    chosen = shown_samples(final, samples([0, 0, 0, 1, 2, 2]))
    assert [place for _, _, place in chosen["samples"]] == [1, 2, 3, 4]
    assert chosen["samples"][0][:2] == ("cat\nno. 101", "output")


def test_a_sample_that_is_misread_says_so_and_is_not_followed_through_the_layers():
    final = interactions(games=2, correct=[False, True])
    chosen = shown_samples(final, samples([0, 1]))
    assert chosen["samples"][0][0] == "cat\nno. 100\nmisread"
    assert {place for _, _, place in chosen["layers"]} == {1}


def test_of_many_layers_some_are_drawn_first_and_last_among_them():
    names = (*(f"layer{i}" for i in range(9)), "output")
    drawn = [name for name, _, _ in shown_samples(interactions(layers=names, games=1), samples([0]))["layers"]]
    assert len(drawn) == LAYERS
    assert (drawn[0], drawn[-1]) == ("layer0", "output")
