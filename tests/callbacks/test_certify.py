"""Certificates through the user's commands.

Trained with and without, stopped and resumed, read back, certified again, with good and bad input.
"""

import re
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from lk import proofs
from lk.callbacks import Certify
from lk.certification.certify import TABLES, folded, group_run
from lk.certification.proving import certify_network
from lk.certification.rows import VERIFIERS, final_rows
from lk.cli import analyze, train
from lk.data import GroupTable
from lk.groups import Cyclic, Symmetric
from lk.loggers.keys import GROUP_FIGURES, key
from lk.networks import GroupNetwork
from lk.proofs import Certificate, Tables, brute_force, load_explanation
from lk.runs import Run
from tests.helpers.wandb_records import records

CONFIG = """
seed_everything: 3
data:
  class_path: lk.data.GroupTable
  init_args: {group: {class_path: lk.groups.Symmetric, init_args: {n: 3}}, steps_per_epoch: 20, train_fraction: 0.9}
model:
  network: {class_path: lk.networks.GroupNetwork, init_args: {width: 16, embedding: 8, seeds: 2, first_seed: 5}}
optimizer: {class_path: lk.tasks.Adam, init_args: {lr: 0.02, betas: [0.9, 0.98], weight_decay: 0.0002}}
trainer:
  accelerator: cpu
  max_epochs: 5
  enable_model_summary: false
  enable_progress_bar: false
  num_sanity_val_steps: 0
  logger: false
  callbacks:
    - class_path: lk.callbacks.SaveCheckpoints
      init_args: {every_n_epochs: 0, early: 0, log_spaced: 4, weights_only: true}
    - class_path: lk.callbacks.Certify
      init_args: {seeds: 1}
"""
STEPS = [0, 1, 5, 22, 100]


def command(folder, name, *more, watched=True, **changes):
    config = yaml.safe_load(CONFIG)
    if not watched:
        config["trainer"]["callbacks"].pop()
    config["trainer"].update(changes)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    train(["fit", "--config", str(path), "--runs_dir", str(folder), "--id", name, *more])
    return Run(folder / name)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A finished run with certificates and the logger of the house; not to be changed."""
    return command(tmp_path_factory.mktemp("runs"), "watched", logger={"class_path": "lk.loggers.Wandb"})


def weights(run, step=100):
    return torch.load(run.checkpoint(step), weights_only=True)["state_dict"]


def test_tables_hold_every_checkpoint_and_all_seeds_at_the_last(watched):
    assert list(watched.checkpoints) == STEPS
    for name in TABLES[::2]:
        frame = watched.read_table(name)
        seeds = frame.groupby("step")["seed"].unique().map(sorted).to_dict()
        assert seeds == {**{step: [5] for step in STEPS[:-1]}, 100: [5, 6]}
    certificates = watched.read_table("certificates")
    assert set(certificates["verifier"]) == set(VERIFIERS)
    assert not certificates["failed"].any()
    assert (certificates["bound"] <= certificates["accuracy"]).all()
    exact = certificates[certificates["verifier"] == "brute_force"]
    assert (exact["bound"] == exact["accuracy"]).all()
    complete = certificates[certificates["verifier"] == "cascade"].drop_duplicates(["step", "seed"], keep="last")
    assert (complete["bound"] == complete["accuracy"]).all()
    progress = watched.read_table("progress")
    shares = progress[progress["quantity"] == "power_left"].groupby(["step", "seed"])["value"].sum()
    assert np.allclose(shares, 1)
    accuracy = progress[progress["quantity"] == "full/accuracy"].set_index(["step", "seed"])["value"]
    assert (accuracy == exact.set_index(["step", "seed"])["accuracy"]).all()
    assert set(watched.read_table("circuits")["kind"]) >= {"irrep"}


def test_the_last_step_is_stored_and_can_be_checked_again(watched):
    assert {step: sorted(seeds) for step, seeds in watched.certified.items()} == {100: [5, 6]}
    data = watched.data()
    network = watched.network(data)
    watched.load(network, 100)
    tables = folded(network)[6]
    certificate = Certificate.load(watched.certificates(100, 6) / "brute_force")
    assert certificate.accuracy == brute_force(tables, Symmetric(3)).accuracy
    assert load_explanation(watched.certificates(100, 6) / "schur", order=6, width=16).matrices
    assert load_explanation(watched.certificates(100, 6) / "gset", order=6, width=16)


def test_watching_changes_nothing(watched, tmp_path):
    alone = command(tmp_path, "alone", "--report", "false", watched=False)
    first, second = weights(watched), weights(alone)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_stopped_run_keeps_its_rows(watched, tmp_path, monkeypatch):
    def interrupt(_, trainer, *__):
        if trainer.global_step == 50:
            raise RuntimeError("stopped")

    with monkeypatch.context() as patched:
        patched.setattr("lk.callbacks.SeedEpochs.on_train_batch_start", interrupt, raising=False)
        with pytest.raises(RuntimeError, match="stopped"):
            command(tmp_path, "stopped", "--report", "false")
    assert sorted(Run(tmp_path / "stopped").read_table("progress")["step"].unique()) == STEPS[:-1]
    run = command(tmp_path, "stopped", "--report", "false", "--ckpt_path", "last")
    for name, keys in (("certificates", ["bound", "operations"]), ("progress", ["value"])):
        whole, again = (r.read_table(name) for r in (watched, run))
        assert again["step"].tolist() == whole["step"].tolist()
        for column in keys:
            assert np.array_equal(again[column], whole[column], equal_nan=True), (name, column)


def test_wandb_received_the_means(watched):
    history = [record["history"]["item"] for record in records(watched.path / "wandb") if record["type"] == "history"]
    rows = [item for item in history if "certify/schur/bound" in item]
    assert [row["trainer/global_step"] for row in rows] == STEPS
    certificates = watched.read_table("certificates")
    last = certificates[(certificates["step"] == 100) & (certificates["verifier"] == "schur")]
    assert rows[-1]["certify/schur/bound"] == pytest.approx(last["bound"].mean())
    assert {
        "certify/provable",
        "certify/gset/cost",
        "certify/gset/bound_float32",
        "checkpoint/epoch",
        "certify/test_accuracy",
        "certify/biequivariance",
        "certify/gini_left",
    } <= set(rows[-1])
    figures = {
        name: [item["checkpoint/epoch"] for item in history if f"{name}._type" in item]
        for name in [key("figures", figure) for figure in GROUP_FIGURES]
    }
    epochs = [row["checkpoint/epoch"] for row in rows]
    assert epochs == sorted(progress_epochs(watched))
    assert all(found == epochs for name, found in figures.items() if "circuit" not in name)
    assert set(figures["figures/3_circuit"]) <= set(epochs)  # where a circuit was found


def progress_epochs(run):
    return run.read_table("progress")["epoch"].unique().tolist()


def test_the_report_is_complete_without_interactions(watched):
    page = watched.report.read_text()
    text = re.sub(r"\s+", " ", page)
    assert "interactions" not in text.split("<details>")[0].replace("AND-OR", "")
    for words in (
        "networks are provable",
        "What is proven, when, and at what cost",
        "What the networks compute with",
        ">verifier</dt>",
    ):
        assert words in text
    kept = {path.stem for path in watched.figures.glob("*.svg")}
    assert {"training", "certified-accuracy", "bounds", "cost", "irreps"} <= kept
    assert not re.search(r"\bnan\b", re.sub(r'"data:[^"]*"', "", text))


# ---- the command
@pytest.fixture
def copied(watched, tmp_path):
    return Run(shutil.copytree(watched.path, tmp_path / "copied"))


def test_certified_again_it_is_the_same(watched, copied):
    before = copied.read_table("certificates")
    analyze(["certify", str(copied.path), "--steps", "[100]", "--seeds", "1"])
    after = copied.read_table("certificates")
    assert sorted(after["step"].unique()) == STEPS
    assert after[after["step"] == 100]["seed"].unique().tolist() == [5]
    keys = ["step", "seed", "verifier", "bound", "operations"]
    expected = before[(before["step"] < 100) | (before["seed"] == 5)][keys].reset_index(drop=True)
    pd.testing.assert_frame_equal(after[keys].reset_index(drop=True), expected)
    assert copied.report.stat().st_mtime > watched.report.stat().st_mtime


def test_weights_that_are_not_finite_are_refused_before_work_starts(copied):
    stored = torch.load(copied.checkpoint(22), weights_only=True)
    stored["state_dict"]["network.unembed"][1, 2, 3] = float("nan")
    torch.save(stored, copied.checkpoint(22))
    before = copied.table("certificates").read_bytes()
    with pytest.raises(
        ValueError, match=r"step=0000022.ckpt: Seed 6: expected finite numbers .*got unembed\[2, 3\] = nan"
    ):
        analyze(["certify", str(copied.path)])
    assert copied.table("certificates").read_bytes() == before


def test_a_run_of_another_kind(tiny_run):
    with pytest.raises(ValueError, match=r"expected lk\.networks\.GroupNetwork trained on.*got MLP on Digits"):
        analyze(["certify", str(tiny_run)])


def test_too_little_memory_is_said_before_work_starts(monkeypatch):
    monkeypatch.setattr("lk.certification.certify.available_memory", lambda: 2**10)
    with pytest.raises(
        ValueError, match=r"expected 0\.0 GiB of free memory to certify networks of S3 \(order 6\), got 0\.0 GiB"
    ):
        group_run(GroupNetwork(6), GroupTable(Symmetric(3)))


def test_seeds_below_one(copied, capsys):
    with pytest.raises(SystemExit):
        analyze(["certify", str(copied.path), "--seeds", "0"])
    assert "seeds" in capsys.readouterr().err


# ---- failures
def test_what_fails_on_one_network_ends_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no luck")

    monkeypatch.setattr("lk.finders.find_gset", fail)
    monkeypatch.setattr("lk.finders.find_fourier", lambda *_: [])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = command(tmp_path, "unlucky", max_epochs=1)
    said = [str(warning.message) for warning in caught if "Not certified" in str(warning.message)]
    assert "Not certified at step 0: seed 5, gset: RuntimeError: no luck" in said
    certificates = run.read_table("certificates")
    failed = certificates[certificates["failed"]]
    assert set(failed["verifier"]) == {"gset", "irrep"}
    assert (failed["bound"] == 0).all()
    assert (certificates.loc[certificates["verifier"] == "schur", "reason"] == "no explanation was found").all()
    assert (certificates.loc[certificates["verifier"] == "brute_force", "bound"] > 0).any()
    assert "RuntimeError: no luck" in run.report.read_text()


def test_a_schedule_is_needed(tmp_path):
    config = yaml.safe_load(CONFIG)
    config["trainer"]["callbacks"].pop(0)
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ValueError, match=r"expected lk\.callbacks\.SaveCheckpoints for.*got none"):
        train(["fit", "--config", str(tmp_path / "c.yaml"), "--runs_dir", str(tmp_path)])


def test_an_activation_without_exact_values(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"expected activation in \['relu', 'abs', 'square'\], got activation='gelu': its values are not rational",
    ):
        command(tmp_path, "gelu", "--model.network.init_args.activation", "gelu")


@pytest.mark.parametrize("wrong", [{"seeds": 0}, {"verifiers": ["magic"]}, {"verifiers": []}])
def test_arguments_are_checked(wrong):
    with pytest.raises(ValueError, match=r"expected seeds of at least 1 and verifiers among brute_force.*got seeds="):
        Certify(**wrong)


def test_bounds_of_the_executed_network_stand_beside_the_exact_ones(watched):
    final = final_rows(watched.read_table("certificates"))
    columns = ["bound_bfloat16", "bound_tf32", "bound_float32", "bound"]
    assert final[columns].notna().all().all()
    values = final[columns].to_numpy()
    assert (values[:, :-1] <= values[:, 1:]).all()  # what is proven of a coarser machine is proven of a finer one
    last = final[(final["step"] == 100) & (final["verifier"] == "brute_force")]
    assert (last["bound_float32"] > 0).all()


def test_float64_is_refused_before_training(tmp_path):
    with pytest.raises(ValueError, match=r"trainer.precision=32-true"):
        command(tmp_path, "double", "--trainer.precision", "64-true", "--report", "false")
    assert not list((tmp_path / "double").glob("checkpoints/*"))


def test_a_verifier_that_certifies_a_wrong_pair_is_recorded_as_failed(monkeypatch):
    """Whether brute force ran before or not, and whatever the verifier says of the accuracy."""
    tables = Tables(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((3, 2)), np.array([2.0, 1.0, 0.0]))
    group = Cyclic(3)
    monkeypatch.setattr(proofs, "gset", lambda *_: Certificate("gset", np.ones((3, 3)), 1, 1, 0.0))
    for verifiers in (("brute_force", "gset"), ("gset",)):
        frames, proof = certify_network(tables, group, np.eye(3) > 0, verifiers)
        row = frames["certificates"].set_index("verifier").loc["gset"]
        assert row["failed"]
        assert row["bound"] == 0.0
        assert "brute force finds right, got wrong ones from gset" in row["reason"]
        assert "gset" not in proof.certificates
