"""Actions: coset actions are actions, what is none is refused, and the counts agree with the theorems."""

import numpy as np
import pytest

from lk.groups import (
    Affine,
    Alternating,
    Cyclic,
    Dihedral,
    Quaternion,
    Symmetric,
    check_action,
    conjugate,
    coset_action,
    disjoint_union,
    double_cosets,
    irreps,
    orbitals,
    orbits,
    permutation_character,
    stabiliser,
    subgroups,
    trivial,
)

GROUPS = [Cyclic(6), Dihedral(4), Quaternion(), Symmetric(4), Alternating(5), Affine(7, 3)]


@pytest.fixture(params=GROUPS, ids=repr)
def group(request):
    return request.param


def test_coset_actions(group):
    for h in subgroups(group):
        action = coset_action(group, h)
        assert (check_action(group, action) == action).all()
        assert action.shape[1] * len(h) == group.order
        assert (orbits(action) == 0).all()
        assert (stabiliser(action, 0) == h).all()
        for g in range(0, group.order, 5):
            assert (stabiliser(action, action[g, 0]) == conjugate(group, h, g)).all()


def test_orbit_stabiliser_and_burnside(group):
    found = subgroups(group)
    action = disjoint_union(trivial(group, 2), coset_action(group, found[0]), coset_action(group, found[1]))
    check_action(group, action)
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
    check_action(group, trivial(group, 2))


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([[0, 1], [1, 0]], r"shape \(2, 2\).*\(3, points\)"),
        ([[0.0], [0.0], [0.0]], "type float64"),
        ([[0, 1], [1, 2], [0, 1]], r"1\.1 = 2; expected a point 0 to 1"),
        ([[1, 0], [0, 1], [0, 1]], r"identity 0 sends 0 to 1; expected e\.p = p"),
        ([[0, 1], [1, 0], [1, 0]], r"\(1·1\)\.0 = 2\.0 = 1, but 1\.\(1\.0\) = 0"),
    ],
)
def test_what_is_no_action(action, message):
    with pytest.raises(ValueError, match=message):
        check_action(Cyclic(3), action)


def test_a_right_action_is_no_left_action():
    group = Symmetric(3)
    with pytest.raises(ValueError, match=r"expected \(gh\)\.p = g\.\(h\.p\)"):
        check_action(group, group.table.T)


def test_any_single_wrong_image_is_found():
    group = Symmetric(4)
    right = coset_action(group, [0, 1])
    rng = np.random.default_rng(0)
    for _ in range(50):
        g, p = rng.integers(24), rng.integers(12)
        wrong = right.copy()
        wrong[g, p] = (wrong[g, p] + rng.integers(1, 12)) % 12
        with pytest.raises(ValueError, match="expected"):
            check_action(group, wrong)


def test_unions_of_actions_of_different_groups():
    with pytest.raises(ValueError, match=r"order \[2, 3\]"):
        disjoint_union(trivial(Cyclic(2)), trivial(Cyclic(3)))
