"""What the contrasts of the findings decide, per finding and network, and whether it survives the controls."""

from collections.abc import Sequence

import pandas as pd

from lk.metrics.intervals import LEVEL, SEEDS
from lk.studies.verdict import HOLDS, UNDECIDED, overall, survival, told

AGAINST = ("random labels", "untrained network")  # what a finding must exceed


def verdict_table(table: pd.DataFrame) -> pd.DataFrame:
    """Verdict of each finding per network, and what becomes of it under the controls.

    A finding that holds survives random labels and the untrained network where every part exceeds what they show: the
    interval of the difference lies above zero. Under the other controls the verdict is given anew.

    `after_holm` is the verdict when a part only counts where it stands after Holm's correction over the page.

    Returns:
        Columns finding, network, verdict, after_holm, n, seeds, and one column per control: `survives`,
        `does not survive` or `undecided`, or the verdict under it; empty where it does not bear on the finding.
    """
    rows = []
    for (finding, network), own in table.groupby(["finding", "network"], sort=False):
        measured = own[own["condition"] == "as measured"]
        row = {
            "finding": finding,
            "network": network,
            "verdict": overall(list(measured["verdict"])),
            "after_holm": overall(list(measured["verdict"].where(measured["p_holm"] < LEVEL, UNDECIDED))),
            "n": int(measured["n"].min()),
            "seeds": int(measured["seeds"].min()),
        }
        for control, under in own[own["condition"] != "as measured"].groupby("condition", sort=False):
            row[str(control)] = None  # a control that no finding needs has a column nevertheless
            if control not in AGAINST:
                row[str(control)] = overall(list(under["verdict"]))
            elif row["verdict"] == HOLDS:
                row[str(control)] = survival(under["excess_low"], under["excess_high"], int(under["n"].min()))
        rows.append(row)
    return pd.DataFrame(rows).sort_values("finding", kind="stable").reset_index(drop=True)


def held(verdicts: pd.DataFrame) -> Sequence[str]:
    """One sentence per finding: for which networks it holds after Holm's correction.

    Fewer than three runs speak for themselves alone.
    """
    named = verdicts["network"].where(
        verdicts["seeds"] >= SEEDS,
        verdicts["network"] + " (" + verdicts["seeds"].map({1: "one run"}).fillna("few runs") + ")",
    )
    return [
        f"Finding {finding} {told(own['network'], own['after_holm'])}."
        for finding, own in verdicts.assign(network=named).groupby("finding", sort=True)
    ]
