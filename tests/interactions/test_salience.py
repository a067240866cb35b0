import pytest
import torch

from lk.interactions import Interactions


def interactions(and_, or_):
    and_, or_ = torch.tensor(and_)[:, None], torch.tensor(or_)[:, None]  # one layer
    zero = torch.zeros(and_.shape[1:])
    return Interactions(and_, or_, torch.zeros_like(and_), zero, zero, zero.bool(), ("output",))


@pytest.fixture
def two_samples():
    """Strongest effects 8 (an OR) and 2; the empty coalition, 500, does not count."""
    return interactions(
        [[500.0, 500.0], [1.0, -2.0], [4.0, 0.5], [-2.0, 0.0]], [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [-8.0, 1.0]]
    )


def test_per_sample_and_per_layer(two_samples):
    assert two_samples.thresholds(0.25).tolist() == [[2.0, 0.5]]
    assert two_samples.thresholds(0.25, "per_layer").tolist() == [[2.0, 2.0]]
    assert two_samples.thresholds().tolist() == [pytest.approx([0.4, 0.1])]


def test_strictly_above_the_threshold(two_samples):
    chosen = two_samples.salient(0.25)
    assert chosen.shape == (2, 4, 1, 2)
    assert chosen[0, :, 0, 0].tolist() == [False, False, True, False]  # |-2| equals the threshold
    assert chosen[1, :, 0, 0].tolist() == [False, False, False, True]
    assert chosen[0, :, 0, 1].tolist() == [False, True, False, False]  # 0.5 equals it
    assert two_samples.salient(0.25, "per_layer")[:, :, 0, 1].sum() == 0  # 2 equals that of the layer


def test_the_empty_coalition_is_never_salient(two_samples):
    for scope in ("per_sample", "per_layer"):
        assert not two_samples.salient(0.0, scope)[:, 0].any()


def test_a_ratio_of_zero_takes_every_effect_that_is_not_zero(two_samples):
    assert torch.equal(two_samples.salient(0.0), two_samples.effects != 0)


def test_a_constant_game_has_none():
    assert not interactions([[3.0], [0.0]], [[0.0], [0.0]]).salient().any()


def test_per_sample_does_not_depend_on_the_other_samples(two_samples):
    assert torch.equal(two_samples.select([1]).salient(0.1), two_samples.salient(0.1)[..., [1]])
    assert not torch.equal(
        two_samples.select([1]).thresholds(0.1, "per_layer"), two_samples.thresholds(0.1, "per_layer")[:, [1]]
    )


@pytest.mark.parametrize("ratio", [-0.1, 1.0, 5.0])
def test_ratio_out_of_range(two_samples, ratio):
    with pytest.raises(ValueError, match=f"expected 0 <= salience_ratio < 1, got salience_ratio={ratio}"):
        two_samples.salient(ratio)


def test_unknown_scope(two_samples):
    with pytest.raises(ValueError, match="expected one of per_sample, per_layer, got scope='per_game'"):
        two_samples.thresholds(scope="per_game")
