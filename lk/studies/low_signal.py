"""Which layers say little: their probe is at chance, or masking hardly moves their score. Every figure marks them."""

import numpy as np
import pandas as pd

from lk.games import OUTPUT

FLOOR = 0.05  # in the unit of the score (nats for log-odds)
FLOOR_OF_OUTPUT = 0.01  # relative to the output's


def low_signal(games: pd.DataFrame, probes: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per checkpoint and layer: whether and why it is marked.

    Args:
        games: Table of games (`lk.extraction.tables`): step, layer, reach.
        probes: Table of probes (`lk.extraction.probing`): step, layer, at_chance. Scores of activations have none.

    Returns:
        Columns step, layer, reach (mean over samples), at_chance, small, marked, why.

    Example:
        >>> table = pd.DataFrame({"step": [0, 0], "layer": ["a", "output"], "reach": [0.01, 2.0]})
        >>> low_signal(table)["marked"].tolist()
        [True, False]
    """
    table: pd.DataFrame = games.groupby(["step", "layer"], sort=False)["reach"].mean().reset_index()
    output = table[table["layer"] == OUTPUT].set_index("step")["reach"]
    floor = np.maximum(FLOOR, FLOOR_OF_OUTPUT * table["step"].map(output).fillna(0.0))
    table["small"] = table["reach"] < floor
    if probes is None or not len(probes):
        table["at_chance"] = False
    else:
        known = {(row["step"], row["layer"]): bool(row["at_chance"]) for row in probes.to_dict("records")}
        table["at_chance"] = [known.get(key, False) for key in zip(table["step"], table["layer"], strict=True)]
    table["marked"] = table["small"] | table["at_chance"]
    reasons = {"at_chance": "probe at chance", "small": "|v(N) − v(∅)| below the floor"}
    table["why"] = [" and ".join(text for key, text in reasons.items() if row[key]) for row in table.to_dict("records")]
    return table


def marked(frame: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """A table of steps and layers with the column `marked` added."""
    flags = {(row["step"], row["layer"]) for row in found[found["marked"]].to_dict("records")}
    return frame.assign(
        marked=[key in flags for key in zip(frame["step"].tolist(), frame["layer"].tolist(), strict=True)]
    )
