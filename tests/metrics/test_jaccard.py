import pytest
import torch

from lk.metrics import signed_jaccard

A = torch.tensor([9.0, 1.0, -2.0, 4.0, 0.0, 0.0, 2.0, 0.0])  # orders 0 1 1 2 1 2 2 3
B = torch.tensor([9.0, 3.0, -1.0, -4.0, 1.0, 0.0, 1.0, 0.0])


def test_by_hand():
    """Order 1: min 1 + 1 + 0, max 3 + 2 + 1. Order 2: opposite signs share nothing and count twice, 1 / (4 + 4 + 2)."""
    found = signed_jaccard(A, B)
    assert found[1:3].tolist() == pytest.approx([2 / 6, 1 / 10])
    assert found.isnan().tolist() == [True, False, False, True]
    assert A[0] == B[0] == 9


def test_equal_opposite_and_swapped():
    games = torch.randn(16, 3, 2)
    assert torch.equal(signed_jaccard(games, games)[1:], torch.ones(4, 3, 2))
    assert not signed_jaccard(games, -games)[1:].any()
    assert torch.equal(signed_jaccard(games, 2 * games)[1:], torch.full((4, 3, 2), 0.5))
    other = torch.randn(16, 3, 2)
    found = signed_jaccard(games, other)[1:]
    assert torch.equal(found, signed_jaccard(other, games)[1:])
    assert torch.allclose(found[:, 2, 1], signed_jaccard(games[:, 2, 1], other[:, 2, 1])[1:])
