import math

import pytest
import torch

from lk.metrics import sparsity_conditions
from lk.transforms import harsanyi, inverse_harsanyi, orders


def by_size(*u):
    """The symmetric game with u(S) = u[|S|], raised by 5, which centring takes away."""
    return torch.tensor(u, dtype=torch.float64)[orders(len(u) - 1)] + 5


def test_additive_game():
    found = sparsity_conditions(by_size(0, 1, 2, 3))
    assert found.average.tolist() == [0, 1, 2, 3]
    assert found.above.tolist() == [1, 0, 0, 0]
    assert found.monotone
    assert found.violation == 0
    assert float(found.power) == pytest.approx(1)


def test_share_above_each_order_by_hand():
    and_ = torch.tensor([7.0, 1.0, -2.0, 0.0, 0.0, 4.0, 0.0, -3.0])  # strengths by order: 3, 4, 3
    assert sparsity_conditions(inverse_harsanyi(and_)).above.tolist() == pytest.approx([1, 0.7, 0.3, 0])


def test_averages_by_hand():
    found = sparsity_conditions(torch.tensor([1.0, 2.0, 4.0, 6.0]))
    assert found.average.tolist() == [0, 2, 5]
    assert float(found.power) == pytest.approx(math.log(2.5, 2))


@pytest.mark.parametrize("degree", [0.5, 1.0, 2.0, 3.0])
def test_power_of_a_power(degree):
    assert float(sparsity_conditions(by_size(*(m**degree for m in range(6)))).power) == pytest.approx(degree)


def test_power_is_that_of_the_worst_pair():
    """u = 1, 1, 4: from order 2 to 3 the game grows by 4 within a factor of 3 / 2."""
    assert float(sparsity_conditions(by_size(0, 1, 1, 4)).power) == pytest.approx(math.log(4) / math.log(1.5))


def test_game_that_falls():
    found = sparsity_conditions(by_size(0, 3, 1, 2))
    assert not found.monotone
    assert float(found.violation) == 1  # from 3 to 1, relative to 2
    assert float(found.power) == pytest.approx(math.log(2) / math.log(1.5))
    assert sparsity_conditions(by_size(0, 1, 0)).violation == math.inf


def test_order_without_value_below_one_with_value_rules_out_every_power():
    for u in ((0, 0, 2), (0, -1, 2), (0, -1, 0)):
        assert sparsity_conditions(by_size(*u)).power == math.inf


def test_negative_games():
    """-1 >= -(1/2)^p * 2 for p up to 1, so that 0 is the least; -3 >= -(1/2)^p * 2 for no p from 0."""
    assert sparsity_conditions(by_size(0, -1, -2)).power == 0
    assert sparsity_conditions(by_size(0, -3, -2)).power == math.inf
    assert float(sparsity_conditions(by_size(0, -1, -2)).violation) == 1


def test_constant_game():
    found = sparsity_conditions(torch.full((8, 1), 0.1))
    assert found.above.isnan().all()
    assert found.monotone.all()
    assert found.violation == 0
    assert found.power == 0


def test_rounding_is_no_fall():
    """The mean of C(n, m) equal numbers is not that number to the last bit."""
    assert sparsity_conditions(by_size(0, *[0.1] * 7)).monotone


def with_balanced_pairs(n):
    """x_1 + ... + x_n + all pairs, with signs in turn."""
    and_ = torch.zeros(2**n, dtype=torch.float64)
    and_[orders(n) == 1] = 1
    pairs = orders(n) == 2
    and_[pairs] = torch.tensor([(-1.0) ** i for i in range(int(pairs.sum()))]).double()
    return inverse_harsanyi(and_)


@pytest.mark.parametrize(("n", "power"), [(4, 1), (5, 1), (6, math.log(7 / (5 + 2 / 3)) / math.log(6 / 5))])
def test_conditions_do_not_make_interactions_few(n, power):
    """All three hold, with M = 2 and p about 1, and yet every pair is salient.

    The 15 signs of six players sum to 1, so that u(m) = m + C(m, 2) / 15; the worst pair of orders is 5 and 6.
    """
    values = with_balanced_pairs(n)
    found = sparsity_conditions(values)
    assert found.above[2] == 0
    assert found.monotone
    assert float(found.power) == pytest.approx(power)
    strength = harsanyi(values).abs()
    assert (strength[orders(n) == 2] > 0.05 * strength.max()).all()


def test_trailing_axes_are_games():
    values = torch.randn(16, 3, 2)
    found, one = sparsity_conditions(values), sparsity_conditions(values[:, 2, 1])
    assert [tuple(part.shape) for part in found] == [(5, 3, 2), (5, 3, 2), (3, 2), (3, 2), (3, 2)]
    assert all(
        torch.allclose(part[..., 2, 1].double(), single.double()) for part, single in zip(found, one, strict=True)
    )


def test_number_of_coalitions():
    with pytest.raises(ValueError, match=r"expected a power of two of coalitions along the.*got 6 \(shape \(6,\)\)"):
        sparsity_conditions(torch.zeros(6))
