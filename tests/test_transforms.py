from itertools import combinations

import numpy as np
import pytest
import shapiq
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lk.transforms import (
    harsanyi,
    inverse_harsanyi,
    inverse_or_interactions,
    number_of_players,
    or_interactions,
    orders,
    players_of,
    superset_sums,
)

FORWARD = [harsanyi, or_interactions]
PAIRS = [(harsanyi, inverse_harsanyi), (or_interactions, inverse_or_interactions)]


def random_game(n, *trailing, seed=0, dtype=torch.float64):
    return torch.randn(2**n, *trailing, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def defined_and(v):
    """The definition, term by term: O(3^n)."""
    size = len(v)
    return torch.stack(
        [sum((-1) ** (s.bit_count() - t.bit_count()) * v[t] for t in range(size) if t & s == t) for s in range(size)]
    )


def defined_or(v):
    size = len(v)
    terms = [
        -sum((-1) ** (s.bit_count() - t.bit_count()) * v[size - 1 - t] for t in range(size) if t & s == t)
        for s in range(1, size)
    ]
    return torch.stack([v[0], *terms])


@pytest.mark.parametrize(("forward", "definition"), [(harsanyi, defined_and), (or_interactions, defined_or)])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_definition(forward, definition, n):
    v = random_game(n)
    torch.testing.assert_close(forward(v), definition(v))


@pytest.mark.parametrize("n", [1, 3, 4])
def test_dense_matrices(n):
    size = 2**n
    subset = torch.tensor([[float(s & t == s) for s in range(size)] for t in range(size)], dtype=torch.float64)
    touched = torch.tensor(
        [[float(s & t != 0 or s == 0) for s in range(size)] for t in range(size)], dtype=torch.float64
    )
    v = random_game(n, 2)
    torch.testing.assert_close(harsanyi(v), torch.linalg.solve(subset, v))
    torch.testing.assert_close(or_interactions(v), torch.linalg.solve(touched, v))
    torch.testing.assert_close(superset_sums(v), subset.T @ v)


def test_shapiq_agrees():
    n = 5
    v = random_game(n)
    bits = 1 << np.arange(n)
    theirs = shapiq.ExactComputer(game=lambda present: v.numpy()[present @ bits], n_players=n)("Moebius")
    ours = harsanyi(v)
    for index in range(1, 2**n):
        assert ours[index].item() == pytest.approx(theirs[players_of(index)], abs=1e-12)


@pytest.mark.parametrize(("forward", "inverse"), PAIRS)
@pytest.mark.parametrize("shape", [(1,), (2,), (8, 3), (64, 2, 5), (1024, 300)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inversion(forward, inverse, shape, dtype):
    v = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)
    kept = v.clone()
    tolerance = {"rtol": 0, "atol": 2e-3 if dtype == torch.float32 else 1e-10}
    torch.testing.assert_close(inverse(forward(v)), v, **tolerance)
    torch.testing.assert_close(forward(inverse(v)), v, **tolerance)
    assert torch.equal(v, kept), "the input is not modified"
    assert forward(v).dtype == dtype


def test_slabs_give_the_same_as_one_game_alone():
    v = random_game(10, 300)  # many slabs
    together = harsanyi(v)
    for game in (0, 128, 299):
        assert torch.equal(together[:, game], harsanyi(v[:, game]))


def test_strided_input():
    v = random_game(5, 4, 3)
    assert torch.equal(harsanyi(v.transpose(1, 2)), harsanyi(v).transpose(1, 2))
    assert torch.equal(or_interactions(v[..., ::2]), or_interactions(v)[..., ::2])


@given(st.integers(0, 5), st.integers(0, 1000), st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=25, deadline=None)
def test_linearity(n, seed, a, b):
    v, w = random_game(n, seed=seed), random_game(n, seed=seed + 1)
    for forward in FORWARD:
        torch.testing.assert_close(forward(a * v + b * w), a * forward(v) + b * forward(w), rtol=1e-9, atol=1e-9)


@given(st.integers(1, 5), st.data())
@settings(max_examples=25, deadline=None)
def test_axioms(n, data):
    seed, player = data.draw(st.integers(0, 1000)), data.draw(st.integers(0, n - 1))
    v = random_game(n, seed=seed)
    index = torch.arange(2**n)
    has = (index >> player & 1).bool()
    absent = index[~has]
    # efficiency
    assert harsanyi(v).sum().item() == pytest.approx(v[-1].item(), abs=1e-9)
    # dummy: the player only ever adds the same amount
    dummy = v.clone()
    dummy[has] = v[absent] + 0.7
    interactions = harsanyi(dummy)
    assert interactions[1 << player].item() == pytest.approx(0.7, abs=1e-9)
    assert interactions[has & (index != 1 << player)].abs().max(dim=0).values.item() < 1e-9 if n > 1 else True
    # recursive: I(S + i) = I(S | i present) - I(S)
    torch.testing.assert_close(harsanyi(v)[has], harsanyi(v[has]) - harsanyi(v[~has]))
    # interaction distribution: unanimity games
    for forward, game in (
        (harsanyi, index & seed % 2**n == seed % 2**n),
        (or_interactions, (index & seed % 2**n).bool()),
    ):
        expected = torch.zeros(2**n, dtype=torch.float64)
        expected[seed % 2**n] = 2.5
        if seed % 2**n:
            torch.testing.assert_close(forward(2.5 * game.double()), expected)


@given(st.integers(2, 5), st.data())
@settings(max_examples=25, deadline=None)
def test_anonymity_and_symmetry(n, data):
    v = random_game(n, seed=data.draw(st.integers(0, 1000)))
    order = data.draw(st.permutations(range(n)))
    index = torch.arange(2**n)
    renamed = sum((index >> player & 1) << order[player] for player in range(n))
    moved = torch.empty_like(v)
    moved[renamed] = v
    for forward in FORWARD:
        torch.testing.assert_close(forward(moved)[renamed], forward(v))
    # symmetric players i, j: same interactions with everybody else
    i, j = order[0], order[1]
    swapped = sum((index >> player & 1) << {i: j, j: i}.get(player, player) for player in range(n))
    symmetric = v + v[swapped]
    for forward in FORWARD:
        torch.testing.assert_close(forward(symmetric)[swapped], forward(symmetric))


def test_or_is_and_of_the_complement():
    v = random_game(4)
    torch.testing.assert_close(or_interactions(v)[1:], -harsanyi(v.flip(0))[1:])
    assert or_interactions(v)[0] == v[0]


def test_variance_of_noise_doubles_with_each_order():
    noise = random_game(6, 20_000)
    variance = harsanyi(noise).var(1)
    torch.testing.assert_close(variance, 2.0 ** orders(6).double(), rtol=0.06, atol=0)


def test_orders_and_players():
    assert orders(3).tolist() == [0, 1, 1, 2, 1, 2, 2, 3]
    assert [players_of(index) for index in (0, 1, 6)] == [(), (0,), (1, 2)]
    listed = {players_of(index) for index in range(16)}
    assert listed == {subset for size in range(5) for subset in combinations(range(4), size)}


@pytest.mark.parametrize("shape", [(), (0,), (3,), (6, 2)])
@pytest.mark.parametrize(
    "function", [harsanyi, inverse_harsanyi, or_interactions, inverse_or_interactions, superset_sums, number_of_players]
)
def test_no_power_of_two(function, shape):
    with pytest.raises(ValueError, match="power of two"):
        function(torch.zeros(shape))


def test_integers_are_refused():
    with pytest.raises(ValueError, match="floating"):
        harsanyi(torch.zeros(4, dtype=torch.int64))


@pytest.mark.parametrize(("forward", "inverse"), PAIRS)
def test_other_ways_through_the_same_butterflies(forward, inverse):
    """Gradients and half precision take another road than float32 and float64."""
    v = random_game(9, 70)  # wider than a slab
    w = v.clone().requires_grad_()
    found = forward(w)
    torch.testing.assert_close(found.detach(), forward(v))
    found.square().sum().backward()
    assert w.grad is not None
    assert torch.isfinite(w.grad).all()
    small = torch.arange(8.0)
    torch.testing.assert_close(inverse(small.bfloat16()).float(), inverse(small))


@pytest.mark.parametrize("shape", [(2**12, 300), (2**14, 3), (2**15,)])
def test_more_players_than_fit_in_one_slab(shape):
    v = torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    naive = v.clone()
    for player in range(shape[0].bit_length() - 1):
        halves = naive.view(-1, 2, (1 << player) * (naive.numel() // shape[0]))
        halves[:, 1] -= halves[:, 0]
    assert torch.equal(harsanyi(v), naive)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda():
    v = random_game(8, 3)
    for forward in FORWARD:
        torch.testing.assert_close(forward(v.cuda()).cpu(), forward(v))
