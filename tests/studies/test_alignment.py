"""Comparisons: only what is comparable is compared, and only what the samples carry is said."""

import numpy as np
import pandas as pd
import pytest
import torch

from lk.extraction.tables import normalised
from lk.metrics import compare as split
from lk.metrics.agreement import agreement
from lk.metrics.comparison import shares
from lk.metrics.holm import holm
from lk.metrics.intervals import jackknife
from lk.studies.alignment import align
from lk.studies.averages import averages, counts, strengths
from lk.studies.differences import QUESTIONS, difference, difference_table, questions
from lk.studies.grouping import lines_of
from lk.studies.low_signal import low_signal
from lk.studies.pairs import iou
from lk.studies.run_tables import layer_table
from tests.helpers.run_folders import interactions, write_run


# ---- averages, against the plain way
def test_shares_recompute_everything_in_each_row():
    found, weights = interactions(seed=3, salience_ratio=0.05), jackknife(6)
    fast = shares(found, [0, 1, 2], found, [3, 3, 3], weights)
    for row, kept in enumerate(weights > 0):
        copy = found.select(np.flatnonzero(kept))
        effects, chosen = normalised(copy).double(), copy.salient(0.05)
        for k in range(2):
            slow = split(effects[k, :, :3], chosen[k, :, :3], effects[k, :, [3] * 3], chosen[k, :, [3] * 3])
            np.testing.assert_allclose(fast.overlap[row, k, 1:], slow.overlap.mean(-1)[1:], atol=1e-6)
            np.testing.assert_allclose(fast.forgotten[row, k, 1:], slow.forgotten.mean(-1)[1:], atol=1e-6)
            np.testing.assert_allclose(fast.new[row, k, 1:], slow.new.mean(-1)[1:], atol=1e-6)
    np.testing.assert_allclose(fast.overlap[:, 2, 0], fast.overlap[:, :2, 1:].sum((1, 2)))


def test_shares_of_itself():
    found, weights = interactions(salience_ratio=0.05), jackknife(6)
    same = shares(found, [0, 3], found, [0, 3], weights)
    np.testing.assert_allclose(same.completeness[0, 2, 0], 1)
    np.testing.assert_allclose(same.redundancy[0, 2, 0], 0, atol=1e-12)
    assert np.isnan(same.completeness[1:, 2, 0, 1]).all()  # one of the six samples has nothing salient at the output


def test_averages_hold_their_mean_within_the_interval():
    found = interactions(salience_ratio=0.05)
    for frame in averages(found, jackknife(6), found, found).values():
        known = frame[frame["low"].notna()]
        assert ((known["low"] <= known["mean"] + 1e-9) & (known["mean"] <= known["high"] + 1e-9)).mean() > 0.95
        assert (frame["n"] == 6).all()
    count = counts(found, jackknife(6))[0, 2, 0]
    np.testing.assert_allclose(count, found.salient(0.05).sum((0, 1)).double().mean(1))
    np.testing.assert_allclose(strengths(found, jackknife(6))["share"][0, 2, 1:].sum(0), 1)


def test_doubts_name_their_reason():
    games = pd.DataFrame({"step": [1] * 3, "layer": ["a", "b", "output"], "reach": [0.2, 5.0, 30.0]})
    probes = pd.DataFrame({"step": [1, 1], "layer": ["a", "b"], "at_chance": [False, True]})
    table = low_signal(games, probes).set_index("layer")
    assert table["why"].to_dict() == {"a": "|v(N) − v(∅)| below the floor", "b": "probe at chance", "output": ""}
    assert not low_signal(games.assign(reach=[0.4, 5.0, 30.0]))["marked"].any()


# ---- measures
def test_agreement_against_sets():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(32, 4, generator=generator) < 0.4 for _ in range(2))
    found = agreement(a, b)
    for sample in range(4):
        for order in range(1, 6):
            one, other = ({s for s in range(32) if bin(s).count("1") == order and x[s, sample]} for x in (a, b))
            expected = len(one & other) / len(one | other) if one | other else float("nan")
            assert float(found.iou[order, sample]) == pytest.approx(expected, nan_ok=True)


def test_chance_is_what_random_sets_give():
    """10 candidates (order 2 of 5 players), 4 and 5 drawn.

    The mean IoU of random sets, which is above the IoU of the mean overlap, 2 / 7.
    """
    generator = torch.Generator().manual_seed(1)
    pairs = [s for s in range(32) if bin(s).count("1") == 2]
    a, b = torch.zeros(2, 32, 4000, dtype=torch.bool)
    for sets, size in ((a, 4), (b, 5)):
        for sample in range(4000):
            sets[[pairs[int(i)] for i in torch.randperm(10, generator=generator)[:size]], sample] = True
    found = agreement(a, b)
    # By hand: x shared with probability C(5, x) C(5, 4 - x) / C(10, 4) = 5, 50, 100, 50, 5 of 210.
    by_hand = sum(ways * x / (9 - x) for x, ways in enumerate([5, 50, 100, 50, 5])) / 210
    assert float(found.chance[2, 0]) == pytest.approx(by_hand)
    assert float(found.iou[2].mean()) == pytest.approx(by_hand, abs=0.01)
    assert by_hand > 2 / 7


def test_chance_of_one_member_each():
    a, b = torch.zeros(2, 8, 1, dtype=torch.bool)
    a[1], b[2] = True, True  # one of three candidates each: the same one in a third of all draws
    assert float(agreement(a, b).chance[1]) == pytest.approx(1 / 3)


def test_holm_by_hand():
    assert holm([0.01, 0.02, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.04, 0.04, 0.02])
    assert holm([0.5, 0.9]).tolist() == [1.0, 1.0]


# ---- alignment
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"data": "lk.data.MNIST"}, "the data set, got lk.data.Digits and lk.data.MNIST"),
        ({"classes": ("cat", "cow")}, "the classes"),
        ({"settings": {"kappa": 0.1}}, "the extraction's setting 'kappa', got 0.04 and 0.1"),
        ({"settings": {"players": {"class_path": "lk.games.players.Central"}}}, "the extraction's setting 'players'"),
        ({"first_index": 500}, "an explained sample"),
        ({"players": ("a", "b", "c", "d")}, "the input"),
    ],
)
def test_what_differs_is_named(tmp_path, changed, message):
    runs = [write_run(tmp_path / "one"), write_run(tmp_path / "two", **changed)]
    with pytest.raises(ValueError, match=f"expected runs one and two to share {message}"):
        align(runs)


def test_a_comparison_needs_two_runs_with_the_extraction(tmp_path):
    run, other = write_run(tmp_path / "one"), write_run(tmp_path / "two")
    with pytest.raises(ValueError, match="two different runs"):
        align([run])
    with pytest.raises(ValueError, match="two different runs"):
        align([run, run])
    with pytest.raises(FileNotFoundError, match=r"expected an extraction of run one, got name='fine'.*Known: default"):
        align([run, other], "fine")


def test_common_samples_that_all_classify_correctly(tmp_path):
    one = write_run(tmp_path / "one", samples=8, first_index=100, wrong=(3,), seed=1)
    two = write_run(tmp_path / "two", samples=6, first_index=102, wrong=(5,), seed=2)
    aligned = align([one, two])
    assert aligned.common == (102, 103, 104, 105, 106, 107)
    assert aligned.kept == (102, 104, 105, 106)
    assert [found.samples.tolist() for found in aligned.final] == [[102, 104, 105, 106]] * 2
    with pytest.raises(ValueError, match="classified correctly by all of one, none"):
        align([one, write_run(tmp_path / "none", wrong=range(6))])


# ---- what is said
def test_equal_runs_are_not_told_apart(tmp_path):
    aligned = align([write_run(tmp_path / name, seed=4) for name in ("run-1", "run-2")])
    found = difference_table(aligned)
    assert len(found) == len(questions(aligned)) == len(QUESTIONS) + 1  # and when, at their common checkpoint
    assert (found["p_holm"] == 1).all()
    names = "MLP seed 0 (run-1) and MLP seed 0 (run-2)"
    assert found["text"].str.startswith(f"No difference between these two runs, {names},").all()
    same, _ = iou(aligned, lines_of(aligned))
    assert (same["mean"].dropna() == 1).all()
    assert (same["chance"].dropna() <= 1).all()


def planted(tmp_path, name, dense, **settings):
    """A run whose output has many more salient interactions than another's."""
    run = write_run(tmp_path / name, n=5, samples=12, seed=int(dense), **settings)
    from lk.interactions import Interactions

    for path in run.extracted("default").values():
        found = Interactions.load(path)
        generator = torch.Generator().manual_seed(7)
        for effects in (found.and_, found.or_):
            keep = torch.rand(effects.shape, generator=generator) < (0.9 if dense else 0.2)
            effects[6:] = torch.where(keep, effects.sign() + 0.1 * effects, 0.0)[6:]
        found.save(path)
    return run


def test_a_planted_difference_is_found_and_has_its_direction(tmp_path):
    aligned = align([planted(tmp_path, "few-1", False), planted(tmp_path, "many-2", True)])
    row = difference_table(aligned).iloc[0]
    assert row["question"] == QUESTIONS[0].name
    assert row["difference"] < 0
    assert row["low"] <= row["difference"] <= row["high"] < 0
    assert row["p_holm"] < 0.05
    assert row["text"].startswith(
        "Of these two runs, MLP seed 0 (many-2) has more salient interactions at the output than MLP seed 0 (few-1): "
        "difference "
    )
    assert f"{abs(row['difference']):.1f} (95 % interval {abs(row['high']):.1f} to {abs(row['low']):.1f}" in row["text"]


@pytest.mark.parametrize("seeds", [2, 3])
def test_an_architecture_is_named_from_three_seeds_on(tmp_path, seeds):
    runs = [planted(tmp_path, f"mlp-{s}", False, training_seed=s) for s in range(seeds)]
    runs += [planted(tmp_path, f"vgg-{s}", True, training_seed=s, network="lk.networks.VGG11") for s in range(seeds)]
    aligned = align(runs)
    found = difference_table(aligned)
    if seeds == 3:
        assert set(found["level"]) == {"architectures"}
        assert len(found) == len(questions(aligned))
        assert found["text"].iloc[0].startswith("VGG11 has more salient interactions at the output than MLP: ")
    else:
        assert set(found["level"]) == {"runs"}
        assert found["text"].str.contains("these two runs").all()
        assert not found["text"].str.contains("VGG11 (?!seed)|MLP (?!seed)", regex=True).any()
        assert len(found) == 6 * len(questions(aligned))


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_architectures_that_differ_by_their_seeds_alone_are_not_told_apart(seeds):
    """Resampling three runs of each called 16 % of such pairs different, five 11 %, ten 7 %."""
    rng, weights = np.random.default_rng(0), jackknife(20)
    samples = rng.normal(size=(2000, 20, 1))  # what the samples have in common, whatever the run
    runs = rng.normal(size=(2000, 1, 2 * seeds))
    measured = np.einsum("rs,tsk->rkt", weights, samples + runs + 0.5 * rng.normal(size=(2000, 20, 2 * seeds)))
    alarms = (difference(measured[:, :seeds], measured[:, seeds:]).p < 0.05).mean()
    assert alarms <= 0.05 + 2 * (0.05 * 0.95 / 2000) ** 0.5


def test_samples_are_a_source_of_variance_for_architectures_too():
    """Two architectures that differ on these samples and not in general.

    With seeds as the only unit they would be told apart.
    """
    rng, weights = np.random.default_rng(1), jackknife(20)
    own = 5 * rng.normal(size=(20, 1, 2000)) + 0.5 * rng.normal(size=(20, 3, 2000)) + rng.normal(size=(3, 2000))
    other = 0.5 * rng.normal(size=(20, 3, 2000)) + rng.normal(size=(3, 2000))
    found = difference(np.tensordot(weights, own, 1), np.tensordot(weights, other, 1))
    assert (found.p < 0.05).mean() <= 0.05 + 2 * (0.05 * 0.95 / 2000) ** 0.5


def test_a_difference_between_architectures_is_found():
    rng, weights = np.random.default_rng(2), jackknife(20)
    a, b = (
        weights @ (rng.normal(size=(20, 1)) + 0.3 * rng.normal(size=(20, 3)) + 0.1 * rng.normal(size=3))
        for _ in range(2)
    )
    assert difference(a + 3, b).p < 0.01
    assert difference(a + 3, b).low > 0


def test_three_runs_of_one_seed_are_three_runs(tmp_path):
    runs = [write_run(tmp_path / f"a{i}", seed=i) for i in range(3)] + [
        write_run(tmp_path / f"b{i}", seed=i, network="lk.networks.VGG11") for i in range(3)
    ]
    aligned = align(runs)
    found = difference_table(aligned)
    assert set(found["level"]) == {"runs"}
    assert len(found) == 5 * len(questions(aligned))  # each with the first


def test_marked_layers_follow_the_sentences(tmp_path):
    runs = [write_run(tmp_path / "good", seed=1), write_run(tmp_path / "bad", seed=2, at_chance=("second",))]
    aligned = align(runs)
    assert (
        difference_table(aligned)["text"]
        .str.contains("† Read with care: a layer asked about is marked in MLP seed 0 (bad)", regex=False)
        .all()
    )
    layers = layer_table(aligned, lines_of(aligned))
    assert set(layers.loc[layers["marked"], "run"] + layers.loc[layers["marked"], "layer"]) == {
        "MLP seed 0 (bad)second"
    }
