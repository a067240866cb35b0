"""Finished runs, for the commands that read them."""

from collections.abc import Sequence

import torch
from torch import nn

from lk.data import Data
from lk.runs import Run


def open_run(path: str, trust: bool, data_dir: str | None) -> tuple[Run, Data, nn.Module]:
    """A run with its data and network, on the GPU where there is one.

    Raises:
        FileNotFoundError: The run has no checkpoints.
    """
    run = Run(path)
    if not run.checkpoints:
        raise FileNotFoundError(f"Run {run.id} has no checkpoints in {run.path / 'checkpoints'}; train it first.")
    data = run.data(trust, data_dir)
    return run, data, run.network(data, trust).to("cuda" if torch.cuda.is_available() else "cpu")


def chosen_steps(run: Run, steps: Sequence[int] | None) -> list[int]:
    """The given checkpoints of a run, or all.

    Raises:
        ValueError: The run has no checkpoint of a given step.
    """
    unknown = [step for step in steps or [] if step not in run.checkpoints]
    if unknown:
        raise ValueError(
            f"Run {run.id} has no checkpoint of step {unknown[0]}. Known: {', '.join(map(str, run.checkpoints))}."
        )
    return list(steps or run.checkpoints)
