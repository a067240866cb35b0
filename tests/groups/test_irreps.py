"""Real irreps: known dimensions and kinds, homomorphism, orthogonality, completeness; shares of power."""

import numpy as np
import pytest

from lk.groups import (
    Affine,
    Alternating,
    Cyclic,
    Dihedral,
    DirectProduct,
    Group,
    Quaternion,
    Symmetric,
    irreps,
    power,
    project,
)
from lk.groups.irreps import canonical, representations
from lk.groups.words import levels

KNOWN = [
    (Cyclic(1), "1r"),
    (Cyclic(2), "1r 1r"),
    (Cyclic(5), "1r 2c 2c"),
    (Cyclic(6), "1r 1r 2c 2c"),
    (Dihedral(5), "1r 1r 2r 2r"),
    (Dihedral(4), "1r 1r 1r 1r 2r"),
    (Quaternion(), "1r 1r 1r 1r 4q"),
    (Quaternion(12), "1r 1r 2r 2c 4q"),
    (Alternating(4), "1r 2c 3r"),
    (Symmetric(3), "1r 1r 2r"),
    (Symmetric(4), "1r 1r 2r 3r 3r"),
    (Alternating(5), "1r 3r 3r 4r 5r"),
    (Symmetric(5), "1r 1r 4r 4r 5r 5r 6r"),
    (Affine(11), "1r 1r 2c 2c 2c 2c 10r"),
    (Affine(7, 3), "1r 2c 6c"),
    (DirectProduct([Quaternion(), Cyclic(2)]), "1r 1r 1r 1r 1r 1r 1r 1r 4q 4q"),
    (DirectProduct([Quaternion(), Cyclic(3)]), "1r 1r 1r 1r 2c 2c 2c 2c 4q 4c"),
]
GROUPS = [group for group, _ in KNOWN]


@pytest.fixture(scope="module", params=GROUPS, ids=repr)
def case(request):
    return request.param, irreps(request.param)


@pytest.mark.parametrize(("group", "kinds"), KNOWN, ids=repr)
def test_dimensions_and_kinds(group, kinds):
    found = [f"{irrep.dimension}{irrep.kind[0]}" for irrep in irreps(group)]
    assert sorted(found) == sorted(kinds.split())
    assert [int(kind[:-1]) for kind in found] == sorted(int(kind[:-1]) for kind in found)


def test_homomorphisms(case):
    group, found = case
    for irrep in found:
        rho = irrep.matrices
        rng = np.random.default_rng(1)
        x, y = rng.integers(group.order, size=(2, 500))
        np.testing.assert_allclose(rho[x] @ rho[y], rho[group.table[x, y]], atol=1e-12)
        np.testing.assert_allclose(
            rho @ rho.transpose(0, 2, 1), np.broadcast_to(np.eye(irrep.dimension), rho.shape), atol=1e-12
        )
        np.testing.assert_allclose(np.trace(rho, axis1=1, axis2=2), irrep.character, atol=1e-9)


def test_characters_are_orthogonal_and_complete(case):
    group, found = case
    characters = np.stack([irrep.character for irrep in found])
    norms = [irrep.norm for irrep in found]
    np.testing.assert_allclose(characters @ characters.T / group.order, np.diag(norms), atol=1e-9)
    assert sum(irrep.dimension**2 / irrep.norm for irrep in found) == group.order
    # As many as there are classes up to inversion.
    assert len(found) == len(
        {frozenset((group.classes[x], group.classes[group.inverse[x]])) for x in range(group.order)}
    )
    np.testing.assert_allclose(found[0].character, 1, atol=1e-9)
    assert found[0].name == "1a"


def test_matrix_entries_are_orthogonal(case):
    """Schur: for real kind, the entries are orthogonal functions of squared norm order / d."""
    group, found = case
    for irrep in found:
        if irrep.kind == "real":
            entries = irrep.matrices.reshape(group.order, -1)
            np.testing.assert_allclose(
                entries.T @ entries, np.eye(irrep.dimension**2) * group.order / irrep.dimension, atol=1e-9
            )


def test_power(case):
    group, found = case
    f = np.random.default_rng(0).normal(size=(group.order, 3))
    shares = np.stack([power(f, irrep) for irrep in found])
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    assert (shares >= 0).all()
    np.testing.assert_allclose(sum(project(f, irrep) for irrep in found), f, atol=1e-10)
    for irrep, share in zip(found, shares, strict=True):
        part = project(f, irrep)
        np.testing.assert_allclose(project(part, irrep), part, atol=1e-10)
        np.testing.assert_allclose((part**2).sum(axis=0) / (f**2).sum(axis=0), share)
        own = irrep.matrices[:, 0, 0]
        assert power(own, irrep) == pytest.approx(1)
        # The definition, with the character.
        sums = sum(irrep.character[h] * f[group.table[group.inverse[h]]] for h in range(group.order))
        np.testing.assert_allclose(part, irrep.dimension / irrep.norm / group.order * sums, atol=1e-9)


def test_power_of_zero_is_zero():
    trivial = irreps(Cyclic(3))[0]
    assert power(np.zeros((3, 2)), trivial).tolist() == [0, 0]
    with pytest.raises(
        ValueError,
        match=r"expected values with a row for each of 3 elements, got values\.shape=\(4, 2\) for Irrep 1a \(real\)",
    ):
        power(np.zeros((4, 2)), trivial)


def test_relabelled_elements_have_the_same_characters():
    group = Symmetric(4)
    new = np.random.default_rng(3).permutation(24)
    table = np.empty((24, 24), dtype=int)
    table[np.ix_(new, new)] = new[group.table]
    again = irreps(Group(table))
    rows = {tuple(np.round(irrep.character[new], 6) + 0.0) for irrep in again}
    assert rows == {tuple(np.round(irrep.character, 6) + 0.0) for irrep in irreps(group)}


def test_a_seed_gives_the_same_matrices():
    one, two, other = irreps(Alternating(5)), irreps(Alternating(5)), irreps(Alternating(5), seed=1)
    assert all((a.matrices == b.matrices).all() for a, b in zip(one, two, strict=True))
    assert not np.allclose(one[-1].matrices, other[-1].matrices)
    assert all(np.allclose(a.character, b.character) for a, b in zip(one, other, strict=True))


def test_a_canonical_basis_depends_on_the_space_alone():
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(12, 4)))
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    one, two = canonical(basis), canonical(basis @ turn)
    np.testing.assert_allclose(one, two, atol=1e-12)
    np.testing.assert_allclose(one @ one.T, basis @ basis.T, atol=1e-12)


def test_inexact_eigenspaces_are_repaired():
    """An error of 1e-4 in the basis is one of 1e-8 in the matrices of generators, and of its square after averaging."""
    group = Symmetric(4)
    irrep = irreps(group)[-1]
    basis = irrep.matrices[:, :, 0] * np.sqrt(irrep.dimension / group.order)
    basis = basis + 1e-4 * np.random.default_rng(0).normal(size=basis.shape)
    rho = representations(group, basis[None])[0]
    np.testing.assert_allclose(rho[:, None] @ rho, rho[group.table], atol=1e-12)
    np.testing.assert_allclose(np.trace(rho, axis1=1, axis2=2), irrep.character, atol=1e-9)


@pytest.mark.parametrize("group", [Cyclic(1), Dihedral(6), Symmetric(4)], ids=repr)
def test_every_element_is_a_word_once(group):
    found = levels(group)
    children = [group.identity, *np.concatenate([[], *(new for _, _, new in found)]).astype(int)]
    assert sorted(children) == list(range(group.order))
    for parents, generators, new in found:
        assert (group.table[parents, np.asarray(group.generators)[generators]] == new).all()


def test_colliding_eigenvalues_are_drawn_again(monkeypatch):
    """Constant weights put all nontrivial irreps into one eigenspace.

    The next draw must be taken, and without one it is an error.
    """

    class Constant:
        draws = 0

        def __init__(self, good_after):
            self.good_after, self.rng = good_after, np.random.Generator(np.random.PCG64(0))

        def normal(self, size):
            self.draws += 1
            return self.rng.normal(size=size) if self.draws > self.good_after else np.ones(size)

    late = Constant(2)
    monkeypatch.setattr(np.random, "default_rng", lambda _: late)
    assert len(irreps(Symmetric(3))) == 3
    assert late.draws == 3
    monkeypatch.setattr(np.random, "default_rng", lambda _: Constant(100))
    with pytest.raises(
        ValueError,
        match=r"expected irreducible eigenspaces .*got none from 8 random matrices of seed=0.*another seed",
    ):
        irreps(Symmetric(3))


@pytest.mark.parametrize("group", [Cyclic(226), Dihedral(113), Symmetric(6)], ids=repr)
def test_larger_groups(group):
    found = irreps(group)
    assert sum(irrep.dimension**2 / irrep.norm for irrep in found) == group.order
    s = group.generators[0]
    for irrep in found:
        np.testing.assert_allclose(irrep.matrices @ irrep.matrices[s], irrep.matrices[group.table[:, s]], atol=1e-11)
