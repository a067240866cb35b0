import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lk.games
from lk.games import Central, Columns, Foreground, Grid, Patches, Players, Words, count_players

ARGUMENTS = {
    "Grid": {"patch": 4},
    "Foreground": {"n": 4, "patch": 3},
    "Central": {"n": 3, "patch": 2},
    "Patches": {"patches": [5, 0, 2], "patch": 3},
    "Columns": {"groups": [["b"], [0, "d"], [2]]},
}
KINDS = [
    name
    for name in lk.games.__all__
    if inspect.isclass(found := getattr(lk.games, name))
    and issubclass(found, Players)
    and found not in (Players, Words)  # see test_words.py
]
COLUMNS = ["a", "b", "c", "d", "e"]


def inputs(name, samples=3, height=8, width=8, channels=2):
    if name == "Rows":
        return torch.rand(samples, len(COLUMNS), 4)
    return torch.rand(samples, 5) if name == "Columns" else torch.rand(samples, channels, height, width)


@pytest.mark.parametrize("name", KINDS)
def test_owners_cover_the_input_and_every_player_owns_something(name):
    x = inputs(name)
    division = getattr(lk.games, name)(**ARGUMENTS.get(name, {}))
    owner = division.divide(x, x.mean(0), COLUMNS)
    assert owner.dtype == torch.int64
    assert owner.shape == (tuple(x.shape) if x.ndim < 4 else (3, 1, 8, 8))  # one owner for all channels of a pixel
    n = count_players(owner)
    for row in owner:
        assert set(row.flatten().tolist()) - {-1} == set(range(n))
    assert len(division.names(COLUMNS)) in (0, n)


@pytest.mark.parametrize("name", KINDS)
def test_players_depend_on_the_input_alone(name):
    x = inputs(name)
    division = getattr(lk.games, name)(**ARGUMENTS.get(name, {}))
    first = division.divide(x, x.mean(0), COLUMNS)
    torch.rand(5)
    assert torch.equal(division.divide(x, torch.zeros_like(x[0]), COLUMNS), first)
    assert torch.equal(division.divide(x[:2], x.mean(0), COLUMNS), first[:2])


@pytest.mark.parametrize("name", KINDS)
def test_inputs_of_the_wrong_kind(name):
    x = inputs("Grid" if name in ("Columns", "Rows") else "Columns")
    with pytest.raises(ValueError, match=r"expected (images|tables).* \(samples, .*got x\.shape=\(3,"):
        getattr(lk.games, name)(**ARGUMENTS.get(name, {})).divide(x, x[0], COLUMNS)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_grid_equals_a_loop_over_pixels(height, width, patch):
    if patch > max(height, width):
        return
    owner = Grid(patch).divide(torch.zeros(1, 1, height, width), torch.zeros(1, height, width))[0, 0]
    across = -(-width // patch)
    for row in range(height):
        for column in range(width):
            assert owner[row, column] == row // patch * across + column // patch


def test_grid_of_mnist_is_10_by_10_with_a_cut_edge():
    owner = Grid(3).divide(torch.zeros(1, 1, 28, 28), torch.zeros(1, 28, 28))
    assert count_players(owner) == 100
    assert torch.bincount(owner.flatten()).tolist()[-1] == 1


def test_foreground_takes_the_patches_with_most_ink_in_reading_order():
    x = torch.full((2, 1, 6, 6), 0.5)
    x[0, 0, 2:4, 2:4] = 1.0  # patch 4
    x[0, 0, 4:6, 2] = 0.2  # patch 7, darker than the background counts as ink
    x[0, 0, 2, 0] = 0.6  # patch 3
    owner = Foreground(n=3, patch=2).divide(x, x.mean(0))
    assert [int(owner[0, 0, r, c]) for r, c in ((2, 0), (2, 2), (4, 2))] == [0, 1, 2]
    # Without any ink, patches are taken in reading order on every machine.
    assert [int(owner[1, 0, 0, c]) for c in (0, 2, 4)] == [0, 1, 2]
    assert count_players(owner) == 3


def test_foreground_of_a_dark_picture_on_a_bright_ground_and_of_doubles():
    x = torch.ones(1, 1, 6, 6, dtype=torch.float64)
    x[0, 0, 2:4, 2:4] = 0
    assert int(Foreground(1, 2).divide(x, x[0])[0, 0, 2, 2]) == 0


def test_central_leaves_the_margin_and_draws_per_sample():
    x = torch.zeros(20, 3, 32, 32)
    owner = Central(n=12, patch=4, margin=1).divide(x, x[0])
    assert (owner[:, :, :4] == -1).all()
    assert (owner[:, :, -4:] == -1).all()
    assert (owner[..., :4] == -1).all()
    assert (owner[..., -4:] == -1).all()
    assert [int((row >= 0).sum()) for row in owner] == [12 * 16] * 20
    assert not torch.equal(owner[0], owner[1])
    assert not torch.equal(Central(12, 4, 1, seed=1).divide(x, x[0]), owner)
    for row in owner:  # numbered in reading order
        firsts = [int(torch.nonzero(row.flatten() == player)[0]) for player in range(12)]
        assert firsts == sorted(firsts)


def test_patches_are_players_in_the_listed_order():
    owner = Patches([3, 0], patch=2).divide(torch.zeros(1, 1, 4, 4), torch.zeros(1, 4, 4))[0, 0]
    assert owner.tolist() == [[1, 1, -1, -1], [1, 1, -1, -1], [-1, -1, 0, 0], [-1, -1, 0, 0]]


def test_columns_by_name_number_and_group():
    x = torch.zeros(2, 5)
    division = Columns([["b"], [0, "d"]])
    assert division.divide(x, x[0], COLUMNS).tolist() == [[1, 0, -1, 1, -1]] * 2
    assert division.names(COLUMNS) == ["b", "a+d"]
    assert Columns().divide(x, x[0], COLUMNS).tolist() == [[0, 1, 2, 3, 4]] * 2
    assert Columns().names(COLUMNS) == COLUMNS
    assert Columns([[0], [1, 2]]).names([]) == ["0", "1+2"]


@pytest.mark.parametrize(
    ("division", "message"),
    [
        (Grid(0), "expected patch from 1 to 8 in images of 8x6 pixels, got patch=0"),
        (Grid(9), "expected patch from 1 to 8 in images of 8x6 pixels, got patch=9"),
        (
            Foreground(13, 2),
            r"expected n from 1 to 12, as a grid of 4x3 patches.*got n=13.*Lower n or choose smaller patches",
        ),
        (Foreground(0, 2), r"expected n from 1 to 12, as a grid of 4x3 patches.*got n=0"),
        (Central(3, 2, margin=1), r"expected n from 1 to 2, as the area inside a.*got n=3"),
        (Central(1, 2, margin=2), r"expected n from 1 to 0, as the area inside a.*got n=1"),
        (Patches([0, 12], 2), r"expected different patches from 0 to 11 \(4x3\), got patches=\[0, 12\]"),
        (Patches([1, 1], 2), r"expected different patches from 0 to 11 \(4x3\), got patches=\[1, 1\]"),
        (Patches([-1], 2), r"expected different patches from 0 to 11 \(4x3\), got patches=\[-1\]"),
        (Patches([], 2), r"expected different patches from 0 to 11 \(4x3\), got patches=\[\]"),
    ],
)
def test_divisions_that_do_not_fit_the_image(division, message):
    with pytest.raises(ValueError, match=message):
        division.divide(torch.zeros(1, 1, 8, 6), torch.zeros(1, 8, 6))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([["aa"]], r"expected a column of the table, got column='aa'.*Did you mean 'a'\? Known: a, b, c, d, e"),
        ([[5]], "expected column from 0 to 4, got column=5"),
        ([[-1]], "expected column from 0 to 4, got column=-1"),
        ([["a"], [1, 0]], "expected one player for each column, got 0 in groups 0 and 1"),
        ([["a", "a"]], "expected one player for each column, got 'a' in groups 0 and 0"),
    ],
)
def test_columns_that_do_not_fit_the_table(groups, message):
    with pytest.raises(ValueError, match=message):
        Columns(groups).divide(torch.zeros(1, 5), torch.zeros(5), COLUMNS)


@pytest.mark.parametrize("groups", [[], [["a"], []]])
def test_players_without_columns(groups):
    with pytest.raises(ValueError, match=r"expected at least one player of at least one.*got groups=\["):
        Columns(groups)


def test_negative_margin():
    with pytest.raises(ValueError, match="expected margin of at least 0, got margin=-1"):
        Central(2, margin=-1)


def test_divide_must_be_defined():
    with pytest.raises(NotImplementedError, match=r"Players must define divide\(\)"):
        Players().divide(torch.zeros(1, 1), torch.zeros(1))
