import pytest
import torch
from torch import nn

from lk.metrics import by_player, integrated_gradients


@pytest.mark.parametrize("steps", [1, 7])
def test_quadratic_by_hand(steps):
    """f = a^2 + 3 a b + b from (1, -1) to (3, 1).

    Df/da = 2 a + 3 b is 4 on average, df/db = 3 a + 1 is 7, and both move by 2.
    """
    x, baseline = torch.tensor([3.0, 1.0]), torch.tensor([1.0, -1.0])
    found = integrated_gradients(lambda z: z[:, 0] ** 2 + 3 * z[:, 0] * z[:, 1] + z[:, 1], x, baseline, steps)
    assert found.tolist() == pytest.approx([8, 14])


def test_cubic_by_hand():
    """The midpoint rule with two steps on 3 t^2: 3 (1/16 + 9/16) / 2."""
    assert integrated_gradients(lambda z: z[:, 0] ** 3, torch.ones(1), torch.zeros(1), steps=2).tolist() == [0.9375]


def test_completeness_and_its_order():
    network = (
        nn.Sequential(nn.Flatten(), nn.Linear(12, 16), nn.Softplus(), nn.Linear(16, 1)).double().requires_grad_(False)
    )
    x, baseline = 3 * torch.randn(2, 3, 2, 2).double()
    reached = float(network(x[None]) - network(baseline[None]))
    errors = []
    for steps in (8, 16, 512):
        found = integrated_gradients(lambda z: network(z)[:, 0], x, baseline, steps)
        assert found.shape == x.shape
        errors.append(abs(float(found.sum()) - reached))
    assert errors[-1] < 1e-5
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2)


def test_entries_at_the_baseline_and_entries_unused_get_nothing():
    found = integrated_gradients(
        lambda z: z[:, 0] * z[:, 1].exp(), torch.tensor([2.0, 1.0, 5.0]), torch.tensor([0.0, 1.0, 0.0])
    )
    assert found.tolist() == pytest.approx([2 * 2.718282, 0, 0])


def test_without_gradients_around_and_no_trace_left():
    weight = torch.ones(2, requires_grad=True)
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        found = integrated_gradients(lambda z: z @ weight, x, torch.zeros(2))
    assert found.tolist() == [1, 1]
    assert not found.requires_grad
    assert weight.grad is None
    assert x.grad is None


def test_by_player_of_pixels():
    attribution = torch.arange(8.0).reshape(2, 2, 2)  # channels 0..3 and 4..7
    owner = torch.tensor([[[1, -1], [0, 1]]])  # a pixel's channels have one owner
    assert by_player(attribution, owner, 2).tolist() == [2 + 6, 0 + 4 + 3 + 7]
    assert by_player(attribution, owner, 3).tolist() == [8, 14, 0]


def test_by_player_of_words():
    attribution = torch.tensor([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    assert by_player(attribution, torch.tensor([0, -1, 0]), 1).tolist() == [303]
    assert by_player(attribution[:, 0], torch.tensor([1, 0, -1]), 2).tolist() == [10, 1]


def test_errors():
    with pytest.raises(
        ValueError,
        match=r"expected steps of at least 1 and equal shapes, got steps=0, x\.shape=\(2,\), baseline\.shape=\(2,\)",
    ):
        integrated_gradients(lambda z: z[:, 0], torch.ones(2), torch.zeros(2), 0)
    with pytest.raises(ValueError, match=r"x\.shape=\(2,\), baseline\.shape=\(1,\)"):
        integrated_gradients(lambda z: z[:, 0], torch.ones(2), torch.zeros(1))
    with pytest.raises(ValueError, match=r"expected scores of shape \(4,\) from function, got shape \(4, 2\)"):
        integrated_gradients(lambda z: z, torch.ones(2), torch.zeros(2), 4)
    with pytest.raises(ValueError, match="expected owners from -1 to 1, got 2 with n=2"):
        by_player(torch.ones(2), torch.tensor([0, 2]), 2)
