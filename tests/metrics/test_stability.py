import pytest
import torch

from lk.metrics import mean_by_order, stability


def test_stability_by_hand():
    """Draws 1, 2, 3: mean 2, unbiased deviation 1. Draws -1, -5: mean -3, deviation sqrt(8)."""
    assert stability(torch.tensor([[1.0, 2.0, 3.0], [-2.0, -4.0, -6.0]])).tolist() == [2, 2]
    assert float(stability(torch.tensor([[-1.0, -5.0]]))) == pytest.approx(3 / 8**0.5)
    assert float(stability(torch.tensor([[-1.0, 1.0]]))) == 0


def test_without_noise_there_is_no_stability():
    # 0.1 thirty times: the mean is not 0.1 to the last bit, and the variance about it not zero.
    assert stability(torch.full((2, 30), 0.1)).isnan().all()
    assert stability(torch.zeros(2, 3)).isnan().all()


def test_axes_between_are_games():
    effects = torch.randn(8, 3, 2, 5)
    found = stability(effects)
    assert found.shape == (8, 3, 2)
    assert torch.allclose(found[:, 1, 0], stability(effects[:, 1, 0]))
    assert torch.allclose(stability(-7 * effects), found)


@pytest.mark.parametrize("shape", [(4, 3, 1), (4, 0), (4,)])
def test_too_few_draws(shape):
    with pytest.raises(
        ValueError, match=r"expected effects of shape \(2\*\*n, \.\.\., draws\) with.*got effects\.shape=\(4,"
    ):
        stability(torch.zeros(shape))


def test_mean_by_order_by_hand():
    x = torch.tensor([100.0, 1.0, 2.0, 5.0, torch.nan, torch.inf, 7.0, 9.0])  # orders 0 1 1 2 1 2 2 3
    chosen = torch.tensor([1, 1, 1, 1, 1, 1, 0, 0]).bool()
    found = mean_by_order(x, chosen)
    assert found[:3].nan_to_num(-1).tolist() == [-1, 1.5, 5]
    assert found.isnan().tolist() == [True, False, False, True]
    assert mean_by_order(x, torch.ones(8).bool())[1:].tolist() == [1.5, 6, 9]
    assert chosen[0]
    assert x[0] == 100


def test_one_choice_for_several_games():
    x, chosen = torch.randn(8, 5, 2), torch.rand(8, 1, 2) > 0.3
    found = mean_by_order(x, chosen)
    assert found.shape == (4, 5, 2)
    assert torch.equal(found[:, 3, 1].nan_to_num(-1), mean_by_order(x[:, 3, 1], chosen[:, 0, 1]).nan_to_num(-1))
