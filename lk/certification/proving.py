"""One group network, explained and proven by every verifier: its proof, and the rows that tables of certificates hold of it."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lk import finders, proofs
from lk.certification.circuits import circuit_rows
from lk.certification.progress_measures import progress_measures
from lk.groups import Group, Irrep, all_subgroups, irreps
from lk.metrics import Folded
from lk.proofs import (
    PRECISIONS,
    Certificate,
    FourierExplanation,
    GSetExplanation,
    LookupExplanation,
    Tables,
    save_explanation,
    save_network,
)
from lk.runs import Run

VERIFIERS = ("brute_force", "irrep", "gset", "schur", "lookup", "cascade")


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


@lru_cache(maxsize=4)
def structure(group: Group) -> tuple[list[Irrep], list[NDArray[np.int64]]]:
    """Irreps and subgroups of a group, worked out once."""
    return irreps(group), all_subgroups(group)


def certify_network(
    tables: Tables, group: Group, trained: NDArray[np.bool_], verifiers: Sequence[str] = VERIFIERS
) -> tuple[dict[str, pd.DataFrame], Proof]:
    """The three tables of one network, without step and seed, and its proof."""
    all_irreps, subgroups = structure(group)
    progress = progress_measures(Folded(*tables.doubles(), tables.activation), group, trained, all_irreps, subgroups)
    accuracy = measured = float(progress.loc[progress["quantity"] == "full/accuracy", "value"].iloc[0])
    explanations: dict[str, Any] = {}
    certificates: dict[str, Certificate] = {}
    rows: list[dict[str, object]] = []
    circuits = attempt(lambda: finders.find_gset(tables, group, all_irreps))
    fourier = attempt(lambda: finders.find_fourier(tables, group, all_irreps))
    lookups = attempt(lambda: finders.find_lookup(tables, group, all_irreps))
    ways: dict[str, Callable[[], Certificate | None]] = {
        "brute_force": lambda: proofs.brute_force(tables, group),
        "irrep": lambda: best("irrep", circuits, lambda given: proofs.irrep(tables, group, given), explanations),
        "gset": lambda: best("gset", circuits, lambda given: proofs.gset(tables, group, given), explanations),
        "schur": lambda: best("schur", fourier, lambda given: proofs.schur(tables, group, given), explanations),
        "lookup": lambda: best("lookup", lookups, lambda given: proofs.lookup(tables, group, given), explanations),
        "cascade": lambda: proofs.cascade(
            tables,
            group,
            circuits=kept(explanations, "gset", circuits),
            fourier=kept(explanations, "schur", fourier),
            lookups=kept(explanations, "lookup", lookups),
        ),
    }
    for name in [name for name in VERIFIERS if name in verifiers]:
        way, brute = ways[name], certificates.get("brute_force")
        certificate = attempt(
            partial(lambda way, brute: uncontradicted(way(), brute, tables, group, measured), way, brute)
        )
        if certificate is None or isinstance(certificate, Exception):
            reason = (
                "no explanation was found" if certificate is None else f"{type(certificate).__name__}: {certificate}"
            )
            rows.append(
                {"verifier": name, "tier": name, "bound": 0.0, "failed": certificate is not None, "reason": reason}
            )
            continue
        certificates[name] = certificate
        accuracy = certificate.accuracy if name == "brute_force" and certificate.accuracy is not None else accuracy
        rows += rows_of(certificate)
        rows[-1] |= {
            f"bound_{name}": float((proofs.executed(tables, certificate.slack, name) > 0.0).mean())
            for name in PRECISIONS
        }
    described = circuit_rows(
        tables, group, all_irreps, explanations.get("gset", first(circuits)), explanations.get("schur", first(fourier))
    )
    frame = pd.DataFrame(rows, columns=COLUMNS).assign(accuracy=accuracy)
    frame = frame.astype({name: float for name in COLUMNS if name not in ("verifier", "tier", "failed", "reason")})
    return {"certificates": frame, "circuits": described, "progress": progress}, Proof(
        tables, group, explanations, certificates
    )


COLUMNS = [
    "verifier", "tier", "bound", "cost", "operations", "seconds", "loss_bound", "margin", "error_50", "error_90", "unexplained", "failed", "reason",
    *(f"bound_{name}" for name in PRECISIONS),
]  # fmt: skip


def uncontradicted(
    certificate: Certificate | None, exact: Certificate | None, tables: Tables, group: Group, accuracy: float
) -> Certificate | None:
    """The certificate, if no pair that it certifies is wrong in exact arithmetic; brute force is asked where measured accuracy is below the bound.

    Raises:
        RuntimeError: It certifies a wrong pair, so that the verifier is at fault.
    """
    if certificate is not None and exact is None and certificate.bound > accuracy:
        exact = proofs.brute_force(tables, group)
    if certificate is not None and exact is not None and (certificate.certified & ~exact.certified).any():
        raise RuntimeError(
            f"{certificate.verifier} certifies pairs that brute force finds wrong. Report it with the stored network and explanation"
        )
    return certificate


def attempt(work: Callable[[], Any]) -> Any:
    """The result, or the error: one network that cannot be certified must not end a training."""
    try:
        return work()
    except Exception as error:
        return error


def first(candidates: Any) -> Any:
    """The best guess, None where the finder failed or found nothing."""
    return None if isinstance(candidates, Exception) or not candidates else candidates[0]


def kept(explanations: dict[str, Any], verifier: str, candidates: Any) -> Any:
    """The explanation of a verifier; the first guess where it did not run, kept as well, so that what a cascade read is stored."""
    if verifier not in explanations and first(candidates) is not None:
        explanations[verifier] = first(candidates)
    return explanations.get(verifier)


def best(
    verifier: str, candidates: Any, verify: Callable[[Any], Certificate], kept: dict[str, Any]
) -> Certificate | None:
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
