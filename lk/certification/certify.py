"""What is proven about a group network at a checkpoint, by the callback during training and by the command alike."""

import shutil
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lk.certification.arguments import interactions_of_arguments
from lk.certification.proving import Proof, certify_network
from lk.certification.rows import VERIFIERS, best_bounds
from lk.data import GroupTable
from lk.extraction import Checkpoint
from lk.metrics import weight_norm
from lk.networks import GroupNetwork
from lk.proofs import Tables, tables_of
from lk.runs import Run
from lk.runs.measured import record_measured
from lk.storage.digest import digest_tensors
from lk.storage.files import available_memory

PROVABLE = 0.95  # share of certified pairs from which a network counts as provable
GROKS = 0.99  # test accuracy above which it counts as having grokked
TABLES = ("certificates", "circuits", "progress")


class Certification(NamedTuple):
    """All that is known about the networks of a checkpoint.

    Attributes:
        tables: `certificates`, `circuits` and `progress`, each with step, epoch and seed.
        proofs: By seed.
    """

    tables: dict[str, pd.DataFrame]
    proofs: dict[int, Proof]

    def save(self, run: Run, step: int) -> None:
        """Write every explanation and certificate below the run's folders of the seeds."""
        for seed, proof in self.proofs.items():
            proof.save(run, step, seed)

    @property
    def failures(self) -> list[str]:
        """What could not be done, a sentence each; its bound is recorded as 0."""
        failed = self.tables["certificates"]
        failed = failed[failed["failed"]]
        return [f"seed {row['seed']}, {row['verifier']}: {row['reason']}" for row in failed.to_dict("records")]


def group_run(network: nn.Module, data: Any) -> tuple[GroupNetwork, GroupTable]:
    """The network and its data, known to be what certificates are about.

    Raises:
        ValueError: The network is no group network or of float64, the data are no group table, the activation cannot be
            certified, or memory is too small.
    """
    if not isinstance(network, GroupNetwork) or not isinstance(data, GroupTable):
        raise ValueError(
            f"expected lk.networks.GroupNetwork trained on lk.data.GroupTable, got {type(network).__name__} on "
            f"{type(data).__name__}. See configs/group_s4.yaml."
        )
    Tables(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1)), np.zeros(1), network.activation)
    if any(parameter.dtype == torch.float64 for parameter in network.parameters()):
        raise ValueError("expected parameters of float32, got float64. Train with trainer.precision=32-true.")
    n = data.group.order
    needed, free = 8 * n**2 * (n + 8), available_memory()  # schur keeps D <= n numbers of each pair
    if needed > free:
        raise ValueError(
            f"expected {needed / 2**30:,.1f} GiB of free memory to certify networks of {data.group.name} (order "
            f"{n:,}), got {free / 2**30:,.1f} GiB. Use a smaller group, or a machine with more memory; leave the "
            "Certify callback out to train alone."
        )
    return network, data


def folded(network: GroupNetwork) -> dict[int, Tables]:
    """The tables of each network by its seed.

    Raises:
        ValueError: Weights are not finite; names the seed.
    """
    stored, found = network.stored(), {}
    for index in range(network.seeds):
        seed = network.first_seed + index
        try:
            parameters = {name: parameter[index].detach().cpu() for name, parameter in stored.items()}
            found[seed] = tables_of(parameters, network.activation)
        except ValueError as error:
            raise ValueError(f"Seed {seed}: {error}") from error
    return found


def pairs_trained(data: GroupTable) -> NDArray[np.bool_]:
    """Which pairs (x, y) were trained on, shape `(n, n)`."""
    trained = np.zeros((data.group.order,) * 2, dtype=bool)
    x, y = data.batch[0].numpy().T
    trained[x, y] = True
    return trained


def pairs_played(data: GroupTable, most: int = 128) -> tuple[Tensor, Tensor]:
    """Pairs spread evenly over the table, at most so many, as one-hot rows, and their products.

    For games of the two arguments.
    """
    n = data.group.order
    index = torch.linspace(0, n * n - 1, min(most, n * n)).round().long()
    return data.one_hot(torch.stack([index // n, index % n], 1)), torch.tensor(data.group.table).flatten()[index]


def certify_checkpoint(
    checkpoint: Checkpoint,
    seeds: int | None = None,
    verifiers: Sequence[str] = VERIFIERS,
    done: Callable[[], None] = lambda: None,
) -> Certification:
    """Measure, explain and certify the networks of a checkpoint, seed by seed.

    A finder or verifier that fails on one network is recorded with its reason and bound 0, and the others go on.

    Args:
        checkpoint: Of a group network, and the table that it was trained on.
        seeds: How many networks, from the first; all by default.
        verifiers: Names out of `VERIFIERS`.
        done: Called after each network.
    """
    network, data = group_run(checkpoint.network, checkpoint.data)
    parameters = {name: parameter.detach().cpu().numpy() for name, parameter in network.named_parameters()}
    collected: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    found: dict[int, Proof] = {}
    played = pairs_played(data)
    for index, (seed, tables) in enumerate(list(folded(network).items())[:seeds]):
        frames, found[seed] = certify_network(tables, data.group, pairs_trained(data), verifiers)
        more = {"weight_norm": weight_norm(array[index] for array in parameters.values())}
        effects = interactions_of_arguments(
            GroupNetwork.from_tables(network.tables().seed(index)), *played, data.baseline
        )
        more |= {f"interaction_{name}": float(effects[name].abs().mean()) for name in ("x", "y", "xy", "share")}
        rows = pd.DataFrame({"quantity": list(more), "irrep": "", "value": list(more.values())})
        frames["progress"] = joined([frames["progress"], rows])
        for name, frame in frames.items():
            collected[name].append(frame.assign(step=checkpoint.step, epoch=float(checkpoint.epoch), seed=seed))
        done()
    frames = {name: joined(parts) for name, parts in collected.items()}
    frames["certificates"] = frames["certificates"].assign(weights=digest_tensors(network.state_dict()))
    return Certification(frames, found)


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of all frames; empty ones have no types and are left out."""
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


def record(run: Run, found: Certification, step: int) -> None:
    """Write the rows of a checkpoint into the run's tables, in the place of its earlier ones.

    Stored proofs of these go with them. A table of runs is told the share of provable networks.
    """
    for folder in run.certified.get(step, {}).values():
        for name in VERIFIERS:
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / "network.safetensors").unlink(missing_ok=True)
    for name, frame in found.tables.items():
        earlier = run.read_table(name) if run.table(name).is_file() else frame.iloc[:0]
        earlier = earlier[earlier["step"] != step]
        run.write_table(name, joined([earlier, frame]).sort_values("step", kind="stable"))
    explained = best_bounds(found.tables["certificates"])
    provable = float((explained["bound"] >= PROVABLE).mean()) if len(explained) else 0.0
    record_measured(run.path, "certificates", step, {"certified": provable})


def forget_after(run: Run, step: int) -> None:
    """Drop rows of later steps: a training that starts again at a step makes them anew."""
    for name in TABLES:
        if run.table(name).is_file():
            frame = run.read_table(name)
            run.write_table(name, frame[frame["step"] <= step])
