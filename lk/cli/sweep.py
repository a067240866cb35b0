"""Train every combination of a sweep file: `analyze.py sweep configs/sweeps/seeds.yaml`."""

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from jsonargparse.typing import PositiveInt

from lk.console import say
from lk.runs.heartbeat import read_heartbeat, state
from lk.storage.files import make_folder
from lk.sweeps import Sweep, in_parallel, read_sweep, submitted
from lk.sweeps.processes import LOG

DONE = ("finished", "stopped early")


def sweep(file: str, processes: PositiveInt = 1, runs_dir: str = "runs", submit: dict[str, Any] | None = None) -> None:
    """Train every combination of settings of a sweep file, each in a run folder; no account is needed.

    The same command resumes where it was stopped: finished runs stay, killed ones are resumed.

    Args:
        file: A file that `wandb sweep` takes too, with method grid or random.
        processes: Trainings at a time.
        runs_dir: Folder of the runs.
        submit: Send jobs to a cluster instead: settings of submitit, such as "{timeout_min: 600, gpus_per_node: 1}".

    Raises:
        ValueError: The file is refused, see `lk.sweeps.read_sweep`; or the training refuses a setting.
    """
    found, folder = read_sweep(Path(file)), Path(runs_dir)
    make_folder(folder)
    states = {run: state(beat) for run in found.words if (beat := read_heartbeat(folder / run)) is not None}
    left = [run for run in found.words if states.get(run) not in (*DONE, "training")]
    counted = f"{sum(value in DONE for value in states.values())} finished"
    counted += f", {alive} in training" if (alive := list(states.values()).count("training")) else ""
    say(f"Sweep {found.name}: {len(found.words)} runs ({counted}), {len(left)} to train.")
    check_settings(found, left)
    commands = {
        run: [sys.executable, found.program, *found.words[run], f"--id={run}", f"--runs_dir={folder}", "--resume=true"]
        for run in left
    }
    if submit is not None:
        jobs = submitted(list(commands.values()), folder, submit)
        for run, job in zip(commands, jobs, strict=True):
            say(f"Job {job.job_id}: {run}")
        say(f"Progress: analyze.py runs {folder}")
        return
    failed: list[str] = []

    def ended(run: str, code: int) -> None:
        failed.extend([run] if code else [])
        say(f"{run}: {f'failed with exit code {code}, see {folder / run / LOG}' if code else 'finished'}.")

    in_parallel(commands, folder, processes, ended)
    if failed:
        say(f"error: {len(failed)} of {len(left)} trainings failed. The same command tries them again.")
        sys.exit(1)


def check_settings(found: Sweep, runs: list[str]) -> None:
    """Let the parser of the training read every value once, so that a wrong one is refused before the first training.

    Raises:
        FileNotFoundError: The program is missing.
        ValueError: A setting is refused; names run and reason.
    """
    if not runs:
        return
    if Path(found.program).name != "train.py" or not Path(found.program).is_file():
        raise FileNotFoundError(
            f"expected program train.py in {Path.cwd()}, got program={found.program!r}. Go to its folder first."
        )
    from lk.cli.training import train  # Lightning takes seconds to import

    for run in covering({run: found.words[run] for run in runs}):
        printed, refused = io.StringIO(), io.StringIO()
        try:
            with redirect_stdout(printed), redirect_stderr(refused):
                train([*found.words[run], "--print_config"])
        except SystemExit as error:
            if error.code:
                reason = refused.getvalue().partition("(--help")[0].removeprefix("error: ")
                raise ValueError(
                    f"expected settings that train.py takes, got {run}: {' '.join(reason.split())}"
                ) from None


def covering(words: Mapping[str, list[str]]) -> Iterator[str]:
    """Runs that together have every word at least once."""
    seen: set[str] = set()
    for run, own in words.items():
        if not seen.issuperset(own):
            seen.update(own)
            yield run
