"""One writer per run folder, however it ends."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import lk
from lk.runs.lock import LOCK, locked

# Without the package's own imports, which take seconds.
HOLD = """
import pathlib, sys, time, types
lk = sys.modules["lk"] = types.ModuleType("lk")
lk.__path__ = [sys.argv[1]]
from lk.runs.lock import locked
with locked(pathlib.Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, lk.__path__[0], str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_writer_is_refused_and_told_who_holds_the_lock(holder, tmp_path):
    with (
        pytest.raises(
            ValueError, match=rf"no other command writes, got .*run, where process {holder.pid} on .* since 20"
        ),
        locked(tmp_path / "run"),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_ends_with_its_process(holder, tmp_path, number):
    holder.send_signal(number)
    holder.wait()
    with locked(tmp_path / "run"):
        assert json.loads((tmp_path / "run" / LOCK).read_text())["process"] == os.getpid()
    assert (tmp_path / "run" / LOCK).read_text() == ""


def test_a_fork_does_not_hold_the_lock(tmp_path):
    """A loader's worker outlives its killed parent by seconds."""
    read, write = os.pipe()
    with locked(tmp_path):
        child = os.fork()
        if child == 0:
            os.write(write, b".")
            time.sleep(30)
            os._exit(0)
        os.read(read, 1)
    try:
        with locked(tmp_path):
            assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_half_written_files_are_removed_and_a_planted_lock_is_not_followed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".config.yaml.1-ab.part").touch()
    with locked(tmp_path / "run"):
        assert [path.name for path in (tmp_path / "run").iterdir()] == [LOCK]
    (tmp_path / "run" / LOCK).unlink()
    (tmp_path / "run" / LOCK).symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="symbolic link"), locked(tmp_path / "run"):
        pass
    assert not (tmp_path / "outside").exists()
