import pytest
import torch

from lk.games import Foreground, mask, present
from lk.metrics import noise_share


def test_by_hand():
    """Player 0 owns 3 and 4 (norm 5), player 1 owns 12, the background 100.

    Noise of 1, 0 and 2 on them, 50 on the background.
    """
    x, owner = torch.tensor([[3.0, 4.0, 12.0, 100.0]]).double(), torch.tensor([[0, 0, 1, -1]])
    noise = torch.tensor([[[1.0, 0.0, 2.0, 50.0]], [[0.0, 0.0, 0.0, 1.0]]])
    found = noise_share(x, x + noise, owner)
    assert found.shape == (4, 2, 1)
    assert found[0].isnan().all()
    assert found[1:, 0, 0].tolist() == pytest.approx([1 / 5, 2 / 12, 5**0.5 / 13])
    assert found[1:, 1, 0].tolist() == [0, 0, 0]


def test_equals_the_norms_of_masked_samples():
    """App. L read literally: mask, subtract, take norms.

    Samples divided differently, channels shared by a pixel's owner.
    """
    x = torch.rand(3, 2, 4, 4, dtype=torch.float64)
    noisy = x + 0.1 * torch.randn(5, 3, 2, 4, 4)
    owner = Foreground(3, 2).divide(x, x.mean(0))
    found = noise_share(x, noisy, owner)
    assert found.shape == (8, 5, 3)
    table = present(3)
    table[:, -1] = False  # the background is in no coalition
    for b in range(3):
        nothing = torch.zeros(2, 4, 4, dtype=torch.float64)
        own = mask(x[b], nothing, owner[b], table).flatten(1).norm(dim=1)
        for draw in range(5):
            noise = mask(noisy[draw, b] - x[b], nothing, owner[b], table).flatten(1).norm(dim=1)
            assert torch.allclose(found[1:, draw, b], (noise / own)[1:])


def test_a_coalition_without_size_has_no_share():
    x = torch.tensor([[0.0, 2.0]])
    found = noise_share(x, x[None] + 1, torch.tensor([[0, 1]]))[:, 0, 0]
    assert found.isnan().tolist() == [True, True, False, False]
    assert found[2:].tolist() == pytest.approx([0.5, 0.5**0.5])


def test_a_word_owns_all_features_of_its_embedding():
    x = torch.tensor([[[3.0, 4.0], [0.0, 1.0]]])
    found = noise_share(x, x[None] + torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([[0, 1]]))
    assert found[1:, 0, 0].tolist() == pytest.approx([1 / 5, 1, (2 / 26) ** 0.5])


@pytest.mark.parametrize("shape", [(2, 3), (5, 2, 4), (5, 3, 3)])
def test_noisy_samples_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"expected noisy of shape \(draws, 2, 3\), got noisy\.shape=\("):
        noise_share(torch.ones(2, 3), torch.ones(shape), torch.zeros(2, 3).long())
