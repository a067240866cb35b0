"""Commands as jobs of a cluster, by the library submitit (extra `slurm`)."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lk.extras import extra

LOGS = ".jobs"  # beside the runs: submitit's scripts and output


class Training:
    """A job: one command. SLURM's time limit or preemption puts it back into the queue."""

    def __call__(self, command: Sequence[str]) -> int:
        """Run the command; a job that is stopped lets it save its state.

        Raises:
            RuntimeError: It failed.
        """
        with subprocess.Popen(command) as process:
            try:
                code = process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if code:
            raise RuntimeError(f"expected exit code 0, got {code} of {' '.join(command)}. See the output of the job.")
        return code

    def checkpoint(self, command: Sequence[str]) -> Any:
        """What the queue runs next in the place of a job that was stopped: the same command, which resumes."""
        return extra("submitit", "slurm").helpers.DelayedSubmission(self, command)


def submitted(commands: Sequence[Sequence[str]], folder: Path, settings: Mapping[str, Any]) -> list[Any]:
    """The jobs of some commands, one each, as submitit returns them.

    Args:
        commands: Words of each.
        folder: Folder of runs; output of the jobs goes to `.jobs` in it.
        settings: Arguments of `submitit.AutoExecutor.update_parameters`, such as `timeout_min`, `gpus_per_node`,
            `slurm_partition` and `slurm_array_parallelism`; and `cluster`: `slurm` (default) or `local`.

    Raises:
        ModuleNotFoundError: submitit is not installed.
        ValueError: There is no such setting, or no such cluster here.
    """
    submitit, given = extra("submitit", "slurm"), {"timeout_min": 24 * 60, **settings}
    cluster = given.pop("cluster", "slurm")
    try:
        executor = submitit.AutoExecutor(folder / LOGS, cluster=cluster)
        executor.update_parameters(**given)
    except (NameError, ValueError, RuntimeError, TypeError, AssertionError) as error:
        raise ValueError(f"expected settings of submitit, got submit={dict(settings)} ({error}).") from error
    with executor.batch():
        return [executor.submit(Training(), list(command)) for command in commands]
