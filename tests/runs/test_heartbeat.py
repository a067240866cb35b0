"""Heartbeats: how far a training is, and whether its process lives."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from lk.runs import heartbeat
from lk.runs.heartbeat import HEARTBEAT, beat, born, lives, read_heartbeat, state

FACTS = {"network": "MLP", "data": "Digits", "seed": 3, "step": 45, "epoch": 1.0, "epochs": 25, "accuracy": 0.9}


def test_a_beat_is_read_back_and_replaced(tmp_path):
    beat(tmp_path, FACTS)
    found = read_heartbeat(tmp_path)
    assert {key: found[key] for key in FACTS} == FACTS
    assert found["process"] == os.getpid()
    assert abs(found["time"] - time.time()) < 60
    assert state(found) == "training"
    beat(tmp_path, {**FACTS, "accuracy": float("nan"), "epochs": None}, ended="finished")
    found = read_heartbeat(tmp_path)
    assert state(found) == "finished"
    assert "accuracy" not in found
    assert "epochs" not in found
    assert [path.name for path in tmp_path.iterdir()] == [HEARTBEAT]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_gone_has_died(tmp_path, number):
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    beat(tmp_path, FACTS)
    found = read_heartbeat(tmp_path) | {"process": process.pid, "born": born(process.pid)}
    assert state(found) == "training"
    process.send_signal(number)
    process.wait()
    assert state(found) == "died"


def test_a_number_that_was_given_to_another_process_is_told_apart(tmp_path):
    beat(tmp_path, FACTS)
    found = read_heartbeat(tmp_path)
    assert state({**found, "born": found["born"] - 1}) == "died"
    assert lives(1, None)  # another user's process counts as one
    assert not lives(2**70, None)


def test_another_machine_is_judged_by_its_last_beat(tmp_path):
    beat(tmp_path, FACTS)
    found = read_heartbeat(tmp_path) | {"host": "elsewhere", "process": 2**22}
    assert state(found) == "training"
    assert state({**found, "time": time.time() - heartbeat.SILENT - 1}) == "silent"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"format": 1}', json.dumps({"format": 2, **FACTS, "host": "a", "process": 1, "time": 1.0}), "\0"],
)
def test_a_damaged_file_is_no_heartbeat(tmp_path, text):
    (tmp_path / HEARTBEAT).write_text(text)
    assert read_heartbeat(tmp_path) is None
    assert read_heartbeat(tmp_path / "missing") is None


def test_a_folder_that_refuses_costs_the_heartbeat_alone(tmp_path):
    (tmp_path / "file").touch()
    beat(tmp_path / "file" / "inside", FACTS)
