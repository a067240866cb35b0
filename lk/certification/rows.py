"""The table of certificates: its rows, how they are made and how they are read."""

from typing import Any

import numpy as np
import pandas as pd

from lk import proofs
from lk.proofs import PRECISIONS, Certificate, Tables

VERIFIERS = ("brute_force", "irrep", "gset", "schur", "lookup", "cascade")
# Verifiers that prove through what the network does on the group; look-ups describe the unembedding alone, and
# memorised answers as well.
EXPLAINED = ("irrep", "gset", "schur")
COLUMNS = (
    *("verifier", "tier", "bound", "cost", "operations", "seconds", "loss_bound", "margin", "error_50", "error_90"),
    *("unexplained", "failed", "reason", *(f"bound_{name}" for name in PRECISIONS)),
)


def certificate_rows(certificate: Certificate, tables: Tables) -> list[dict[str, object]]:
    """Rows of a certificate: one, or for a cascade one after each tier, what comes before included.

    The last row has the bounds of the network as executed, in each precision.
    """
    errors = {} if certificate.tiers else certificate.error_quantiles  # tiers have margins of their own
    row: dict[str, Any] = {
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
    rows = [row]
    if certificate.tiers:
        spent = [
            {"tier": tier, "bound": bound, "operations": operations, "seconds": seconds}
            | {"cost": operations / certificate.brute_force_operations}
            for tier, bound, operations, seconds in certificate.tiers
        ]
        unknown = {"loss_bound": np.nan, "margin": np.nan, "reason": ""}
        rows = [row | unknown | tier for tier in spent[:-1]] + [row | spent[-1]]
    rows[-1] |= {
        f"bound_{name}": float((proofs.executed(tables, certificate.slack, name) > 0.0).mean()) for name in PRECISIONS
    }
    return rows


def failed_row(verifier: str, error: Exception | None) -> dict[str, object]:
    """The row of a verifier without a certificate: its error, or None where no explanation was found."""
    reason = "no explanation was found" if error is None else f"{type(error).__name__}: {error}"
    return {"verifier": verifier, "tier": verifier, "bound": 0.0, "failed": error is not None, "reason": reason}


def frame_of(rows: list[dict[str, object]], accuracy: float) -> pd.DataFrame:
    """The rows of one network as a frame, with its accuracy."""
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).assign(accuracy=accuracy)
    words = ("verifier", "tier", "failed", "reason")
    return frame.astype({name: float for name in COLUMNS if name not in words})


def final_rows(certificates: pd.DataFrame) -> pd.DataFrame:
    """One row per step, seed and verifier: of a cascade, its last tier."""
    return certificates.drop_duplicates(["step", "seed", "verifier"], keep="last")


def best_bounds(certificates: pd.DataFrame) -> pd.DataFrame:
    """Of each step and seed the row with the highest bound that an explanation alone proves."""
    rows = final_rows(certificates)
    rows = rows[rows["verifier"].isin(EXPLAINED)].sort_values(["bound", "cost"], ascending=[False, True], kind="stable")
    return rows.drop_duplicates(["step", "seed"]).sort_values(["step", "seed"])
