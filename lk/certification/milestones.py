"""When networks grok and when they become provable, and what that costs: rows and sentences."""

import numpy as np
import pandas as pd

from lk.certification.certify import GROKS, PROVABLE
from lk.certification.rows import best_bounds, final_rows
from lk.text import number, significant


def milestones(progress: pd.DataFrame, certificates: pd.DataFrame) -> pd.DataFrame:
    """First steps at which each network that is followed from the first checkpoint on groks and becomes provable.

    Args:
        progress: As `lk.certification.certify` writes it.
        certificates: Likewise.

    Returns:
        Columns seed, groks, provable; NaN for never.
    """
    followed = sorted(certificates.loc[certificates["step"] == certificates["step"].min(), "seed"].unique())
    test = (
        progress[(progress["quantity"] == "test/accuracy") & (progress["value"] > GROKS)].groupby("seed")["step"].min()
    )
    bounds = best_bounds(certificates)
    proven = bounds[bounds["bound"] >= PROVABLE].groupby("seed")["step"].min()
    columns = {"groks": test.reindex(followed).to_numpy(float), "provable": proven.reindex(followed).to_numpy(float)}
    return pd.DataFrame({"seed": followed, **columns})


def summary(certificates: pd.DataFrame) -> pd.DataFrame:
    """One row per verifier over the networks of one checkpoint.

    Returns:
        Columns verifier, mean (of the bounds), provable and networks (counts), cost and seconds (medians), failed
        (count).
    """
    rows = final_rows(certificates).groupby("verifier", sort=False)
    return pd.DataFrame(
        {
            "mean": rows["bound"].mean(),
            "provable": rows["bound"].apply(lambda bounds: int((bounds >= PROVABLE).sum())),
            "networks": rows.size(),
            "cost": rows["cost"].median(),
            "seconds": rows["seconds"].median(),
            "failed": rows["failed"].sum(),
        }
    ).reset_index()


def on_bounds(certificates: pd.DataFrame) -> str:
    """How many networks are provable, and at what cost."""
    rows = best_bounds(certificates)
    if not len(rows):
        return ""
    proven = rows[rows["bound"] >= PROVABLE]
    text = (
        f"{len(proven)} of {len(rows)} networks are provable at step {int(rows['step'].max()):,}: through an "
        f"explanation alone, at least {significant(100 * PROVABLE, 3)} % of all pairs are proven to be answered rightly"
    )
    if not len(proven):
        highest = rows.sort_values("bound").iloc[-1]
        return (
            f"{text}. The highest bound is {number(highest['bound'], 3)} (true accuracy there "
            f"{number(highest['accuracy'], 3)})."
        )
    cheap = int((proven["cost"] < 1).sum())
    return (
        f"{text}. The proofs cost a median of {significant(proven['cost'].median())} of brute force's operations; "
        f"{cheap} cost less than brute force."
    )


def on_time(steps: pd.DataFrame) -> str:
    """When networks grok and become provable."""

    def when(name: str, verb: str) -> str:
        known = steps[name].dropna()
        count = f"{len(known)} of {len(steps)}"
        return f"{count} {verb}" + (f", at a median of step {number(float(np.median(known)), 0)}" if len(known) else "")

    grok = when("groks", f"reach a test accuracy above {significant(GROKS, 3)}")
    return f"Of the networks followed through training, {grok}; {when('provable', 'become provable')}."


def on_cascade(certificates: pd.DataFrame) -> str:
    """What deciding every pair costs."""
    rows = final_rows(certificates)
    rows = rows[(rows["verifier"] == "cascade") & ~rows["failed"]]
    if not len(rows):
        return ""
    brute = certificates[certificates["verifier"] == "brute_force"]["cost"]
    against = f" ({significant(brute.median(), 3)} for brute force itself, rounding included)" if len(brute) else ""
    return (
        "The cascade, which leaves to brute force what cheaper proofs leave open, decides every pair for a median of "
        f"{significant(rows['cost'].median())} of n³ m multiply-adds{against}."
    )
