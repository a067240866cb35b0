"""The dynamics study on stored runs: configurations, measures, claims, tables, and what is refused."""

import numpy as np
import pytest
import torch

from lk.games import OUTPUT
from lk.runs import Run
from lk.studies.dynamics import LayerDynamics, configurations
from lk.studies.dynamics_claims import CLAIMS
from lk.studies.dynamics_tables import tables_of
from lk.studies.dynamics_verdicts import MEASURED, RANDOM, UNTRAINED, claim_table, claim_verdicts
from lk.studies.life_history import HISTORIES
from lk.studies.trajectory import OPPOSITE, trajectory
from lk.studies.verdict import HOLDS, LOST, SURVIVES
from tests.helpers.run_folders import write_run

STEPS = {0: 0.0, 1: 0.1, 5: 0.5, 10: 1.0, 20: 2.0}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three seeds of one configuration, one run of another network, and one with training samples."""
    folder = tmp_path_factory.mktemp("runs")
    made = [write_run(folder / f"mlp-{i}", steps=STEPS, seed=i, training_seed=i, samples=8) for i in range(3)]
    for i, run in enumerate(made):
        write_run(folder / f"mlp-{i}", steps=STEPS, seed=i + 7, training_seed=i, samples=8, extraction="train")
        assert run.extracted("train")
    alone = write_run(folder / "vgg", steps=STEPS, seed=5, samples=8, network="lk.networks.VGG11")
    return [*made, alone]


@pytest.fixture(scope="module")
def found(runs):
    return configurations(runs)


def test_seeds_of_a_configuration_belong_together(found):
    assert [(one.name, len(one.runs)) for one in found] == [("MLP on Digits", 3), ("VGG11 on Digits", 1)]
    assert [len(one.training) for one in found] == [3, 0]
    assert found[0].holders == "the 2 other networks"
    assert found[1].holders.startswith("other samples")


def test_a_network_is_no_reference_of_itself(found):
    measured = found[0].layers(OUTPUT)
    last = [own.own.signs[-1, :, :, 0] for own in measured]
    for place, own in enumerate(measured):
        others = [signs for i, signs in enumerate(last) if i != place]
        assert torch.equal(own.references, torch.stack(others))
    assert found[1].layers(OUTPUT)[0].references is None
    assert found[1].layers(OUTPUT)[0].held is None


def test_the_order_of_runs_changes_no_number(runs, found):
    turned = configurations(runs[2::-1])[0]
    first, other = (claim_table([one], opposite=False) for one in (found[0], turned))
    np.testing.assert_allclose(first["value"], other["value"])
    np.testing.assert_allclose(first["low"], other["low"])


def test_the_untrained_network_is_the_first_checkpoint(found):
    own = found[0].layers(OUTPUT)[0]
    decay = next(claim for claim in CLAIMS if "decay with order" in claim.text)
    effects = own.own.effects.clone()
    effects[-1] = effects[0]
    moved = type(own.own)(
        **{**vars(own.own), "effects": effects, "chosen": torch.stack([*own.own.chosen[:-1], own.own.chosen[0]])}
    )
    expected = decay.contrast(LayerDynamics(moved, own.references, own.gap))
    np.testing.assert_allclose(decay.contrast(own.untrained), expected)


def test_every_claim_is_asked_under_every_condition(found):
    table = claim_table(found, found[:1])
    mlp = table[table["network"] == "MLP on Digits"]
    assert set(mlp["condition"]) == {MEASURED, "half the threshold", "twice the threshold", OPPOSITE, RANDOM, UNTRAINED}
    assert mlp.loc[mlp["condition"] == MEASURED, "claim"].nunique() == len(CLAIMS) + 1  # and class means
    # Without reference networks nothing is said of what generalises.
    vgg = table[(table["network"] == "VGG11 on Digits") & (table["condition"] == MEASURED)]
    assert not vgg["claim"].str.contains("generalise|half of the networks|no other network").any()
    measured = table["condition"] == MEASURED
    assert (table.loc[measured, "p_holm"] >= table.loc[measured, "p"]).all()
    assert table.loc[~measured, "p_holm"].isna().all()
    # A control that is the network itself is exceeded nowhere.
    excess = mlp.loc[(mlp["condition"] == RANDOM), ["excess_low", "excess_high"]]
    assert not (excess["excess_low"] > 0).any()


def test_verdicts(found):
    table = claim_table(found[:1], found[:1], opposite=False)
    verdicts = claim_verdicts(table)
    assert len(verdicts) == len(CLAIMS) + 1
    held = verdicts[verdicts["verdict"] == HOLDS]
    assert set(held[RANDOM].dropna()) <= {SURVIVES, LOST, "undecided"}
    assert verdicts.loc[verdicts["verdict"] != HOLDS, RANDOM].isna().all()


def test_tables_say_the_same_as_the_files(found):
    tables = tables_of(found[0])
    histories = tables["histories"]
    own = found[0].layers(OUTPUT)[0]
    mine = histories[(histories["layer"] == OUTPUT) & (histories["run"] == own.own.name)]
    ever = own.own.chosen[own.seen, :, :, 0].any(0)
    assert len(mine) == int(ever.sum())
    assert set(mine["history"]) <= set(HISTORIES)
    counts = tables["history_counts"]
    output = counts[(counts["layer"] == OUTPUT) & (counts["quantity"] == "count")]
    assert output["mean"].sum() * 3 * 8 == pytest.approx((histories["layer"] == OUTPUT).sum())
    shares = tables["orders"]
    sums = shares.groupby(["layer", "step"])["mean"].sum()
    np.testing.assert_allclose(sums, 1)
    flows = tables["flows"]
    assert (flows["kept"] <= flows["count"] + 1e-9).all()
    last = flows[(flows["axis"] == "epochs") & (flows["place"] == flows.loc[flows["axis"] == "epochs", "place"].max())]
    present = float(own.own.chosen[-1, :, :, 0].sum())
    assert last["count"].sum() * 3 * 8 == pytest.approx(
        sum(float(one.own.chosen[-1].sum()) for one in found[0].layers(OUTPUT))
    )
    assert present > 0
    general = tables["generalisation"]
    assert general.loc[general["quantity"] == "share", "mean"].dropna().between(0, 1).all()
    assert set(tables["class_means"]["comparison"]) == {
        "training, test",
        "halves of training",
        "half of training, half of test",
    }


def test_the_opposite_tie_break_is_computed_once(runs):
    first = trajectory(runs[0], opposite=True)
    stored = sorted(runs[0].path.rglob("opposite-tie-break-output.safetensors"))
    assert len(stored) == len(STEPS)
    before = [path.stat().st_mtime_ns for path in stored]
    again = trajectory(runs[0], opposite=True)
    assert [path.stat().st_mtime_ns for path in stored] == before
    assert torch.equal(first.effects, again.effects)
    assert first.layers == (OUTPUT,)
    assert first.effects.shape[3] == 1


def test_another_threshold_changes_what_is_salient(found):
    own = found[0].trajectories[0].at(OUTPUT)
    counts = [int(own.with_ratio(ratio).chosen.sum()) for ratio in (0.05, 0.3, 0.6)]
    assert counts[0] > counts[1] > counts[2]
    assert torch.equal(own.with_ratio(0.05).chosen, own.chosen)


def test_what_is_refused(runs, tmp_path):
    with pytest.raises(ValueError, match="Name each once"):
        configurations([runs[0], runs[0]])
    with pytest.raises(FileNotFoundError, match="expected an extraction of run mlp-0, got name='other'"):
        configurations(runs, "other")
    short = write_run(tmp_path / "short", steps={0: 0.0, 1: 1.0, 2: 2.0})
    with pytest.raises(ValueError, match="expected at least 4 extracted checkpoints of run short, got 3"):
        configurations([short])
    other = write_run(tmp_path / "other", steps={0: 0.0, 1: 0.1, 5: 0.5, 11: 1.1}, training_seed=9, samples=8)
    with pytest.raises(ValueError, match="expected the same steps"):
        configurations([Run(runs[0].path), other])
    fewer = write_run(tmp_path / "fewer", steps=STEPS, training_seed=9, samples=4)
    with pytest.raises(ValueError, match="expected the same samples and players"):
        configurations([Run(runs[0].path), fewer])
