import itertools
import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from lk.decomposition import Decomposition, decompose, decompose_path, optimal_face_range
from lk.transforms import inverse_harsanyi, inverse_or_interactions, orders

KAPPAS = [0.0, 0.04]


def random_game(n, *trailing, seed=0):
    return torch.randn(2**n, *trailing, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network_game(n, *trailing, seed=0):
    """A random ReLU network played on its inputs: neither dense noise nor planted."""
    generator = torch.Generator().manual_seed(seed)
    present = torch.tensor([[index >> player & 1 for player in range(n)] for index in range(2**n)], dtype=torch.float64)
    outputs = int(np.prod(trailing)) if trailing else 1
    hidden = torch.relu(present @ torch.randn(n, 20, generator=generator, dtype=torch.float64) - 0.5)
    hidden = torch.relu(hidden @ torch.randn(20, 20, generator=generator, dtype=torch.float64))
    return (hidden @ torch.randn(20, outputs, generator=generator, dtype=torch.float64)).reshape(2**n, *trailing)


def planted_game(n, terms, seed):
    """Few AND and OR effects, whose strengths sum to the second result."""
    generator = torch.Generator().manual_seed(seed)
    and_, or_ = torch.zeros(2**n, dtype=torch.float64), torch.zeros(2**n, dtype=torch.float64)
    for effects in (and_, or_):
        for _ in range(terms):
            effects[int(torch.randint(1, 2**n, (), generator=generator))] = torch.randn(
                (), generator=generator, dtype=torch.float64
            )
    return inverse_harsanyi(and_) + inverse_or_interactions(or_), float(and_.abs().sum() + or_.abs().sum())


def blocks(n):
    """AND and OR columns of the linear map, from the definition."""
    index = np.arange(2**n)
    and_ = (index[:, None] & index[None] == index[None])[:, 1:]
    or_ = (index[:, None] & index[None] != 0)[:, [s for s in range(2**n) if s.bit_count() > 1]]
    return np.concatenate([and_, or_], axis=1).astype(float)


def least_strength(v, kappa):
    """The optimum by HiGHS on the linear programme."""
    n = len(v).bit_length() - 1
    u = (v - v[0]).numpy()[1:]
    bound = kappa * abs(u[-1])
    block = blocks(n)[1:]
    both = np.concatenate([block, -block], axis=1)
    found = linprog(
        np.ones(both.shape[1]),
        A_ub=np.concatenate([both, -both]),
        b_ub=np.concatenate([u + bound, bound - u]),
        method="highs",
    )
    assert found.success
    return found.fun


def assert_valid(v, d, kappa, gap=1e-3):
    """What holds for every answer by construction, and what its certificate says."""
    u = (v - v[0]).double()
    scale = u.abs().amax(0)
    matched = inverse_harsanyi(d.and_) + inverse_or_interactions(d.or_) + d.delta
    assert ((matched - v).abs() <= 1e-12 * (scale + v.abs().amax(0)) + 1e-14 * d.objective).all(), "universal matching"
    assert (d.delta.abs() <= kappa * u[-1].abs()).all(), "residual within its bound"
    n = v.shape[0].bit_length() - 1
    assert torch.equal(d.and_[0], v[0].double())
    assert (d.delta[0] == 0).all()
    assert (d.or_[orders(n) <= 1] == 0).all()
    torch.testing.assert_close(d.objective, d.and_[1:].abs().sum(0) + d.or_[1:].abs().sum(0), rtol=1e-12, atol=0)
    assert torch.equal(d.certified, d.objective - d.lower_bound <= gap * d.lower_bound + 1e-9 * scale)
    assert d.certified.all()
    assert (d.lower_bound <= d.objective + 1e-9 * scale).all()


@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("game", [random_game, network_game])
def test_optimum_is_that_of_highs(game, n, kappa):
    v = game(n, seed=n)
    d = decompose(v, kappa)
    assert_valid(v, d, kappa)
    best = least_strength(v, kappa)
    assert d.objective.item() == pytest.approx(best, rel=5e-4, abs=1e-9), "order weights cost at most 0.05 %"
    assert d.objective.item() >= best - 1e-9
    assert d.lower_bound.item() <= best + 1e-9
    tight = decompose(v, kappa, gap=1e-7)
    assert tight.objective.item() == pytest.approx(best, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("kappa", KAPPAS)
def test_optimum_at_eight_players(kappa):
    v = network_game(8, seed=3)
    d = decompose(v, kappa)
    assert_valid(v, d, kappa)
    assert d.objective.item() == pytest.approx(least_strength(v, kappa), rel=5e-4)


@given(st.integers(1, 5), st.integers(0, 10_000), st.sampled_from([0.0, 0.01, 0.04, 0.3]))
@example(5, 2000, 0.01)  # a first guess of the face without any coalition at its bound
@settings(max_examples=40, deadline=None)
def test_random_games(n, seed, kappa):
    v = random_game(n, seed=seed)
    if seed % 3 == 0:
        v = v.round()  # ties
    assert_valid(v, decompose(v, kappa), kappa)


def canonical_by_highs_and_projection(v, kappa):
    """An independent canonical point: interior dual of HiGHS, the face it describes, then the least norm by SLSQP."""
    n = len(v).bit_length() - 1
    u = (v - v[0]).numpy()[1:]
    bound = kappa * abs(u[-1])
    block = blocks(n)[1:]
    order = np.array(
        [s.bit_count() for s in range(1, 2**n)] + [s.bit_count() for s in range(2**n) if s.bit_count() > 1]
    )
    weight = 1 + 5e-4 / (n - 1) * (order - 1)
    both = np.concatenate([block, -block], axis=1)
    found = linprog(
        np.tile(weight, 2),
        A_ub=np.concatenate([both, -both]),
        b_ub=np.concatenate([u + bound, bound - u]),
        method="highs-ipm",
    )
    y = found.ineqlin.marginals[: len(u)] - found.ineqlin.marginals[len(u) :]
    sums = block.T @ y
    used = np.abs(sums) > weight * (1 - 1e-7)
    active = np.abs(y) > 1e-7 if bound > 0 else np.ones(len(u), bool)
    sign = np.sign(sums[used])
    equal, right = block[active][:, used], (u - bound * np.sign(y))[active]
    free = block[~active][:, used]
    slopes = np.concatenate([np.diag(sign), free, -free])
    least = np.concatenate([np.zeros(used.sum()), u[~active] - bound, -u[~active] - bound])
    scale = np.abs(u).max()
    shortest = minimize(
        lambda x: 0.5 * x @ x,
        np.linalg.lstsq(equal, right / scale)[0],
        jac=lambda x: x,
        method="SLSQP",
        constraints=[
            {"type": "eq", "fun": lambda x: equal @ x - right / scale, "jac": lambda _: equal},
            {"type": "ineq", "fun": lambda x: slopes @ x - least / scale, "jac": lambda _: slopes},
        ],
        options={"ftol": 1e-15, "maxiter": 500},
    )
    effects = np.zeros(block.shape[1])
    effects[used] = shortest.x * scale
    and_, or_ = np.zeros(2**n), np.zeros(2**n)
    and_[1:] = effects[: 2**n - 1]
    or_[[s for s in range(2**n) if s.bit_count() > 1]] = effects[2**n - 1 :]
    return and_, or_


@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("seed", [0, 1])
def test_canonical_point_from_another_solver(kappa, seed):
    v = network_game(4, seed=seed)
    d = decompose(v, kappa)
    and_, or_ = canonical_by_highs_and_projection(v, kappa)
    assert d.canonical.all()
    np.testing.assert_allclose(d.and_[1:], and_[1:], atol=1e-6 * d.objective.item())
    np.testing.assert_allclose(d.or_, or_, atol=1e-6 * d.objective.item())


@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("n", [4, 6, 8])
def test_players_relabelled(n, kappa):
    v = network_game(n, 2, seed=n)
    generator = torch.Generator().manual_seed(n)
    order = torch.randperm(n, generator=generator).tolist()
    index = torch.arange(2**n)
    renamed = sum((index >> player & 1) << order[player] for player in range(n))
    moved = torch.empty_like(v)
    moved[renamed] = v
    d, e = decompose(v, kappa), decompose(moved, kappa)
    tolerance = 1e-9 * float(d.and_[1:].abs().max())
    torch.testing.assert_close(e.and_[renamed], d.and_, rtol=0, atol=tolerance)
    torch.testing.assert_close(e.or_[renamed], d.or_, rtol=0, atol=tolerance)


@pytest.mark.parametrize("kappa", KAPPAS)
def test_alone_or_in_a_batch_with_one_or_two_threads(kappa):
    v = network_game(6, 2, 3)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        together = decompose(v, kappa)
        torch.set_num_threads(1)
        for a, b in itertools.product(range(2), range(3)):
            alone = decompose(v[:, a, b], kappa)
            assert torch.equal(alone.and_, together.and_[:, a, b])
            assert torch.equal(alone.or_, together.or_[:, a, b])
    finally:
        torch.set_num_threads(before)
    assert together.objective.shape == together.certified.shape == (2, 3)
    assert together.method.shape == (2, 3)


@pytest.mark.parametrize("kappa", KAPPAS)
def test_float32_input(kappa):
    v = network_game(6, 4)
    d, e = decompose(v, kappa), decompose(v.float(), kappa)
    largest = float(torch.maximum(d.and_[1:].abs().max(), d.or_.abs().max()))
    assert float((d.and_ - e.and_).abs().max()) < 1e-3 * largest
    assert float((d.or_ - e.or_).abs().max()) < 1e-3 * largest
    assert e.and_.dtype == torch.float64


@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("scale", [1e-30, 1e-8, 1e8, 1e30])
def test_scales(kappa, scale):
    v = network_game(5, 2) + 1.0
    d, e = decompose(v, kappa), decompose(scale * v, kappa)
    assert_valid(scale * v, e, kappa)
    torch.testing.assert_close(e.and_ / scale, d.and_, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(e.or_ / scale, d.or_, rtol=1e-9, atol=1e-9)


def nasty(n):
    order = orders(n).double()
    size = 2**n
    entry = torch.zeros(size, dtype=torch.float64)
    entry[size // 3] = 1e6
    flat_ends = random_game(n, seed=5)
    flat_ends[-1] = flat_ends[0]
    return {
        "zero": torch.zeros(size, dtype=torch.float64),
        "constant": torch.full((size,), 3.3, dtype=torch.float64),
        "additive": order,
        "and": (order == n).double(),
        "or": (order > 0).double(),
        "parity": order % 2,
        "majority": (order > n / 2).double(),
        "one huge entry": entry + random_game(n, seed=2) * 1e-3,
        "v(N) = v(empty)": flat_ends,
        "tiny difference": flat_ends + 1e-12 * (order == n),
        "max minus min": (order > 0).double() - (order == n).double(),
    }


@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("n", [3, 6])
@pytest.mark.parametrize("name", list(nasty(1)))
def test_nasty_games(name, n, kappa):
    v = nasty(n)[name]
    d = decompose(v, kappa)
    assert_valid(v, d, kappa)
    assert d.canonical.all() or name == "one huge entry"  # the rest of that game lies at 1e-9 of it
    if n == 3:
        assert d.objective.item() == pytest.approx(
            least_strength(v, kappa), rel=5e-4, abs=1e-9 * (1 + v.abs().max().item())
        )


@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("name", ["parity", "majority", "one huge entry", "v(N) = v(empty)"])
def test_nasty_games_at_eight_players(name, kappa):
    v = nasty(8)[name]
    assert_valid(v, decompose(v, kappa), kappa)


@pytest.mark.parametrize("n", [3, 5])
def test_ground_truth_games(n):
    """Layerwise.md 5.1, at kappa = 0."""
    index = torch.arange(2**n)
    s = 0b101
    and_game = decompose(2.5 * (index & s == s).double(), 0.0)
    assert and_game.and_[s].item() == pytest.approx(2.5)
    assert and_game.objective.item() == pytest.approx(2.5)
    or_game = decompose(2.5 * (index & s != 0).double(), 0.0)
    assert or_game.or_[s].item() == pytest.approx(2.5)
    assert or_game.objective.item() == pytest.approx(2.5)
    additive = decompose(orders(n).double(), 0.0)
    assert additive.objective.item() == pytest.approx(n)
    torch.testing.assert_close(additive.and_[orders(n) == 1], torch.ones(n, dtype=torch.float64))


def test_the_example_of_the_sparsity_paper():
    """f = x1 x2 x3 + x2 x3 + x3 x4 + (x4 or x5): three AND effects and one OR effect."""
    x = [(torch.arange(32) >> player & 1).double() for player in range(5)]
    d = decompose(x[0] * x[1] * x[2] + x[1] * x[2] + x[2] * x[3] + torch.maximum(x[3], x[4]), 0.0)
    assert d.objective.item() == pytest.approx(4.0)


@pytest.mark.parametrize("n", [6, 8])
def test_planted_games(n):
    """Strength, not effects: other optima may exist, and none is worse than what was planted."""
    found = [(planted_game(n, 3, seed), seed) for seed in range(4)]
    d = decompose(torch.stack([v for (v, _), _ in found], 1), 0.0)
    for (_v, strength), seed in found:
        assert d.objective[seed].item() <= strength * (1 + 5e-4)
    assert d.canonical.all()
    assert (d.and_.abs() > 1e-9).sum() + (d.or_.abs() > 1e-9).sum() < 4 * 20


def test_absolute_bound():
    v = network_game(5, 3)
    bounds = torch.tensor([0.0, 0.1, 1e9], dtype=torch.float64)
    d = decompose(v, bound=bounds)
    assert (d.delta.abs() <= bounds).all()
    assert d.objective[2].item() == 0.0
    same = decompose(v[:, 1], kappa=0.1 / float((v[-1, 1] - v[0, 1]).abs()))
    torch.testing.assert_close(d.and_[:, 1], same.and_, rtol=1e-9, atol=1e-9)


def test_single_player_and_no_player():
    d = decompose(torch.tensor([1.0, 3.0]), 0.0)
    assert d.and_.tolist() == [1.0, 2.0]
    assert decompose(torch.tensor([2.0])).and_.tolist() == [2.0]
    assert decompose(torch.zeros(4, 0)).objective.shape == (0,)


def test_what_is_not_certified_is_feasible_marked_and_counted_in_one_warning(monkeypatch):
    module = sys.modules["lk.decomposition.interior"]
    solve = module.solve_interior
    monkeypatch.setattr(module, "solve_interior", lambda *game, **_: solve(*game, most_iterations=3, finish=False))
    monkeypatch.setattr(module, "ascended", lambda *_: None)  # it would mend even this start
    v = random_game(6, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        d = decompose(v, 0.0)
    assert len(caught) == 1
    assert "3 of 3" in str(caught[0].message)
    assert not d.certified.any()
    assert (d.objective > d.lower_bound).all()
    assert (d.lower_bound > 0).all()
    matched = inverse_harsanyi(d.and_) + inverse_or_interactions(d.or_)
    torch.testing.assert_close(matched, v, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "values",
    [[1.7e308, -1.7e308, 0.0, 1.0], [0.0, 1e308, 3.0, 1.0], [0.0, 0.0, 0.0, 1e308], [-1e308, 0.0, 0.0, 1e308]],
    ids=["range of 3.4e308", "one value of 1e308", "grand of 1e308", "range of 2e308"],
)
@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("method", [decompose, lambda v, kappa: decompose_path(v, [kappa]), optimal_face_range])
def test_a_range_whose_effects_leave_double_precision_is_refused_for_that_reason(values, kappa, method):
    game = torch.tensor([values, [0.0] * 4], dtype=torch.float64).T.flip(1)
    with pytest.raises(
        ValueError,
        match=r"expected values within 5.6e\+306 of that of the empty .* in game 1 \(first of 1 .* Divide the values",
    ):
        method(game, kappa)


@pytest.mark.parametrize(
    ("dtype", "unit"), [(torch.float64, 2.0**1018), (torch.float32, 2.0**126), (torch.float64, 2.0**-1000)]
)
def test_the_widest_and_smallest_games_scale(dtype, unit):
    game = torch.tensor([1.0, -1.0, 0.25, 0.5], dtype=torch.float64)
    one, scaled = decompose(game, 0.04), decompose((game * unit).to(dtype), 0.04)
    assert torch.equal(one.and_ * unit, scaled.and_)
    assert torch.equal(one.or_ * unit, scaled.or_)
    assert bool(scaled.certified)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite(value):
    v = random_game(3, 2, 4)
    v[5, 1, 2] = value
    with pytest.raises(ValueError, match=r"game \(1, 2\)"):
        decompose(v)


@pytest.mark.parametrize(
    "arguments", [{"kappa": -0.1}, {"gap": 0.0}, {"kappa": float("nan")}, {"bound": -1.0}, {"bound": float("nan")}]
)
def test_arguments_out_of_range(arguments):
    with pytest.raises(ValueError, match="at least 0"):
        decompose(torch.zeros(4), **arguments)


def test_input_is_not_modified():
    v = network_game(5, 2)
    kept = v.clone()
    assert isinstance(decompose(v), Decomposition)
    assert torch.equal(v, kept)
