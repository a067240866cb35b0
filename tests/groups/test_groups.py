"""Every family is the group that it says; what is no group is refused with the axiom and the elements."""

import jsonargparse
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.combinatorics.named_groups import AlternatingGroup, DihedralGroup, SymmetricGroup

import lk.groups
from lk.groups import (
    Affine,
    Alternating,
    Cyclic,
    Dihedral,
    DirectProduct,
    FromTable,
    Group,
    Permutations,
    Quaternion,
    SemidirectProduct,
    Symmetric,
)

FAMILIES = {
    "Z1": (lambda: Cyclic(1), 1, 1),
    "Z7": (lambda: Cyclic(7), 7, 7),
    "Z12": (lambda: Cyclic(12), 12, 12),
    "D1": (lambda: Dihedral(1), 2, 2),
    "D5": (lambda: Dihedral(5), 10, 4),
    "D6": (lambda: Dihedral(6), 12, 6),
    "S1": (lambda: Symmetric(1), 1, 1),
    "S4": (lambda: Symmetric(4), 24, 5),
    "S5": (lambda: Symmetric(5), 120, 7),
    "A2": (lambda: Alternating(2), 1, 1),
    "A4": (lambda: Alternating(4), 12, 4),
    "A5": (lambda: Alternating(5), 60, 5),
    "Q8": (lambda: Quaternion(), 8, 5),
    "Q16": (lambda: Quaternion(16), 16, 7),
    "Dic3": (lambda: Quaternion(12), 12, 6),
    "S3xZ2": (lambda: DirectProduct([Symmetric(3), Cyclic(2)]), 12, 6),
    "Z7:Z3": (
        lambda: SemidirectProduct(Cyclic(7), Cyclic(3), [[x * 2**h % 7 for x in range(7)] for h in range(3)]),
        21,
        5,
    ),
    "F2": (lambda: Affine(2), 2, 2),
    "F11": (lambda: Affine(11), 110, 11),
    "F7:3": (lambda: Affine(7, 3), 21, 5),
    "P8": (lambda: Permutations([[1, 2, 3, 0], [0, 3, 2, 1]]), 8, 5),
    "group": (lambda: FromTable([[0, 1], [1, 0]]), 2, 2),
}


def test_every_family_is_tested():
    exported = {getattr(lk.groups, name) for name in lk.groups.__all__}
    families = {thing for thing in exported if isinstance(thing, type) and issubclass(thing, Group)} - {Group}
    assert families == {type(make()) for make, _, _ in FAMILIES.values()}


@pytest.mark.parametrize("name", FAMILIES)
def test_families(name):
    make, order, classes = FAMILIES[name]
    group = make()
    x = np.arange(order)
    assert (group.name, group.order, len(group.class_sizes)) == (name, order, classes)
    assert group.identity == 0
    assert (group.table[x, group.inverse] == 0).all()
    assert (group.table[group.inverse, x] == 0).all()
    assert group.class_sizes.sum() == order
    assert not order % group.class_sizes.max()
    assert (group.table == group.table.T).all() == (classes == order)
    assert all(order % k == 0 for k in group.element_orders)
    assert group.table.dtype == np.int64
    assert not group.table.flags.writeable
    if order <= 24:  # associativity in full, not by generators
        assert (group.table[group.table] == group.table[:, group.table]).all()
    conjugated = group.table[group.table, group.inverse[:, None]]
    assert (group.classes[conjugated] == group.classes).all()


@pytest.mark.parametrize(
    ("group", "other"),
    [
        (Symmetric(4), SymmetricGroup(4)),
        (Symmetric(5), SymmetricGroup(5)),
        (Alternating(5), AlternatingGroup(5)),
        (Dihedral(9), DihedralGroup(9)),
    ],
    ids=repr,
)
def test_classes_are_those_of_sympy(group, other):
    assert sorted(group.class_sizes) == sorted(len(c) for c in other.conjugacy_classes())


def test_products_of_permutations_act_from_the_right():
    group = Symmetric(4)
    for x, y in np.random.default_rng(0).integers(24, size=(20, 2)):
        assert (group.permutations[group.table[x, y]] == group.permutations[x][group.permutations[y]]).all()


def test_affine_maps_compose():
    group = Affine(7, 3)
    maps = [tuple((a * x + b) % 7 for x in range(7)) for a in group.slopes for b in range(7)]
    for i, f in enumerate(maps):
        for j, g in enumerate(maps):
            assert maps[group.table[i, j]] == tuple(f[x] for x in g)


def test_isomorphic_families_agree():
    """Two ways to the same group give the same orders and class sizes."""
    for one, other in [
        (Dihedral(6), DirectProduct([Dihedral(3), Cyclic(2)])),
        (Affine(5), Permutations([[1, 2, 3, 4, 0], [0, 2, 4, 1, 3]])),
        (SemidirectProduct(Cyclic(5), Cyclic(2), [[0, 1, 2, 3, 4], [0, 4, 3, 2, 1]]), Dihedral(5)),
    ]:
        assert sorted(one.element_orders) == sorted(other.element_orders)
        assert sorted(one.class_sizes) == sorted(other.class_sizes)


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_elements_may_be_numbered_anyhow(random):
    group = Symmetric(3)
    new = list(range(6))
    random.shuffle(new)
    table = np.empty((6, 6), dtype=int)
    table[np.ix_(new, new)] = np.asarray(new)[group.table]
    again = Group(table)
    assert again.identity == new[0]
    assert (again.element_orders[new] == group.element_orders).all()
    assert sorted(again.class_sizes) == [1, 2, 3]


def test_tables_from_files(tmp_path):
    table = Symmetric(3).table
    np.save(tmp_path / "mine.npy", table)
    np.savetxt(tmp_path / "mine.csv", table, fmt="%d", delimiter=",")
    for ending in ("npy", "csv"):
        group = FromTable(str(tmp_path / f"mine.{ending}"))
        assert group.name == "mine"
        assert (group.table == table).all()


@pytest.mark.parametrize(
    ("class_path", "settings", "name"),
    [
        ("Symmetric", {"n": 4}, "S4"),
        ("Quaternion", {}, "Q8"),
        ("Affine", {"p": 7, "multipliers": 3}, "F7:3"),
        ("Permutations", {"generated_by": [[1, 2, 0], [1, 0, 2]], "label": "triangle"}, "triangle"),
        ("FromTable", {"source": [[0, 1], [1, 0]]}, "group"),
        (
            "DirectProduct",
            {
                "factors": [
                    {"class_path": "lk.groups.Cyclic", "init_args": {"n": 3}},
                    {"class_path": "lk.groups.Quaternion"},
                ]
            },
            "Z3xQ8",
        ),
    ],
)
def test_groups_are_built_from_yaml(class_path, settings, name):
    parser = jsonargparse.ArgumentParser()
    parser.add_argument("--group", type=Group)
    config = parser.parse_object({"group": {"class_path": f"lk.groups.{class_path}", "init_args": settings}})
    instantiate = (
        getattr(parser, "instantiate", None) or parser.instantiate_classes
    )  # the old name, before jsonargparse 4.49
    group = instantiate(config).group
    assert group.name == name
    for key, value in settings.items():
        assert key == "factors" or getattr(group, key) == value


LOOP = [
    [0, 1, 2, 3, 4],
    [1, 0, 3, 4, 2],
    [2, 4, 0, 1, 3],
    [3, 2, 4, 0, 1],
    [4, 3, 1, 2, 0],
]  # identity, inverses, not associative


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[0, 1], [1]], "rows of different lengths"),
        ([[0, 1]], r"expected a square table, got table\.shape=\(1, 2\)"),
        ([], r"expected a square table, got table\.shape=\(0,\)"),
        (
            [[0.0, 1.0], [1.0, float("nan")]],
            r"expected integers, got table\.dtype=float64 \(entry 0\.0 in row 0, column 0\)",
        ),
        ([["0"]], "expected integers"),
        ([[0, 1], [1, 2]], "expected closure, products from 0 to 1, got 1·1 = 2"),
        ([[0, 1], [1, -1]], "expected closure, products from 0 to 1, got 1·1 = -1"),
        ([[1, 0], [0, 0]], r"expected an identity e with e·x = x·e = x, got none \(0·0 = 1"),
        (
            [[0, 1, 2], [2, 0, 1], [1, 2, 0]],
            r"expected an identity on both sides, got 0 as left identity only \(1·0 = 2\)",
        ),
        (
            [[0, 2, 1], [1, 0, 2], [2, 1, 0]],
            r"expected an identity on both sides, got 0 as right identity only \(0·1 = 2\)",
        ),
        (
            [[0, 1], [1, 1]],
            r"expected inverses, every element once in each row.*got 1 twice in row 1, in columns 0 and 1",
        ),
        (
            [[0, 1, 2], [1, 0, 2], [2, 0, 1]],
            r"expected inverses, every element once in each row.*got 0 twice in column 1, in rows 1 and 2",
        ),
        (LOOP, r"expected associativity, got \(\d·\d\)·\d = \d but \d·\(\d·\d\) = \d"),
    ],
)
def test_what_is_no_group(table, message):
    with pytest.raises(ValueError, match=message):
        Group(table)


def test_a_small_change_is_found():
    """Two swapped rows of a 2 x 2 square inside keep a Latin square with an identity; Light's test sees it."""
    table = DirectProduct([Cyclic(2), Cyclic(2), Cyclic(2)]).table.copy()
    table[np.ix_([2, 3], [4, 5])] = table[np.ix_([3, 2], [4, 5])]
    with pytest.raises(ValueError, match="associativity") as error:
        Group(table)
    digits = [int(c) for c in str(error.value).split(";")[0] if c.isdigit()]
    x, a, y, left = digits[:4]
    assert table[table[x, a], y] == left != table[x, table[a, y]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cyclic(0), "n=0"),
        (lambda: Dihedral(0), "n=0"),
        (lambda: Quaternion(10), "that 4 divides"),
        (lambda: Symmetric(8), "1 to 7 points"),
        (lambda: Alternating(0), "1 to 7 points"),
        (lambda: Affine(9), "expected a prime"),
        (lambda: Affine(7, 4), "divisor of p - 1 = 6"),
        (lambda: Permutations([]), "expected at least one generator, got none"),
        (lambda: Permutations([[1, 2, 0], [0, 0, 1]]), r"\[0, 0, 1\] as generator 1"),
        (
            lambda: Permutations([[1, 0, *range(2, 9)], [*range(1, 9), 0]]),
            r"expected generators of a group of at most 5040.*got more",
        ),
        (lambda: DirectProduct([]), "expected at least one factor, got none"),
        (
            lambda: SemidirectProduct(Cyclic(3), Cyclic(2), [[0, 1, 2]]),
            r"expected action as integers of shape \(2, 3\), got action\.shape=\(1, 3\) of int64",
        ),
        (
            lambda: SemidirectProduct(Cyclic(3), Cyclic(2), [[0, 1, 2], [0, 1, 1]]),
            r"expected a permutation of the elements of Z3, got \[0, 1, 1\] as the action of 1",
        ),
        (
            lambda: SemidirectProduct(Cyclic(3), Cyclic(2), [[0, 1, 2], [1, 2, 0]]),
            "expected an automorphism of Z3, got 1 sending 0·0 to 1, but 0 to 1 and 0 to 1, whose",
        ),
        (lambda: SemidirectProduct(Cyclic(3), Cyclic(3), [[0, 1, 2], [0, 2, 1], [0, 1, 2]]), "homomorphism from Z3"),
        (lambda: FromTable("table.txt"), r"\.csv or \.npy"),
    ],
)
def test_settings_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_files_that_hold_no_table(tmp_path):
    with pytest.raises(FileNotFoundError, match="Check the path"):
        FromTable(str(tmp_path / "none.csv"))
    (tmp_path / "a.csv").write_text("0,1\n1,zero\n")
    with pytest.raises(ValueError, match=r"a\.csv.*expected integers"):
        FromTable(str(tmp_path / "a.csv"))
    np.save(tmp_path / "a.npy", np.array([[None]]), allow_pickle=True)
    with pytest.raises(ValueError, match=r"a\.npy"):
        FromTable(str(tmp_path / "a.npy"))
