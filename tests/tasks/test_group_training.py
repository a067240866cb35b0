"""Several networks trained at once are as many networks trained alone; what is logged; what decays; what is learned."""

import pytest
import pytorch_lightning as pl
import torch
from torch.nn.functional import cross_entropy

from lk.cli import train
from lk.cli.training import quiet
from lk.data import GroupTable
from lk.groups import Cyclic, Symmetric
from lk.networks import GroupNetwork
from lk.runs import Run
from lk.tasks import Adam, Classification
from lk.tasks.classification import losses

ADAM = {"lr": 0.01, "betas": (0.9, 0.98), "weight_decay": 2e-4}


def fit(network, data, epochs, **optimizer):
    quiet()
    task = Classification(network)
    task.configure_optimizers = lambda: Adam(task.parameters(), **{**ADAM, **optimizer})
    without = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = pl.Trainer(max_epochs=epochs, accelerator="cpu", num_sanity_val_steps=0, **without)
    trainer.fit(task, datamodule=data)
    return {key: float(value) for key, value in trainer.callback_metrics.items()}


def test_losses_by_hand():
    logits, y = torch.randn(4, 6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    expected = [-sum(float(logits[s, i].log_softmax(0)[y[i]]) for i in range(6)) / 6 for s in range(4)]
    assert losses(logits, y).tolist() == pytest.approx(expected, abs=1e-6)
    assert torch.equal(losses(logits[0], y), cross_entropy(logits[0], y))


@pytest.mark.parametrize("bias", [True, False])
def test_a_seed_learns_the_same_alone_and_among_others(bias):
    settings = {"width": 8, "embedding": 6, "unembed_bias": bias}
    many, alone = (
        GroupNetwork(6, seeds=5, **settings),
        GroupNetwork(6, first_seed=3, **settings),
    )
    for network in (many, alone):
        fit(network, GroupTable(Symmetric(3), steps_per_epoch=50), 1)
    started = GroupNetwork(6, first_seed=3, **settings)
    for (name, parameter), other, start in zip(
        many.named_parameters(), alone.parameters(), started.parameters(), strict=True
    ):
        # The same sums in another order of additions, fifty steps long.
        assert torch.allclose(parameter[3], other[0], atol=1e-4), name
        assert (other - start).abs().max() > 0.1, name


def test_what_is_logged():
    network, data = GroupNetwork(6, width=8, embedding=6, seeds=4), GroupTable(Symmetric(3), steps_per_epoch=20)
    metrics = fit(network, data, 1)
    with torch.no_grad():
        logits = network(data.test.x)
    hits = (logits.argmax(-1) == data.test.y).float().mean(1)
    assert metrics["test/accuracy"] == pytest.approx(float(hits.mean()), abs=1e-6)
    assert metrics["test/accuracy_min"] == pytest.approx(float(hits.min()), abs=1e-6)
    assert metrics["test/accuracy_min"] < metrics["test/accuracy"]
    assert metrics["test/loss"] == pytest.approx(float(losses(logits, data.test.y).mean()), abs=1e-5)
    assert 0 <= metrics["train/accuracy"] <= 1
    assert 0 < metrics["train/loss"] < 2  # a mean over seeds, not their sum


def test_one_seed_logs_no_minimum():
    assert "test/accuracy_min" not in fit(GroupNetwork(6, width=4), GroupTable(Symmetric(3), steps_per_epoch=2), 1)


def test_a_seed_that_fails_is_named():
    network = GroupNetwork(6, width=4, seeds=5, first_seed=10)
    with torch.no_grad():
        network.unembed[3] = float("nan")
    with pytest.raises(
        FloatingPointError,
        match=r"expected a finite training loss, got nan of seed 13 \(1 of 5 trained at once\) at epoch",
    ):
        fit(network, GroupTable(Symmetric(3)), 1)


def test_a_network_that_does_not_fit_the_group():
    with pytest.raises(ValueError, match=r"expected logits of shape \(2, batch, 6\)"):
        fit(GroupNetwork(7, width=4, seeds=2), GroupTable(Symmetric(3)), 1)


def test_bias_does_not_decay_and_the_rest_does():
    network = GroupNetwork(6, width=4)
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    optimizer = Adam(Classification(network).parameters(), lr=0.01, weight_decay=0.1)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(before)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, before[name]) == (name == "bias"), name


@pytest.mark.parametrize("fused", [True, False])
def test_adam_is_torchs_where_nothing_is_marked(fused):
    first, second = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    second.load_state_dict(first.state_dict())
    pairs = (
        (first, Adam(first.parameters(), **ADAM, fused=fused)),
        (second, torch.optim.Adam(second.parameters(), **ADAM)),
    )
    for _ in range(5):
        x = torch.randn(4, 3)
        for module, optimizer in pairs:
            optimizer.zero_grad()
            module(x).square().sum().backward()
            optimizer.step()
    assert torch.allclose(first.weight, second.weight, atol=1e-6)
    assert torch.allclose(first.bias, second.bias, atol=1e-6)


def test_s3_is_learned():
    metrics = fit(
        GroupNetwork(6, width=32, embedding=16, seeds=3), GroupTable(Symmetric(3), 0.9, steps_per_epoch=150), 2
    )
    assert metrics["train/accuracy"] == 1


@pytest.mark.slow
def test_s4_is_learned():
    metrics = fit(GroupNetwork(24, seeds=5), GroupTable(Symmetric(4)), 30)
    assert metrics["train/accuracy"] > 0.99
    assert metrics["test/accuracy"] > 0.95


# ---- by the command
CONFIG = """
seed_everything: 3
data:
  class_path: lk.data.GroupTable
  init_args: {group: {class_path: lk.groups.Cyclic, init_args: {n: 5}}, steps_per_epoch: 4}
model:
  network: {class_path: lk.networks.GroupNetwork, init_args: {width: 6, embedding: 5, seeds: 3}}
optimizer: {class_path: lk.tasks.Adam, init_args: {lr: 0.01, betas: [0.9, 0.98], weight_decay: 0.0002}}
trainer:
  accelerator: cpu
  max_epochs: 4
  enable_model_summary: false
  enable_progress_bar: false
  logger: false
  callbacks:
    - class_path: lk.callbacks.SaveCheckpoints
      init_args: {every_n_epochs: 0, early: 0, log_spaced: 5, weights_only: true}
"""


def command(tmp_path, name, *more):
    path = tmp_path / f"{name}.yaml"
    path.write_text(CONFIG)
    train(["fit", "--config", str(path), "--runs_dir", str(tmp_path), "--id", name, *more])
    return Run(tmp_path / name)


def test_the_command_ends_with_a_report_and_small_checkpoints(tmp_path):
    run = command(tmp_path, "whole")
    assert list(run.checkpoints) == [0, 1, 2, 4, 8, 16]
    assert run.report.is_file()
    stored = torch.load(run.checkpoint(8), weights_only=True)
    assert "optimizer_states" not in stored
    assert torch.load(run.path / "checkpoints" / "last.ckpt", weights_only=True)["optimizer_states"]
    data = run.data()
    network = run.network(data)
    assert run.load(network, 8) == {"step": 8, "epoch": 2.0}
    assert network(data.test.x).shape == (3, len(data.test), 5)
    curves = run.read_table("training")
    assert set(curves["quantity"]) == {
        "train/loss",
        "train/accuracy",
        "test/loss",
        "test/accuracy",
        "test/accuracy_min",
    }


def test_a_stopped_group_run_goes_on_as_if_it_had_not_been(tmp_path, monkeypatch):
    whole = command(tmp_path, "whole", "--report", "false")

    def interrupt(_, trainer, *__):
        if trainer.global_step == 10:
            raise RuntimeError("stopped")

    with monkeypatch.context() as patched:
        patched.setattr("lk.callbacks.SaveCheckpoints.on_train_batch_end", interrupt)
        with pytest.raises(RuntimeError, match="stopped"):
            command(tmp_path, "stopped", "--report", "false")
    stopped = command(tmp_path, "stopped", "--report", "false", "--ckpt_path", "last")
    first, second = (torch.load(run.checkpoint(16), weights_only=True)["state_dict"] for run in (whole, stopped))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_data_and_network_of_a_config_fit_by_themselves(tmp_path):
    run = command(tmp_path, "run", "--report", "false", "--trainer.max_epochs", "1")
    assert run.data().num_classes == Cyclic(5).order == run.network(run.data()).num_classes
