import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from lk.interactions import Interactions, by_order, interactions_of
from lk.interactions.interactions import TENSORS
from lk.transforms import orders
from tests.helpers.run_folders import typed


def found(games=2, layers=("first", "output"), **about):
    v = torch.randn(8, len(layers), games)
    return interactions_of(v, layers, kappa=0.04, **typed(**about))


def planted():
    """Two layers, two samples, three players; effects chosen by hand."""
    and_, or_ = torch.zeros(8, 2, 2), torch.zeros(8, 2, 2)
    and_[0] = 100.0
    and_[0b001, 0, 0], and_[0b011, 0, 0], or_[0b110, 0, 0] = 1.0, -4.0, 2.5
    and_[0b111, 1, 0], or_[0b101, 1, 1] = 0.5, -7.0
    delta = torch.zeros(8, 2, 2)
    delta[-1, 0, 0] = 0.25
    zero = torch.zeros(2, 2)
    return Interactions(and_, or_, delta, zero, zero, zero.bool(), ("first", "output"), salience_ratio=0.3)


# ---- files
def test_save_and_load_are_equal(tmp_path):
    first = found(step=3, epoch=0.5, players=["a", "ä<b>", "c"], labels=[1, 0], samples=[7, 9], versions={"torch": "2"})
    first.save(tmp_path / "deep" / "i.safetensors")
    again = Interactions.load(tmp_path / "deep" / "i.safetensors")
    for key in TENSORS:
        assert torch.equal(getattr(again, key), getattr(first, key)), key
        assert getattr(again, key).dtype == getattr(first, key).dtype
    assert again.layers == first.layers
    assert (again.step, again.epoch, again.players) == (3, 0.5, ("a", "ä<b>", "c"))
    assert (again.labels.tolist(), again.samples.tolist(), again.correct) == ([1, 0], [7, 9], None)
    assert (again.kappa, again.gap, again.salience_ratio, again.tie_break) == (0.04, 1e-3, 0.05, "low")
    assert again.origin == first.origin


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_truncated_file(tmp_path, keep):
    path = tmp_path / "i.safetensors"
    found().save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        ValueError, match=r"i.safetensors is truncated or holds no interactions .*Delete it and extract again"
    ):
        Interactions.load(path)


@pytest.mark.parametrize("about", [None, {"layers": "[", "about": "{}"}, {"layers": json.dumps(["a"])}])
def test_file_of_something_else(tmp_path, about):
    save_file({"x": torch.zeros(1)}, tmp_path / "i.safetensors", about)
    with pytest.raises(ValueError, match="holds no interactions"):
        Interactions.load(tmp_path / "i.safetensors")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Interactions.load(tmp_path / "nowhere.safetensors")


# ---- from values
def test_interactions_of_keeps_the_promises_of_the_empty_coalition():
    v = torch.randn(16, 2, 3)
    i = interactions_of(v, ["a", "output"], kappa=0.04)
    assert torch.equal(i.and_[0], v[0])
    assert not i.or_[0].any()
    assert not i.delta[0].any()
    assert not i.or_[[1, 2, 4, 8]].any()  # order-1 OR effects are merged into AND
    assert i.n_players == 4
    assert i.and_.dtype == torch.float32
    assert torch.allclose(i.values, v - i.delta, atol=1e-5)
    assert torch.allclose(i.total_effect, (v[-1] - v[0]).abs(), atol=1e-5)
    assert (i.delta.abs() <= 0.04 * (v[-1] - v[0]).abs() + 1e-6).all()
    assert (i.kappa, i.gap) == (0.04, 1e-3)


def test_doubles_stay_doubles():
    i = interactions_of(torch.randn(4, 1, 1, dtype=torch.float64), ["output"])
    assert i.and_.dtype == i.or_.dtype == i.delta.dtype == torch.float64


# ---- reading
def test_effects_leave_the_empty_coalition_out():
    i = planted()
    assert i.effects.shape == (2, 8, 2, 2)
    assert not i.effects[:, 0].any()
    assert torch.equal(i.effects[0, 1:], i.and_[1:])
    assert torch.equal(i.effects[1, 1:], i.or_[1:])
    assert (i.and_[0] == 100).all()


def test_total_effect_is_that_of_the_game_and_not_of_the_explained_part():
    assert planted().total_effect.tolist() == [[pytest.approx(abs(1 - 4 + 2.5 + 0.25)), 0], [0.5, 7.0]]


def test_top_is_ranked_and_leaves_zeros_out():
    i = planted()
    assert i.top(layer="first") == [("AND", (0, 1), -4.0), ("OR", (1, 2), 2.5), ("AND", (0,), 1.0)]
    assert i.top(1, "first") == [("AND", (0, 1), -4.0)]
    assert i.top(layer="output", sample=1) == [("OR", (0, 2), -7.0)]
    assert i.top(sample=0) == [("AND", (0, 1, 2), 0.5)]
    assert i.top(layer="first", sample=1) == []


def test_repr_is_a_ranked_list():
    lines = repr(planted()).splitlines()
    assert lines[0] == "Interactions of 3 players, 2 layers, 2 samples"
    assert (
        lines[1] == "  first: 1.0 salient per sample; strongest of sample 0 (of 2)"
    )  # 4.0 and 2.5 of sample 0 above 0.3 * 4
    assert lines[2:5] == ["    AND   -4.000  {0, 1}", "     OR   +2.500  {1, 2}", "    AND   +1.000  {0}"]
    assert lines[5].startswith("  output: 1.0 salient")
    assert "{eye, ear}" in repr(replace(planted(), players=("eye", "ear", "nose")))
    assert repr(found(1)).splitlines()[0].endswith("1 sample")


def test_unknown_layer_names_the_nearest():
    with pytest.raises(
        ValueError,
        match=r"expected a layer of these interactions, got layer='frst'.*Did you mean 'first'\? Known: first, output",
    ):
        planted().top(layer="frst")


@pytest.mark.parametrize(
    "chosen", [[2, 0], torch.tensor([2, 0]), torch.tensor([True, False, True])], ids=["list", "tensor", "booleans"]
)
def test_select_keeps_tensors_and_metadata_together(chosen):
    i = found(3, labels=[4, 5, 6], samples=[40, 50, 60], correct=[True, False, True])
    part = i.select(chosen)
    rows = [2, 0] if not (isinstance(chosen, torch.Tensor) and chosen.dtype == torch.bool) else [0, 2]
    for key in TENSORS:
        assert torch.equal(getattr(part, key), getattr(i, key)[..., rows])
    assert part.labels.tolist() == [[4, 5, 6][row] for row in rows]
    assert part.samples.tolist() == [[40, 50, 60][row] for row in rows]
    assert part.correct.tolist() == [True, True]
    assert part.kappa == 0.04
    assert i.labels.tolist() == [4, 5, 6]


def test_select_nothing():
    assert found(labels=[1, 2]).select([]).and_.shape == (8, 2, 0)


def test_shapes_are_checked():
    v = torch.zeros(4, 1, 1)
    with pytest.raises(
        ValueError,
        match=r"of shape \(2\*\*n, layers, samples\), got and_ \(4, 1, 1\), or_ \(4, 1, 1\) and 2 layer names",
    ):
        Interactions(v, v, v, v[0], v[0], v[0].bool(), ("a", "b"))
    with pytest.raises(ValueError, match=r"or_ \(4, 1\)"):
        Interactions(v, v[..., 0], v, v[0], v[0], v[0].bool(), ("a",))


def test_by_order_sums_coalitions_of_each_size():
    x = torch.randn(16, 2)
    for order in range(5):
        assert torch.allclose(by_order(x)[order], x[orders(4) == order].sum(0), atol=1e-6)
