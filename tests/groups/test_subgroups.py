"""Subgroups: known numbers, conjugacy, cosets and double cosets."""

import itertools

import numpy as np
import pytest

from lk.groups import (
    Affine,
    Alternating,
    Cyclic,
    Dihedral,
    DirectProduct,
    Quaternion,
    Symmetric,
    all_subgroups,
    cosets,
    is_subgroup,
    subgroups,
)
from tests.helpers.group_theory import conjugate, double_cosets

COUNTS = [
    (Cyclic(1), 1, 1),
    (Cyclic(12), 6, 6),
    (Symmetric(3), 4, 6),
    (Dihedral(4), 8, 10),
    (Quaternion(), 6, 6),
    (Alternating(4), 5, 10),
    (Symmetric(4), 11, 30),
    (Alternating(5), 9, 59),
    (Symmetric(5), 19, 156),
    (Alternating(6), 22, 501),
    (Affine(7), 8, 26),
    (DirectProduct([Cyclic(2)] * 4), 67, 67),
    (Dihedral(29), 4, 32),
]


@pytest.mark.parametrize(("group", "classes", "total"), [*COUNTS, pytest.param(Symmetric(6), 56, 1455)], ids=repr)
def test_numbers_of_subgroups(group, classes, total):
    every = all_subgroups(group)
    assert (len(subgroups(group)), len(every)) == (classes, total)
    assert len({tuple(h) for h in every}) == total


@pytest.mark.parametrize("group", [Symmetric(3), Quaternion(), Dihedral(4), Alternating(4), Dihedral(6)], ids=repr)
def test_against_brute_force(group):
    """All sets of elements that are closed under products."""
    others = range(1, group.order)
    sizes = [k for k in range(1, group.order + 1) if group.order % k == 0]
    closed = {
        (0, *rest) for k in sizes for rest in itertools.combinations(others, k - 1) if is_subgroup(group, [0, *rest])
    }
    assert {tuple(h) for h in all_subgroups(group)} == closed


@pytest.mark.parametrize("group", [Symmetric(4), Alternating(5), Affine(7), Quaternion(12)], ids=repr)
def test_representatives(group):
    found = subgroups(group)
    orders = [len(h) for h in found]
    assert orders == sorted(orders)
    assert (orders[0], orders[-1]) == (1, group.order)
    for h in found:
        assert is_subgroup(group, h)
        conjugates = [tuple(conjugate(group, h, g)) for g in range(group.order)]
        assert min(conjugates) == tuple(h)
        assert all(is_subgroup(group, c) for c in conjugates[:5])
    assert len({min(tuple(conjugate(group, h, g)) for g in range(group.order)) for h in found}) == len(found)
    assert [len(h) for h in subgroups(group, max_index=4)] == [k for k in orders if group.order / k <= 4]


@pytest.mark.parametrize("group", [Symmetric(4), Quaternion(), Affine(5)], ids=repr)
def test_cosets(group):
    for h in subgroups(group):
        for side in ("left", "right"):
            labels = cosets(group, h, side)
            assert (np.bincount(labels) == len(h)).all()
            for x, y in np.random.default_rng(0).integers(group.order, size=(20, 2)):
                quotient = group.table[group.inverse[x], y] if side == "left" else group.table[x, group.inverse[y]]
                assert (labels[x] == labels[y]) == (quotient in h)


@pytest.mark.parametrize("group", [Symmetric(4), Alternating(4)], ids=repr)
def test_double_cosets(group):
    """|HgK| = |H| |K| / |g^-1 H g and K in common|, and they are unions of cosets."""
    for h, k in itertools.product(subgroups(group), repeat=2):
        labels = double_cosets(group, h, k)
        sizes = np.bincount(labels)
        for g in range(group.order):
            common = np.intersect1d(conjugate(group, h, group.inverse[g]), k)
            assert sizes[labels[g]] == len(h) * len(k) / len(common)
            assert (labels[group.table[group.table[h, g][:, None], k]] == labels[g]).all()


def test_what_is_no_subgroup():
    group = Cyclic(6)
    assert not is_subgroup(group, [])
    assert not is_subgroup(group, [0, 6])
    with pytest.raises(ValueError, match=r"with 2 and 2, but without 2·2 = 4"):
        cosets(group, [0, 2])
    with pytest.raises(ValueError, match="elements 0 to 5"):
        cosets(group, [0, 9])
    with pytest.raises(ValueError, match="side='both'"):
        cosets(group, [0, 3], side="both")
