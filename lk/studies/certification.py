"""What is proven about a group network at a checkpoint, by the callback during training and by the command afterwards alike."""

import shutil
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lk import proofs
from lk.data import GroupTable
from lk.digest import digest_tensors
from lk.files import available_memory
from lk.groups import Group, Irrep, all_subgroups, irreps
from lk.metrics import Folded, weight_norm
from lk.networks import GroupNetwork
from lk.proofs import Certificate, FourierExplanation, GSetExplanation, LookupExplanation, Tables, save_explanation, save_network, tables_of
from lk.runs import Run
from lk.studies.arguments import interactions_of_arguments
from lk.studies.circuits import circuit_rows
from lk.studies.progress_measures import progress_measures

VERIFIERS = ("brute_force", "irrep", "gset", "schur", "lookup", "cascade")
# Verifiers that prove through what the network does on the group; a look-up describes the unembedding alone, and memorised answers as well.
EXPLAINED = ("irrep", "gset", "schur")
PROVABLE = 0.95  # share of certified pairs from which a network counts as provable
GROKS = 0.99  # test accuracy above which it counts as having grokked
TABLES = ("certificates", "circuits", "progress")


class Proof(NamedTuple):
    """What was found and proven about one network.

    Attributes:
        tables: The network.
        group: Its group.
        explanations: The best explanation for each verifier that reads one.
        certificates: The certificate of each verifier that ran.
    """

    tables: Tables
    group: Group
    explanations: dict[str, GSetExplanation | FourierExplanation | LookupExplanation]
    certificates: dict[str, Certificate]

    def save(self, run: Run, step: int, seed: int) -> None:
        """Write all of it below the run's folder of the seed."""
        folder = run.certificates(step, seed)
        save_network(self.tables, self.group, folder)
        for name, explanation in self.explanations.items():
            save_explanation(explanation, folder / name)
        for name, certificate in self.certificates.items():
            certificate.save(folder / name, self.tables.activation)


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


@lru_cache(maxsize=4)
def structure(group: Group) -> tuple[list[Irrep], list[NDArray[np.int64]]]:
    """Irreps and subgroups of a group, worked out once."""
    return irreps(group), all_subgroups(group)


def group_run(network: nn.Module, data: Any) -> tuple[GroupNetwork, GroupTable]:
    """The network and its data, known to be what certificates are about.

    Raises:
        ValueError: The network is no group network, the data are no group table, the activation cannot be certified, or memory is too small.
    """
    if not isinstance(network, GroupNetwork) or not isinstance(data, GroupTable):
        raise ValueError(
            f"Given {type(network).__name__} on {type(data).__name__}; certificates are about lk.networks.GroupNetwork trained on "
            "lk.data.GroupTable (see configs/group_s4.yaml)."
        )
    Tables(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1)), np.zeros(1), network.activation)
    n = data.group.order
    needed, free = 8 * n**2 * (n + 8), available_memory()  # schur keeps D <= n numbers of each pair
    if needed > free:
        raise ValueError(
            f"Certifying networks of {data.group.name} (order {n:,}) needs up to {needed / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB are free. "
            "Use a smaller group, or a machine with more memory; leave the Certify callback out to train alone."
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
            raise ValueError(f"The network of seed {seed} cannot be certified: {error}.") from error
    return found


def pairs_trained(data: GroupTable) -> NDArray[np.bool_]:
    """Which pairs (x, y) were trained on, shape `(n, n)`."""
    trained = np.zeros((data.group.order,) * 2, dtype=bool)
    x, y = data.batch[0].numpy().T
    trained[x, y] = True
    return trained


def pairs_played(data: GroupTable, most: int = 128) -> tuple[Tensor, Tensor]:
    """Pairs spread evenly over the table, at most so many, as one-hot rows, and their products: for games of the two arguments."""
    n = data.group.order
    index = torch.linspace(0, n * n - 1, min(most, n * n)).round().long()
    return data.one_hot(torch.stack([index // n, index % n], 1)), torch.tensor(data.group.table).flatten()[index]


def certify_checkpoint(
    network: GroupNetwork,
    data: GroupTable,
    step: int,
    epoch: float,
    seeds: int | None = None,
    verifiers: Sequence[str] = VERIFIERS,
    done: Callable[[], None] = lambda: None,
) -> Certification:
    """Measure, explain and certify the networks of a checkpoint, seed by seed.

    A finder or verifier that fails on one network is recorded with its reason and bound 0, and the others go on.

    Args:
        network: The network as it stands; it is read, never changed.
        data: Its group and which pairs were trained on.
        step: Global step.
        epoch: Epochs trained.
        seeds: How many networks, from the first; all by default.
        verifiers: Names out of `VERIFIERS`.
        done: Called after each network.
    """
    parameters = {name: parameter.detach().cpu().numpy() for name, parameter in network.named_parameters()}
    collected: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    found: dict[int, Proof] = {}
    played = pairs_played(data)
    for index, (seed, tables) in enumerate(list(folded(network).items())[:seeds]):
        frames, found[seed] = certify_network(tables, data.group, pairs_trained(data), verifiers)
        more = {"weight_norm": weight_norm(array[index] for array in parameters.values())}
        effects = interactions_of_arguments(network.tables().seed(index).network(), *played, data.baseline)
        more |= {f"interaction_{name}": float(effects[name].abs().mean()) for name in ("x", "y", "xy", "share")}
        rows = pd.DataFrame({"quantity": list(more), "irrep": "", "value": list(more.values())})
        frames["progress"] = joined([frames["progress"], rows])
        for name, frame in frames.items():
            collected[name].append(frame.assign(step=step, epoch=float(epoch), seed=seed))
        done()
    frames = {name: joined(parts) for name, parts in collected.items()}
    frames["certificates"] = frames["certificates"].assign(weights=digest_tensors(network.state_dict()))
    return Certification(frames, found)


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of all frames; empty ones have no types and are left out."""
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


def certify_network(
    tables: Tables, group: Group, trained: NDArray[np.bool_], verifiers: Sequence[str] = VERIFIERS
) -> tuple[dict[str, pd.DataFrame], Proof]:
    """The three tables of one network, without step and seed, and its proof."""
    all_irreps, subgroups = structure(group)
    progress = progress_measures(Folded(*tables.doubles(), tables.activation), group, trained, all_irreps, subgroups)
    accuracy = float(progress.loc[progress["quantity"] == "full/accuracy", "value"].iloc[0])
    explanations: dict[str, Any] = {}
    certificates: dict[str, Certificate] = {}
    rows: list[dict[str, object]] = []
    circuits = attempt(lambda: proofs.find_gset(tables, group, all_irreps))
    fourier = attempt(lambda: proofs.find_fourier(tables, group, all_irreps))
    lookups = attempt(lambda: proofs.find_lookup(tables, group, all_irreps))
    ways: dict[str, Callable[[], Certificate | None]] = {
        "brute_force": lambda: proofs.brute_force(tables, group),
        "irrep": lambda: best("irrep", circuits, lambda given: proofs.irrep(tables, group, given), explanations),
        "gset": lambda: best("gset", circuits, lambda given: proofs.gset(tables, group, given), explanations),
        "schur": lambda: best("schur", fourier, lambda given: proofs.schur(tables, group, given), explanations),
        "lookup": lambda: best("lookup", lookups, lambda given: proofs.lookup(tables, group, given), explanations),
        "cascade": lambda: proofs.cascade(
            tables,
            group,
            explanations.get("gset", first(circuits)),
            explanations.get("schur", first(fourier)),
            lookups=explanations.get("lookup", first(lookups)),
        ),
    }
    for name in [name for name in VERIFIERS if name in verifiers]:
        certificate = attempt(ways[name])
        if certificate is None or isinstance(certificate, Exception):
            reason = "no explanation was found" if certificate is None else f"{type(certificate).__name__}: {certificate}"
            rows.append({"verifier": name, "tier": name, "bound": 0.0, "failed": certificate is not None, "reason": reason})
            continue
        certificates[name] = certificate
        accuracy = certificate.accuracy if name == "brute_force" and certificate.accuracy is not None else accuracy
        rows += rows_of(certificate)
    described = circuit_rows(
        tables, group, all_irreps, explanations.get("gset", first(circuits)), explanations.get("schur", first(fourier))
    )
    frame = pd.DataFrame(rows, columns=COLUMNS).assign(accuracy=accuracy)
    frame = frame.astype({name: float for name in COLUMNS if name not in ("verifier", "tier", "failed", "reason")})
    return {"certificates": frame, "circuits": described, "progress": progress}, Proof(tables, group, explanations, certificates)


COLUMNS = [
    "verifier", "tier", "bound", "cost", "operations", "seconds", "loss_bound", "margin", "error_50", "error_90", "unexplained", "failed", "reason",
]  # fmt: skip


def attempt(work: Callable[[], Any]) -> Any:
    """The result, or the error: one network that cannot be certified must not end a training."""
    try:
        return work()
    except Exception as error:
        return error


def first(candidates: Any) -> Any:
    """The best guess, None where the finder failed or found nothing."""
    return None if isinstance(candidates, Exception) or not candidates else candidates[0]


def best(verifier: str, candidates: Any, verify: Callable[[Any], Certificate], kept: dict[str, Any]) -> Certificate | None:
    """The certificate of the best candidate: the highest bound, then the lowest cost; its explanation is kept under the verifier's name.

    Returns:
        None where nothing was found.

    Raises:
        Exception: The finder's own, if it failed.
    """
    if isinstance(candidates, Exception):
        raise candidates
    if not candidates:
        return None
    results = [(verify(candidate), candidate) for candidate in candidates]
    certificate, kept[verifier] = max(results, key=lambda result: (result[0].bound, -result[0].cost))
    return certificate


def rows_of(certificate: Certificate) -> list[dict[str, object]]:
    """Rows of the table of certificates: one, or for a cascade one after each tier, what comes before included."""
    errors = {} if certificate.tiers else certificate.error_quantiles  # tiers have margins of their own
    row: dict[str, object] = {
        "verifier": certificate.verifier.removesuffix("_clustered"),
        "tier": certificate.verifier,
        "bound": certificate.bound,
        "operations": certificate.operations,
        "cost": certificate.cost,
        "seconds": certificate.seconds,
        "loss_bound": certificate.loss_bound,
        "margin": np.nan if certificate.margin is None else certificate.margin,
        "error_50": errors.get("50%", np.nan),
        "error_90": errors.get("90%", np.nan),
        "unexplained": len(certificate.unexplained),
        "failed": False,
        "reason": "; ".join(certificate.dropped),
    }
    if not certificate.tiers:
        return [row]
    tiers = []
    for tier, bound, operations, seconds in certificate.tiers:
        spent = {
            "tier": tier,
            "bound": bound,
            "operations": operations,
            "cost": operations / certificate.brute_force_operations,
            "seconds": seconds,
        }
        tiers.append({**row, "loss_bound": np.nan, "margin": np.nan, "reason": "", **spent})
    tiers[-1] = {**row, **{key: tiers[-1][key] for key in ("tier", "bound", "operations", "cost", "seconds")}}
    return tiers


def record(run: Run, found: Certification, step: int) -> None:
    """Write the rows of a checkpoint into the run's tables, in the place of its earlier ones; stored proofs of these go with them."""
    for folder in run.certified.get(step, {}).values():
        for name in VERIFIERS:
            shutil.rmtree(folder / name, ignore_errors=True)
    for name, frame in found.tables.items():
        earlier = run.read_table(name) if run.table(name).is_file() else frame.iloc[:0]
        earlier = earlier[earlier["step"] != step]
        run.write_table(name, joined([earlier, frame]).sort_values("step", kind="stable"))


def forget_after(run: Run, step: int) -> None:
    """Drop rows of later steps: a training that starts again at a step makes them anew."""
    for name in TABLES:
        if run.table(name).is_file():
            frame = run.read_table(name)
            run.write_table(name, frame[frame["step"] <= step])


def scalars(found: Certification) -> dict[str, float]:
    """Means over the seeds of a checkpoint, under keys `certify/...`."""
    certificates, progress = found.tables["certificates"], found.tables["progress"]
    final = final_rows(certificates)
    numbers: dict[str, float] = {}
    for name, rows in final.groupby("verifier"):
        numbers[f"certify/bound_{name}"] = float(rows["bound"].mean())
        if rows["cost"].notna().any():
            numbers[f"certify/cost_{name}"] = float(rows["cost"].mean())
    explained = best_bounds(certificates)
    if len(explained):
        numbers["certify/provable"] = float((explained["bound"] >= PROVABLE).mean())
    for name, values in progress[progress["irrep"] == ""].groupby("quantity")["value"]:
        numbers[f"certify/{str(name).replace('/', '_')}"] = float(values.mean())
    return numbers


def final_rows(certificates: pd.DataFrame) -> pd.DataFrame:
    """One row per step, seed and verifier: of a cascade, what it reached in the end."""
    return certificates.drop_duplicates(["step", "seed", "verifier"], keep="last")


def best_bounds(certificates: pd.DataFrame) -> pd.DataFrame:
    """Of each step and seed the row with the highest bound that an explanation alone proves."""
    rows = final_rows(certificates)
    rows = rows[rows["verifier"].isin(EXPLAINED)].sort_values(["bound", "cost"], ascending=[False, True], kind="stable")
    return rows.drop_duplicates(["step", "seed"]).sort_values(["step", "seed"])
