"""One group network, explained and certified by every verifier."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lk import finders, proofs
from lk.certification.circuits import circuit_rows
from lk.certification.progress_measures import progress_measures
from lk.certification.rows import VERIFIERS, certificate_rows, failed_row, frame_of
from lk.groups import Folded, Group, Irrep, all_subgroups, irreps
from lk.proofs import (
    Certificate,
    FourierExplanation,
    GSetExplanation,
    LookupExplanation,
    Tables,
    save_explanation,
    save_network,
)
from lk.runs import Run


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
    found = {
        "gset": attempt(lambda: finders.find_gset(tables, group, all_irreps)),
        "schur": attempt(lambda: finders.find_fourier(tables, group, all_irreps)),
        "lookup": attempt(lambda: finders.find_lookup(tables, group, all_irreps)),
    }
    found["irrep"] = found["gset"]
    explanations: dict[str, Any] = {}
    certificates: dict[str, Certificate] = {}
    rows: list[dict[str, object]] = []
    for name in [name for name in VERIFIERS if name in verifiers]:
        certificate = attempt(
            lambda name=name: uncontradicted(  # type: ignore[misc]
                prove(name, tables, group, found, explanations),
                certificates.get("brute_force"),
                tables,
                group,
                measured,
            )
        )
        if certificate is None or isinstance(certificate, Exception):
            rows.append(failed_row(name, certificate))
            continue
        certificates[name] = certificate
        accuracy = certificate.accuracy if name == "brute_force" and certificate.accuracy is not None else accuracy
        rows += certificate_rows(certificate, tables)
    chosen = (explanations.get(name, first(found[name])) for name in ("gset", "schur"))
    described = circuit_rows(tables, group, all_irreps, *chosen)
    frames = {"certificates": frame_of(rows, accuracy), "circuits": described, "progress": progress}
    return frames, Proof(tables, group, explanations, certificates)


def prove(
    verifier: str, tables: Tables, group: Group, found: dict[str, Any], explanations: dict[str, Any]
) -> Certificate | None:
    """The certificate of a verifier; what it read is kept in `explanations`.

    Args:
        verifier: A name of `VERIFIERS`.
        tables: The network.
        group: Its group.
        found: Candidate explanations by verifier, or the error of the finder.
        explanations: The best explanation by verifier, added to.

    Returns:
        None where no explanation was found.
    """
    if verifier == "brute_force":
        return proofs.brute_force(tables, group)
    if verifier == "cascade":
        circuits, fourier, lookups = (kept(explanations, name, found[name]) for name in ("gset", "schur", "lookup"))
        return proofs.cascade(tables, group, circuits=circuits, fourier=fourier, lookups=lookups)
    verify: Callable[..., Certificate] = getattr(proofs, verifier)
    return best(verifier, found[verifier], lambda given: verify(tables, group, given), explanations)


def uncontradicted(
    certificate: Certificate | None, exact: Certificate | None, tables: Tables, group: Group, accuracy: float
) -> Certificate | None:
    """The certificate, if no pair that it certifies is wrong in exact arithmetic.

    Brute force runs where measured accuracy is below the bound.

    Raises:
        RuntimeError: It certifies a wrong pair, so that the verifier is at fault.
    """
    if certificate is not None and exact is None and certificate.bound > accuracy:
        exact = proofs.brute_force(tables, group)
    if certificate is not None and exact is not None and (certificate.certified & ~exact.certified).any():
        raise RuntimeError(
            f"expected certified pairs that brute force finds right, got wrong ones from {certificate.verifier}. This "
            "is a fault of the verifier: report it with the network and the explanation."
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
    """The explanation of a verifier.

    The first guess where it did not run, kept as well, so that what a cascade read is stored.
    """
    if verifier not in explanations and first(candidates) is not None:
        explanations[verifier] = first(candidates)
    return explanations.get(verifier)


def best(
    verifier: str, candidates: Any, verify: Callable[[Any], Certificate], kept: dict[str, Any]
) -> Certificate | None:
    """The certificate of the best candidate: the highest bound, then the lowest cost.

    Its explanation is kept under the verifier's name.

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
