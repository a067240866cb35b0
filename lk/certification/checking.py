"""Stored certificates, examined by the outside checker and compared with the checkpoints that they speak of."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import lk.proofs
from lk.data import GroupTable
from lk.networks import GroupNetwork
from lk.runs import Run
from lk.storage.stored import read_arrays


def examine(folder: Path, pairs: int = 0, seed: int = 0) -> bool:
    """Whether the outside checker accepts every certificate below a folder; it prints a line for each.

    It runs in a process of its own, in Python's isolated mode: it sees nothing of lk, nor of any installed package that
    it does not name.

    Args:
        folder: `certificates/` of a run, or a folder below.
        pairs: Pairs to draw from each network; all by default.
        seed: Seed of that draw.
    """
    words = [
        sys.executable,
        "-I",
        "-S",
        str(Path(lk.proofs.__file__).with_name("checker.py")),
        str(folder),
        "--pairs",
        str(pairs),
        "--seed",
        str(seed),
    ]
    return subprocess.run(words, check=False).returncode == 0


def differences(run: Run, network: GroupNetwork, data: GroupTable, steps: Sequence[int]) -> list[str]:
    """How the stored networks of certificates differ from the run's checkpoints and its group, a sentence each."""
    found = []
    for step in steps:
        if step in run.checkpoints:
            run.load(network, step)
        parameters = {name: tensor.detach().float().cpu().numpy() for name, tensor in network.stored().items()}
        for seed, folder in run.certified[step].items():
            arrays = read_arrays(
                folder / "network.safetensors", "holds no network", "Certify again: analyze.py certify RUN."
            )
            where, index = f"Step {step}, seed {seed}", seed - network.first_seed
            if not np.array_equal(arrays.get("group", np.zeros(0)), data.group.table):
                found.append(
                    f"{where}: the certificates are about another group than {data.group.name}, that of the run."
                )
            if not 0 <= index < network.seeds:
                found.append(f"{where}: the run has no such network.")
            elif step not in run.checkpoints:
                found.append(f"{where}: the run has no checkpoint of this step to compare the network with.")
            else:
                other = [
                    name
                    for name, table in parameters.items()
                    if not np.array_equal(arrays.get(name, np.zeros(0)), table[index])
                ]
                found += (
                    [f"{where}: {', '.join(other)} of the certified network are not those of the checkpoint."]
                    if other
                    else []
                )
    return found
