"""Rows of the tables on the page of the paper's figures."""

from collections.abc import Sequence

import pandas as pd

from lk.games import OUTPUT
from lk.paper.studies import PaperStudies
from lk.paper.verdicts import AGAINST
from lk.text import number, percent, significant, spanned

TITLES = {
    1: "sparse",
    2: "high orders come late",
    3: "low orders are stronger",
    4: "completeness rises",
    5: "redundancy rises, then falls",
    6: "IoU falls with order",
    7: "stability falls with order",
    8: "what each architecture does",
}


def accuracy_rows(table: pd.DataFrame) -> list[tuple[object, ...]]:
    """A row per network: seeds, test accuracy with its range over seeds, accuracy of the layers' classifiers."""
    rows: list[tuple[object, ...]] = []
    for network, own in table.groupby("network", sort=False):
        hits = own[own["layer"] == OUTPUT]["accuracy"]
        probes = own[own["layer"] != OUTPUT].groupby("layer", sort=False)["accuracy"].mean()
        spread = f" ({number(100 * hits.min(), 1)} to {number(100 * hits.max(), 1)})" if len(hits) > 1 else ""
        layers = ", ".join(f"{layer} {number(100 * hit, 1)}" for layer, hit in probes.items())
        rows.append((network, len(hits), percent(hits.mean()) + spread, layers))
    return rows


def sparsity_rows(table: pd.DataFrame) -> list[tuple[object, ...]]:
    """A row per network and layer: the three conditions of the sparsity theorem, and the number of games."""
    rows: list[tuple[object, ...]] = []
    for key, own in table.groupby(["network", "place"], sort=False):
        above, monotone, power = own["strength_above_half"].median(), own["monotone"].mean(), own["p"].median()
        rows.append((*map(str, key), percent(above), percent(monotone, 0), number(power), len(own)))
    return rows


def cost_rows(table: pd.DataFrame) -> list[tuple[object, ...]]:
    """A row per study of a run: masked samples, seconds and rates; a dash where a study has none."""
    numbers = ("masked_samples", "seconds", "play_s", "per_second", "bare_per_second")
    return [
        (
            row["network"],
            row["run"],
            row["study"],
            *(number(row[key], 0) if row[key] > 0 else "–" for key in numbers),
        )
        for row in table.to_dict("records")
    ]


def verdict_rows(table: pd.DataFrame, controls: Sequence[str]) -> list[tuple[object, ...]]:
    """A row per finding and network: its verdict, and beside it that of each control."""
    return [
        (
            f"{row['finding']} {TITLES[row['finding']]}",
            row["network"],
            row["seeds"],
            row["n"],
            row["verdict"],
            row["after_holm"],
            *(row[name] if isinstance(row[name], str) else "–" for name in controls),
        )
        for row in table.to_dict("records")
    ]


def claim_rows(table: pd.DataFrame, controls: Sequence[str]) -> list[tuple[object, ...]]:
    """A row per claim and network: its contrast, and beside it what each control shows."""
    rows: list[tuple[object, ...]] = []
    for (finding, part, network), own in table.groupby(["finding", "part", "network"], sort=False):
        measured = own[own["condition"] == "as measured"].iloc[0]
        cells = []
        for control in controls:
            under = own[own["condition"] == control]
            names = ("excess", "excess_low", "excess_high") if control in AGAINST else ("value", "low", "high")
            cells.append(spanned(under.iloc[0][list(names)].set_axis(["mean", "low", "high"])) if len(under) else "–")
        shown = spanned(measured[["value", "low", "high"]].set_axis(["mean", "low", "high"]))
        rows.append((finding, part, network, shown, measured["verdict"], *cells))
    return rows


def count_settings(studies: PaperStudies) -> pd.DataFrame:
    """Salient interactions per sample at the output under every setting.

    Group, setting, network, run, sample, count, certified, paper.

    Kappas and solvers also have `agreement`: intersection over union with the salient set of the study's own answer.
    """
    first = [own[0].run.id for own in studies.checkpoints.values()]  # the run that kappas and solvers look at
    games = studies.games[(studies.games["layer"] == OUTPUT) & studies.games["run"].isin(first)]
    parts = [
        games.assign(group="threshold", setting=setting, count=games[column])
        for setting, column in (("per sample", "salient"), ("per layer", "salient_per_layer"))
    ]
    kappas = studies.kappas
    parts.append(
        kappas.assign(
            group="kappa",
            setting=kappas["kappa"].map(lambda kappa: f"κ = {significant(kappa)}"),
            count=kappas["per_sample"],
        )
    )
    solvers = studies.solvers
    parts.append(solvers.assign(group="solver", setting=solvers["solver"], count=solvers["per_sample"]))
    names = ["group", "setting", "network", "run", "sample", "count", "agreement", "certified"]
    table = pd.concat(parts, ignore_index=True)[names]
    return table.assign(paper=float("nan") if studies.paper.count is None else studies.paper.count)


def count_rows(table: pd.DataFrame) -> list[tuple[object, ...]]:
    """The same as rows: mean, median, quartiles."""
    rows: list[tuple[object, ...]] = []
    for (network, group, setting), own in table.groupby(["network", "group", "setting"], sort=False):
        low, middle, high = own["count"].quantile([0.25, 0.5, 0.75])
        rows.append(
            (
                network,
                group,
                setting,
                number(own["count"].mean(), 1),
                significant(middle, 3),
                f"{significant(low, 3)} to {significant(high, 3)}",
                len(own),
            )
        )
    return rows
