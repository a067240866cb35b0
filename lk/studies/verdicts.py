"""What the contrasts of the findings decide, per finding and network, and whether it survives the controls."""

from collections.abc import Sequence

import pandas as pd

from lk.studies.findings import HOLDS, UNDECIDED, overall


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Verdict of each finding per network, and what became of it under the controls.

    A control of the probes is survived where every part exceeds it: the interval of the difference lies above zero. Another draw of
    training samples and the opposite lean are survived where the verdict stays.

    Returns:
        Columns finding, network, verdict, n, seeds, and one column per control: `survives`, `does not`, `undecided`, or empty.
    """
    rows = []
    for (finding, network), own in table.groupby(["finding", "network"], sort=False):
        measured = own[own["condition"] == "as measured"]
        row = {
            "finding": finding, "network": network, "verdict": overall(list(measured["verdict"])), "n": int(measured["n"].min()),
            "seeds": int(measured["seeds"].min()),
        }  # fmt: skip
        for control, under in own[own["condition"] != "as measured"].groupby("condition", sort=False):
            if control in ("random labels", "untrained network"):
                low, high = under["excess_low"], under["excess_high"]
                row[str(control)] = "survives" if (low > 0).all() else "does not" if (high < 0).any() else UNDECIDED
            else:
                same = overall(list(under["verdict"])) == row["verdict"]
                row[str(control)] = "survives" if same else f"becomes: {overall(list(under['verdict']))}"
        rows.append(row)
    return pd.DataFrame(rows).sort_values("finding", kind="stable").reset_index(drop=True)


def held(verdicts: pd.DataFrame) -> Sequence[str]:
    """One sentence per finding: for which networks it holds."""
    sentences = []
    for finding, own in verdicts.groupby("finding", sort=True):
        yes = list(own.loc[own["verdict"] == HOLDS, "network"])
        open_ = list(own.loc[own["verdict"] == UNDECIDED, "network"])
        no = list(own.loc[~own["verdict"].isin([HOLDS, UNDECIDED]), "network"])
        said = [
            f"{word} {', '.join(names)}"
            for word, names in (("holds for", yes), ("does not hold for", no), ("undecided for", open_))
            if names
        ]
        sentences.append(f"Finding {finding} {'; '.join(said)}.")
    return sentences
