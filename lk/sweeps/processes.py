"""Commands in parallel processes of this machine."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOG = "train.log"
POLL = 0.2  # seconds


def in_parallel(
    commands: Mapping[str, Sequence[str]], folder: Path, processes: int, ended: Callable[[str, int], None]
) -> None:
    """Run commands, at most so many at a time, each with its output in `<folder>/<name>/train.log`.

    A command that fails does not stop the others. Where this process is stopped, SIGTERM is sent to those that run, and
    they are waited for: a training saves its state first.

    Args:
        commands: Words by name.
        folder: Folder of runs.
        processes: How many at a time. Several share the cores: `OMP_NUM_THREADS` is set unless it is set already.
        ended: Called with the name and the exit code of each that ended.
    """
    waiting, running = list(commands), dict[str, subprocess.Popen[bytes]]()
    threads = max(1, len(os.sched_getaffinity(0)) // processes) if hasattr(os, "sched_getaffinity") else 1
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ} if processes > 1 else dict(os.environ)
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                name = waiting.pop(0)
                running[name] = begun(commands[name], folder / name / LOG, environment)
            for name in [name for name, process in running.items() if process.poll() is not None]:
                ended(name, running.pop(name).returncode)
            time.sleep(POLL if running else 0)
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()


def begun(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """A process that writes to the end of a file; Ctrl-C reaches it as the SIGTERM of this process alone."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        return subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=dict(environment), start_new_session=True
        )
