import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lk.metrics import compare, completeness, ratio, redundancy
from lk.transforms import orders

N = 3


def random_sets(seed, *trailing):
    """Effects of both sets with common zeros, equal and opposite signs; which are salient, not always by strength."""
    generator = torch.Generator().manual_seed(seed)
    effects, reference = torch.randint(-3, 4, (2, 2**N, *trailing), generator=generator).double()
    salient, salient_reference = torch.rand(2, 2**N, *trailing, generator=generator) > 0.4
    return effects, salient & (effects != 0), reference, salient_reference & (reference != 0)


def slow(effects, salient, reference, salient_reference, support):
    """From the definition (Eqs. 6 and 7), one coalition at a time."""
    totals = {name: [0.0] * (N + 1) for name in ("all", "all_reference", "overlap", "forgotten", "new")}
    for coalition in range(1, 2**N):
        order = coalition.bit_count()
        a, b = float(effects[coalition]), float(reference[coalition])
        in_a, in_b = bool(salient[coalition]), bool(salient_reference[coalition])
        shared = 0.0 if a * b <= 0 else (1 if a > 0 else -1) * min(abs(a), abs(b))
        if support == "intersection" and not (in_a and in_b):
            shared = 0.0
        totals["all"][order] += in_a * abs(a)
        totals["all_reference"][order] += in_b * abs(b)
        totals["overlap"][order] += (in_a and in_b) * abs(shared)
        totals["forgotten"][order] += in_a * abs(a - shared)
        totals["new"][order] += in_b * abs(b - shared)
    return totals


@pytest.mark.parametrize("support", ["intersection", "paper"])
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000))
def test_equals_the_definition(support, seed):
    sets = random_sets(seed)
    found = compare(*sets, support=support)
    for name, expected in slow(*sets, support).items():
        assert getattr(found, name).tolist() == expected, name


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000))
def test_intersection_support_adds_up_exactly(seed):
    found = compare(*random_sets(seed, 2, 3))
    assert torch.equal(found.overlap + found.forgotten, found.all)
    assert torch.equal(found.overlap + found.new, found.all_reference)


@pytest.mark.parametrize("support", ["intersection", "paper"])
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_completeness_and_redundancy_are_shares(support, seed):
    found = compare(*random_sets(seed, 4), support=support)
    for share in (completeness(found.overlap, found.all_reference), redundancy(found.forgotten, found.all)):
        share = share[~share.isnan()]
        assert (share >= 0).all()
        assert (share <= 1).all()


@pytest.mark.parametrize("support", ["intersection", "paper"])
def test_swapping_both_sets_swaps_forgotten_and_new(support):
    a, in_a, b, in_b = random_sets(7, 5)
    one, other = compare(a, in_a, b, in_b, support), compare(b, in_b, a, in_a, support)
    assert torch.equal(one.forgotten, other.new)
    assert torch.equal(one.overlap, other.overlap)
    assert torch.equal(one.all, other.all_reference)


def test_published_counterexample_of_the_paper_form():
    """Layer (1/2, 1/2), output (1/101, 100/101).

    The weak effect of the output is not salient, and the literal form loses 1/101.
    """
    layer = torch.tensor([0.0, 1 / 2, 1 / 2, 0.0], dtype=torch.float64)
    output = torch.tensor([0.0, 1 / 101, 100 / 101, 0.0], dtype=torch.float64)
    in_layer, in_output = layer > 0.05 * layer.max(), output > 0.05 * output.max()
    paper = compare(layer, in_layer, output, in_output, support="paper")
    assert float(paper.all[1]) == 1
    assert float(paper.overlap[1] + paper.forgotten[1]) == pytest.approx(100 / 101, abs=1e-15)
    exact = compare(layer, in_layer, output, in_output)
    assert float(exact.overlap[1] + exact.forgotten[1]) == 1
    assert float(exact.overlap[1]) == 0.5
    assert float(exact.new[1]) == pytest.approx(100 / 101 - 0.5)


def test_opposite_signs_share_nothing():
    a, b = torch.tensor([0.0, 1.0, -2.0, 0.0]), torch.tensor([0.0, -1.0, -1.5, 0.0])
    found = compare(a, a != 0, b, b != 0)
    assert (float(found.overlap[1]), float(found.forgotten[1]), float(found.new[1])) == (1.5, 1.5, 1.0)


def test_a_set_against_itself_is_all_overlap():
    effects, salient, _, _ = random_sets(3, 2)
    found = compare(effects, salient, effects, salient)
    assert torch.equal(found.overlap, found.all)
    assert not found.forgotten.any()
    assert not found.new.any()


def test_the_empty_coalition_is_left_out_and_arguments_are_not_changed():
    effects = torch.full((4,), 5.0)
    salient = torch.ones(4, dtype=torch.bool)
    found = compare(effects, salient, effects, salient)
    assert found.all.tolist() == [0.0, 10.0, 5.0]
    assert salient.all()


def test_orders_are_kept_apart():
    effects = torch.arange(8.0)
    found = compare(effects, effects > 0, torch.zeros(8), torch.zeros(8, dtype=torch.bool))
    assert found.forgotten.tolist() == [float(effects[orders(3) == order].sum()) for order in range(4)]


def test_unknown_support():
    zero = torch.zeros(4)
    with pytest.raises(ValueError, match="expected one of intersection, paper, got support='union'"):
        compare(zero, zero > 0, zero, zero > 0, support="union")


def test_ratio_of_means_and_not_mean_of_ratios():
    assert float(ratio(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 3.0]))) == 0.5
    assert completeness(torch.tensor([[1.0, 0.0], [3.0, 3.0]]), torch.tensor([[2.0, 2.0], [4.0, 4.0]])).tolist() == [
        0.25,
        0.75,
    ]
    assert redundancy(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0])).item() == 0.5


@pytest.mark.parametrize("above", [0.0, 1.0])
def test_ratio_is_nan_where_there_is_nothing_to_share(above):
    assert ratio(torch.tensor([above]), torch.tensor([0.0])).isnan().all()
