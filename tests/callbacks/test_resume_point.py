"""The point that a run resumes from: settings, signals, and how its file is written."""

import os
import random
import signal

import numpy as np
import pytest
import torch

from lk.callbacks import SaveResumePoint
from lk.callbacks.checkpoint_files import CheckpointFiles
from lk.callbacks.resume import SIGNALS, Interrupted, Signals, interruptible
from lk.callbacks.seed import random_states, restore


@pytest.fixture(autouse=True)
def _no_signal():
    yield
    SIGNALS.forget()


@pytest.mark.parametrize("settings", [{"every_n_steps": 0}, {"every_n_minutes": 0}, {"every_n_minutes": -1.0}])
def test_settings_out_of_range(settings):
    with pytest.raises(ValueError, match="expected positive numbers, got every_n_steps="):
        SaveResumePoint(**settings)


def test_work_between_steps_is_left_at_once_and_a_step_is_not():
    signals = SIGNALS
    signals.receive(signal.SIGTERM, None)  # inside a step: kept for its end
    assert signals.stop == signal.SIGTERM
    with pytest.raises(Interrupted), interruptible():
        raise AssertionError("work begins although a signal waits")
    signals.forget()
    with pytest.raises(Interrupted), interruptible():
        signals.receive(signal.SIGTERM, None)
    assert not signals.leave


def test_the_second_interrupt_stops_at_once():
    signals = Signals()
    signals.receive(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        signals.receive(signal.SIGINT, None)


def test_checkpoints_are_written_beside_their_target(tmp_path, monkeypatch):
    """Not through the folder for temporary files, which may lie on another file system."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    renamed = []
    real = os.replace
    monkeypatch.setattr(
        os, "replace", lambda source, target: (renamed.append((source.parent, target.parent)), real(source, target))
    )
    CheckpointFiles().save_checkpoint({"state_dict": {"a": torch.ones(2)}, "epoch": 0}, tmp_path / "a.ckpt")
    assert renamed == [(tmp_path, tmp_path)]
    assert torch.equal(CheckpointFiles().load_checkpoint(tmp_path / "a.ckpt")["state_dict"]["a"], torch.ones(2))


class Payload:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def test_a_checkpoint_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {}, "epoch": 0, "payload": Payload()}, tmp_path / "a.ckpt")
    with pytest.raises(ValueError, match=r"a\.ckpt is truncated or no checkpoint"):
        CheckpointFiles().load_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    assert not (tmp_path / "executed").exists()


def test_generators_go_on_where_they_were(tmp_path):
    torch.save(random_states(), tmp_path / "states")
    first = torch.rand(3), random.random(), np.random.rand()  # noqa: NPY002  (the global generator is what is stored)
    restore(torch.load(tmp_path / "states", weights_only=True))
    again = torch.rand(3), random.random(), np.random.rand()  # noqa: NPY002
    assert torch.equal(first[0], again[0])
    assert first[1:] == again[1:]
