"""Training of users' modules, as the command does it.

What a module does in its own way is undone, and it can be read again.
"""

import sys

import pytest
import torch
from safetensors.torch import load_file

from lk.cli import analyze, probe, train
from lk.interactions import Interactions
from lk.runs import Run

OWN = """
import torch
from torch import nn
from torch.nn import functional as F


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.head = nn.Linear(64, 8), nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.a(x.flatten(1)).relu())


class View(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.head = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.a(x), inplace=True), 2)
        return self.head(x.view(x.size(0), -1))


class Lazy(Own):
    def __init__(self):
        super().__init__()
        self.a, self.head = nn.LazyLinear(8), nn.LazyLinear(10)


class Keeps(Own):
    def forward(self, x):
        self.h = self.a(x.flatten(1))
        return self.head(self.h.relu())


class Returns(Own):
    def forward(self, x):
        return {"logits": super().forward(x)}


class Double(Own):
    def __init__(self):
        super().__init__()
        self.double()


class Batch(Own):
    def forward(self, x):
        return super().forward(x - x.mean(0))


class Random(Own):
    def forward(self, x):
        return super().forward(F.dropout(x))
"""


@pytest.fixture
def fit(tiny_config, tmp_path, monkeypatch):
    """Train one epoch of a module of OWN (`Own`, ...), or of the network of the configuration; returns the run."""
    (tmp_path / "own_kinds.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_kinds", raising=False)

    def fit(kind, *more):
        words = [
            "--trainer.max_epochs",
            "1",
            "--trainer.logger",
            "false",
            "--report",
            "false",
            "--runs_dir",
            str(tmp_path),
            "--id",
            "own",
        ]
        if kind:
            words += ["--model.network", "lk.networks.Wrapped", "--model.network.init_args.module", f"own_kinds.{kind}"]
            words += ["--model.network.init_args.layers", "[a]"]
        train(["fit", "--config", str(tiny_config), *words, *more])
        return Run(tmp_path / "own")

    return fit


def last(run, name):
    return Interactions.load(list(run.extracted(name).values())[-1])


@pytest.mark.parametrize("kind", ["View", "Lazy", "Keeps", "Returns", "Double"])
def test_modules_are_trained_and_read_again(fit, kind):
    run = fit(kind)
    analyze(["extract", str(run.path), "--extraction.name", "again", "--report", "false", "--trust", "true"])
    assert torch.allclose(last(run, "default").and_, last(run, "again").and_, atol=1e-4)
    if kind == "Lazy":
        probe(["fit", "--run", str(run.path), "--trust", "true", "--steps", f"[{max(run.checkpoints)}]"])
        assert run.read_table("probes")["accuracy"].between(0, 1).all()


@pytest.mark.parametrize(
    ("kind", "message"), [("Batch", "alone and in a batch"), ("Random", "in two passes over the same inputs")]
)
def test_modules_that_cannot_be_read_are_refused_before_training(fit, tmp_path, kind, message):
    with pytest.raises(ValueError, match=f"to give the same {message}"):
        fit(kind)
    assert not list(tmp_path.glob("own/checkpoints/*.ckpt"))


@pytest.mark.parametrize("precision", ["64-true", "bf16-true", pytest.param("bf16-mixed", marks=pytest.mark.slow)])
def test_precisions(fit, precision):
    run = fit(None, "--trainer.precision", precision)
    analyze(["extract", str(run.path), "--extraction.name", "again", "--report", "false"])
    assert torch.allclose(last(run, "default").and_, last(run, "again").and_, atol=1e-4)
    stored = torch.load(run.checkpoint(max(run.checkpoints)), weights_only=True)["state_dict"][
        "network.output.weight"
    ].dtype
    assert stored == {"64-true": torch.float64, "bf16-true": torch.bfloat16}.get(precision, torch.float32)
    assert load_file(run.extraction("again") / "step=0000000" / "values.safetensors")["values"].dtype == torch.float32


@pytest.mark.parametrize("kind", ["Keeps", pytest.param("View", marks=pytest.mark.slow)])
def test_watching_such_a_module_does_not_change_training(fit, tmp_path, kind):
    watched = fit(kind)
    weights = torch.load(watched.checkpoint(max(watched.checkpoints)), weights_only=True)["state_dict"]
    callbacks = '[{"class_path": "lk.callbacks.SaveCheckpoints", "init_args": {"early": 1}}]'
    fit(kind, "--id", "alone", "--trainer.callbacks", callbacks)
    alone = Run(tmp_path / "alone")
    unwatched = torch.load(alone.checkpoint(max(alone.checkpoints)), weights_only=True)["state_dict"]
    assert all(torch.equal(weights[name], value) for name, value in unwatched.items())
