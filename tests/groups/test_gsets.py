"""Actions: coset actions are actions, what is none is refused, and the counts agree with the theorems."""

import re

import numpy as np
import pytest

from lk.groups import (
    Affine,
    Alternating,
    Cyclic,
    Dihedral,
    Quaternion,
    Symmetric,
    coset_action,
    irreps,
    orbitals,
    subgroups,
)
from lk.proofs.equivariance import is_action, refuse_action
from tests.helpers.group_theory import (
    conjugate,
    disjoint_union,
    double_cosets,
    orbits,
    permutation_character,
    stabiliser,
    trivial,
)

GROUPS = [Cyclic(6), Dihedral(4), Quaternion(), Symmetric(4), Alternating(5), Affine(7, 3)]


@pytest.fixture(params=GROUPS, ids=repr)
def group(request):
    return request.param


def test_coset_actions(group):
    for h in subgroups(group):
        action = coset_action(group, h)
        assert is_action(action, group)
        assert action.shape[1] * len(h) == group.order
        assert (orbits(action) == 0).all()
        assert (stabiliser(action, 0) == h).all()
        for g in range(0, group.order, 5):
            assert (stabiliser(action, action[g, 0]) == conjugate(group, h, g)).all()


def test_orbit_stabiliser_and_burnside(group):
    found = subgroups(group)
    action = disjoint_union(trivial(group, 2), coset_action(group, found[0]), coset_action(group, found[1]))
    assert is_action(action, group)
    labels = orbits(action)
    for p in range(action.shape[1]):
        assert (labels == labels[p]).sum() * len(stabiliser(action, p)) == group.order
    assert permutation_character(action).mean() == labels.max() + 1 == 4


def test_orbitals(group):
    """As many as double cosets, <pi_X, pi_Y> in number, and invariant."""
    found = subgroups(group)
    for h, k in [(found[0], found[1]), (found[1], found[-2]), (found[2], found[2])]:
        x, y = coset_action(group, h), coset_action(group, k)
        labels = orbitals(group, x, y)
        number = labels.max() + 1
        assert labels.shape == (x.shape[1], y.shape[1])
        assert number == double_cosets(group, h, k).max() + 1
        assert number == (permutation_character(x) * permutation_character(y)).mean()
        for g in range(group.order):
            assert (labels[np.ix_(x[g], y[g])] == labels).all()


def test_permutation_characters_decompose(group):
    """Multiplicities of irreps are whole numbers that add up to the points; the trivial one counts orbits."""
    found = irreps(group)
    for h in subgroups(group):
        character = permutation_character(coset_action(group, h))
        multiplicities = np.array([(character * irrep.character).mean() / irrep.norm for irrep in found])
        np.testing.assert_allclose(multiplicities, np.round(multiplicities), atol=1e-9)
        assert multiplicities @ [irrep.dimension for irrep in found] == pytest.approx(group.order / len(h))
        assert multiplicities[0] == pytest.approx(1)


def test_the_trivial_group_acts():
    group = Cyclic(1)
    assert orbitals(group, trivial(group, 2), trivial(group, 3)).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert is_action(trivial(group, 2), group)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([[0, 1], [1, 0]], r"shape \(2, 2\).*3 rows"),
        ([[0, 1], [1, 2], [0, 1]], r"entries outside it; expected 3 rows with entries 0 to 1"),
        ([[1, 0], [0, 1], [0, 1]], "no action of the group"),
        ([[0, 1], [1, 0], [1, 0]], "no action of the group"),
    ],
)
def test_what_is_no_action(action, message):
    assert re.search(message, refuse_action(np.array(action), Cyclic(3)))


def test_a_right_action_is_no_left_action():
    group = Symmetric(3)
    assert not is_action(group.table.T, group)


def test_any_single_wrong_image_is_found():
    group = Symmetric(4)
    right = coset_action(group, [0, 1])
    rng = np.random.default_rng(0)
    for _ in range(50):
        g, p = rng.integers(24), rng.integers(12)
        wrong = right.copy()
        wrong[g, p] = (wrong[g, p] + rng.integers(1, 12)) % 12
        assert not is_action(wrong, group)
