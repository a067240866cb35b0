import numpy as np
import pytest
import shapiq
import torch

from lk.decomposition import decompose
from lk.interactions.indices import (
    banzhaf_interactions,
    banzhaf_values,
    moebius,
    shapley_interactions,
    shapley_taylor,
    shapley_values,
    to_shapiq,
)
from lk.transforms import inverse_harsanyi, inverse_or_interactions, orders, players_of


def effects(n, *trailing, seed=0):
    generator = torch.Generator().manual_seed(seed)
    and_, or_ = torch.randn(2, 2**n, *trailing, generator=generator, dtype=torch.float64)
    or_[orders(n) < 2] = 0.0
    return and_, or_


def computer(and_, or_):
    v = (inverse_harsanyi(and_) + inverse_or_interactions(or_)).numpy()
    n = len(v).bit_length() - 1
    return shapiq.ExactComputer(game=lambda present: v[present @ (1 << np.arange(n))], n_players=n)


@pytest.mark.parametrize(("ours", "theirs"), [(shapley_values, "SV"), (banzhaf_values, "BV")])
def test_values_of_players(ours, theirs):
    and_, or_ = effects(5)
    reference = computer(and_, or_)(theirs)
    assert ours(and_, or_).tolist() == pytest.approx([reference[(player,)] for player in range(5)], abs=1e-10)


@pytest.mark.parametrize(("ours", "theirs"), [(shapley_interactions, "SII"), (banzhaf_interactions, "BII")])
def test_indices_of_sets(ours, theirs):
    and_, or_ = effects(4)
    reference = computer(and_, or_)(theirs, order=4)
    found = ours(and_, or_)
    for index in range(1, 16):
        assert found[index].item() == pytest.approx(reference[players_of(index)], abs=1e-10)
    assert found[0] == 0


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_shapley_taylor(order):
    and_, or_ = effects(4)
    reference = computer(and_, or_)("STII", order=order)
    found = shapley_taylor(and_, or_, order)
    for index in range(1, 16):
        expected = reference[players_of(index)] if index.bit_count() <= order else 0.0
        assert found[index].item() == pytest.approx(expected, abs=1e-10)


def test_shapley_values_of_a_decomposed_game_add_up():
    v = torch.randn(16, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    d = decompose(v, kappa=0.0)
    torch.testing.assert_close(shapley_values(d.and_, d.or_).sum(0), v[-1] - v[0])


def test_batches_are_games_side_by_side():
    and_, or_ = effects(4, 2, 3)
    for function in (
        shapley_values,
        banzhaf_values,
        shapley_interactions,
        banzhaf_interactions,
        lambda a, o: shapley_taylor(a, o, 2),
        moebius,
    ):
        torch.testing.assert_close(function(and_, or_)[:, 1, 2], function(and_[:, 1, 2], or_[:, 1, 2]))


def test_to_shapiq():
    and_, or_ = effects(4)
    theirs = computer(and_, or_)("Moebius")
    ours = to_shapiq(and_, or_)
    for index in range(1, 16):
        assert ours[players_of(index)] == pytest.approx(theirs[players_of(index)], abs=1e-10)
    with pytest.raises(ValueError, match="one game"):
        to_shapiq(*effects(3, 2))


def test_order_out_of_range():
    with pytest.raises(ValueError, match="expected order from 1 to n = 3, got order=4"):
        shapley_taylor(*effects(3), 4)
