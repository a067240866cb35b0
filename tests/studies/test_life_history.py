"""Life histories: each kind by hand, invariances, and survival against the product-limit formula."""

import numpy as np
import pytest
import torch

from lk.studies.life_history import HISTORIES, durations, histories, lives, of_same_class, share_held, survival

EVEN = torch.arange(7, dtype=torch.float64)
END = 2  # last checkpoint of phase 1
# Signs over seven checkpoints, share of reference networks that hold it, history
CASES = {
    "there from the start": ([0, 1, 1, 1, 1, 1, 1], 1.0, "reliable"),
    "held by exactly half": ([1, 1, 1, 1, 1, 1, 1], 0.5, "reliable"),
    "there too seldom": ([1, 0, 1, 1, 1, 1, 1], 1.0, "other"),
    "gone with phase 1": ([1, 1, 1, 0, 0, 0, 0], 0.0, "withdrawn"),
    "gone with phase 1, held": ([1, 1, 1, 0, 0, 0, 0], 1.0, "withdrawn"),
    "lost later": ([0, 1, 1, 1, 1, 0, 0], 1.0, "forgotten"),
    "lost later, not held": ([0, 1, 1, 1, 1, 0, 0], 0.0, "other"),
    "new and alone": ([0, 0, 0, 1, 1, 1, 1], 0.0, "betraying"),
    "new, sign changed": ([-1, -1, -1, -1, 1, 1, 1], 0.0, "betraying"),
    "on and off": ([0, 0, 1, 0, 1, 0, 1], 1.0, "fluctuating"),
    "old and alone": ([1, 1, 1, 1, 0, 1, 1], 0.0, "other"),
    "nobody to ask": ([1, 1, 1, 1, 1, 1, 1], float("nan"), "other"),
    "new, nobody to ask": ([0, 0, 0, 1, 1, 1, 1], float("nan"), "other"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_history_by_hand(case):
    signs, held, expected = CASES[case]
    found = histories(lives(torch.tensor(signs)[:, None], EVEN), END, torch.tensor([held]))
    assert HISTORIES[int(found)] == expected


def test_what_is_never_seen_has_no_history():
    found = lives(torch.zeros(7, 3), EVEN)
    assert histories(found, END, torch.ones(3)).tolist() == [-1] * 3
    assert found.first.tolist() == found.last.tolist() == [-1] * 3
    assert not found.share.any()


def test_life_by_hand():
    found = lives(torch.tensor([0, -1, 1, 0, 1])[:, None], torch.tensor([0.0, 1.0, 2.0, 4.0, 8.0]))
    assert [found.first.item(), found.last.item(), found.sign.item()] == [2, 4, 1]
    assert found.present[:, 0].tolist() == [False, False, True, False, True]
    # Checkpoints 2, 3, 4 stand for 1.5, 3 and 2: it is there in the first and the last.
    assert found.share.item() == pytest.approx(3.5 / 6.5)
    assert durations(torch.tensor([0.0, 1.0, 2.0, 4.0, 8.0])).sum() == pytest.approx(8)


def test_histories_follow_a_renaming_of_interactions_and_samples():
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(-1, 2, (7, 2, 16, 5), generator=generator)
    held = torch.rand(2, 16, 5, generator=generator)
    coalitions, samples = (torch.randperm(size, generator=generator) for size in (16, 5))
    found = histories(lives(signs, EVEN), END, held)
    moved = histories(lives(signs[:, :, coalitions][..., samples], EVEN), END, held[:, coalitions][..., samples])
    assert torch.equal(moved, found[:, coalitions][..., samples])
    assert len(found.unique()) == len(HISTORIES)
    # The opposite class sees the same lives.
    assert torch.equal(histories(lives(-signs, EVEN), END, held), found)


def test_held_by_other_networks():
    references = torch.tensor([[1, 1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    assert share_held(torch.tensor([1, -1, 0]), references).tolist() == [0.75, 0.25, 0.0]


def test_held_by_samples_of_the_same_class():
    signs = torch.tensor([[1, 0, 1, -1, 0, 1]])
    found = of_same_class(signs, torch.tensor([0, 1, 0, 1, 1, 0]))
    assert found.shape == (2, 1, 6)
    # Nobody meets itself: summed over the others, every sample finds its class without its own sign.
    assert found.sum(0)[0].tolist() == [2 - 1 + 1, -1, 2, -1 + 1, -1, 2]
    assert of_same_class(signs, torch.tensor([0, 0, 0, 0, 1, 1])) is None
    assert of_same_class(signs, torch.arange(6)) is None


def test_survival_is_the_product_limit():
    # First seen at 0; lost at 1, 2, 2, 4; two are there at the end.
    signs = torch.tensor(
        [[1, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1]]
    )
    found = survival(lives(signs, torch.arange(5.0)), torch.arange(5.0), torch.ones(6, dtype=torch.bool))
    np.testing.assert_allclose(dict(zip(found.time, found.alive, strict=True))[1.0], 5 / 6)
    np.testing.assert_allclose(dict(zip(found.time, found.alive, strict=True))[2.0], 5 / 6 * 3 / 5)
    assert found.median[0] == 2.0
    assert found.n == 6
    assert (found.low <= found.alive).all()
    assert (found.alive <= found.high).all()
    assert survival(lives(signs[:, 4:], torch.arange(5.0)), torch.arange(5.0), torch.ones(2, dtype=torch.bool)) is None
