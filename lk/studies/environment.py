"""What computed a result: threads, device and versions, in a table of the run beside the results."""

import platform
from collections.abc import Hashable
from importlib.metadata import version
from typing import Any

import pandas as pd
import torch

from lk.runs import Run

TABLE = "environment"
PACKAGES = ("layerwise-knowledge", "torch", "pytorch-lightning", "numpy", "scipy")


def environment(device: str = "cpu") -> dict[str, Any]:
    """Threads of torch, device, and versions of Python and of the packages that compute.

    Example:
        >>> environment()["threads"] == torch.get_num_threads()
        True
    """
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.machine()
    versions = {package: version(package) for package in PACKAGES}
    return {
        "threads": torch.get_num_threads(),
        "device": f"{device} ({name})",
        "python": platform.python_version(),
        **versions,
    }


def record_environment(run: Run, what: str, step: int, device: str = "cpu") -> None:
    """Add a row to `tables/environment.parquet`, unless the same computed this part before.

    What, step from which on it holds, and the rest.

    Args:
        run: The run.
        what: Part of the work, such as `training`.
        step: Global step.
        device: Torch's name of the device.
    """
    row: dict[Hashable, Any] = {"what": what, "step": step}
    row.update(environment(device).items())
    known = run.read_table(TABLE).to_dict("records") if run.table(TABLE).is_file() else []
    # What an interrupted run computed after the step that it goes on from is computed again.
    kept = [old for old in known if old["what"] != what or old["step"] < step]
    same = [old for old in kept if old["what"] == what][-1:]
    if not same or {**same[0], "step": step} != row:
        kept.append(row)
    run.write_table(TABLE, pd.DataFrame(kept))
