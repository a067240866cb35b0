"""What decides each claim on dynamics: its interval, Holm's correction over the page, and its controls."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lk.games import OUTPUT
from lk.metrics.holm import holm
from lk.metrics.intervals import LEVEL, Array, interval
from lk.studies.class_means import low_orders_agree
from lk.studies.dynamics import Configuration, LayerDynamics
from lk.studies.dynamics_claims import CLAIMS, TWO, Claim
from lk.studies.trajectory import OPPOSITE, trajectory
from lk.studies.verdict import HOLDS, UNDECIDED, judge, survival

MEASURED, RANDOM, UNTRAINED = "as measured", "random labels", "untrained network"
RATIOS = {"half the threshold": 0.5, "twice the threshold": 2.0}
EXCEEDED = (RANDOM, UNTRAINED)  # controls that a claim must exceed; under the others the verdict is given anew


def claim_table(
    configurations: Sequence[Configuration], random: Sequence[Configuration] = (), opposite: bool = True
) -> pd.DataFrame:
    """Every claim about every network's output, as measured and under each control.

    Args:
        configurations: What is asked.
        random: Networks trained on random labels; each is the control of the configurations with its network.
        opposite: Decompose the stored values again with high orders preferred.

    Returns:
        Columns source, claim, network, condition, n, seeds, value, low, high, p, verdict, and where a control must be
        exceeded `excess_low` and `excess_high`. `p_holm` corrects over all rows as measured.
    """
    rows = []
    for one in configurations:
        common = {"network": one.name, "n": one.samples, "seeds": len(one.runs)}
        under = conditions(one, random, opposite)
        for claim in CLAIMS:
            about = {**common, "source": claim.source, "claim": claim.text}
            rows += judged(claim, under, about)
        if one.training:
            text = "training and test samples agree less with order (class means)"
            about = {**common, "source": TWO, "claim": text}
            rows.append({**about, "condition": MEASURED, **judged_mean(low_orders_agree(one))})
    table = pd.DataFrame(rows)
    measured = table["condition"] == MEASURED
    table.loc[measured, "p_holm"] = holm(list(table.loc[measured, "p"]))
    return table


def conditions(one: Configuration, random: Sequence[Configuration], opposite: bool) -> dict[str, list[LayerDynamics]]:
    """The output of each run under every condition."""
    found = {MEASURED: one.layers(OUTPUT)}
    ratios = [run.settings(one.extraction).get("salience_ratio", 0.05) for run in one.runs]
    for name, factor in RATIOS.items():
        changed = [
            own.at(OUTPUT).with_ratio(factor * float(ratio))
            for own, ratio in zip(one.trajectories, ratios, strict=True)
        ]
        found[name] = one.layers(OUTPUT, changed)
    if opposite:
        found[OPPOSITE] = one.layers(OUTPUT, [trajectory(run, one.extraction, opposite=True) for run in one.runs])
    network = one.name.split(" on ")[0]
    for control in random:
        if control.name.split(" on ")[0] == network and control.samples == one.samples:
            found[RANDOM] = control.layers(OUTPUT)
    return {**found, UNTRAINED: [own.untrained for own in found[MEASURED]]}


def judged(
    claim: Claim, under: Mapping[str, list[LayerDynamics]], about: Mapping[str, object]
) -> list[dict[str, object]]:
    """Rows of one claim and network."""
    rows: list[dict[str, object]] = []
    own = asked(claim, under[MEASURED])
    if own is None:
        return rows
    for condition, layers in under.items():
        if condition == UNTRAINED and not claim.final:
            continue
        found = asked(claim, layers)
        if found is None:
            continue
        row = {**about, "condition": condition, **judged_mean(found)}
        if condition in EXCEEDED:
            excess = interval(
                np.mean(own, 0) - np.mean(found, 0), np.stack([r[0] for r in own]), np.stack([r[0] for r in found])
            )
            row |= {"excess_low": float(excess.low), "excess_high": float(excess.high)}
        rows.append(row)
    return rows


def asked(claim: Claim, layers: Sequence[LayerDynamics]) -> list[Array] | None:
    """The contrast of each run; None where it cannot be asked."""
    found = [claim.contrast(own) for own in layers]
    known = [rows for rows in found if rows is not None]
    return known if len(known) == len(found) else None


def judged_mean(contrasts: Sequence[Array]) -> dict[str, float | str]:
    """Value, interval, p and verdict of the mean over runs."""
    every = np.stack(contrasts, 1)
    return judge(interval(every.mean(1), every[0]))


def claim_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """One row per claim and network: value, interval, verdict, that after Holm's correction, and under each control."""
    rows = []
    for _, own in table.groupby(["source", "claim", "network"], sort=False):
        measured = own[own["condition"] == MEASURED].iloc[0]
        row = {
            key: measured[key]
            for key in ("source", "claim", "network", "n", "seeds", "value", "low", "high", "verdict")
        }
        row["after_holm"] = measured["verdict"] if measured["p_holm"] < LEVEL else UNDECIDED
        for control in own[own["condition"] != MEASURED].to_dict("records"):
            name = str(control["condition"])
            row[name] = control["verdict"]
            if name in EXCEEDED:
                lows, highs = [control["excess_low"]], [control["excess_high"]]
                row[name] = survival(lows, highs, int(measured["n"])) if measured["verdict"] == HOLDS else None
        rows.append(row)
    return pd.DataFrame(rows)
