"""The tables of docs/results/layerwise.md, in Markdown, from the Parquet tables that `analyze.py paper` wrote.

python benchmarks/paper_tables.py runs/paper/mnist [runs/paper/cifar10 ...]
"""

import argparse
from pathlib import Path

import pandas as pd

from lk.paper.controls import CONTROLS
from lk.paper.verdicts import AGAINST


def row(cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def header(cells):
    row(cells)
    row("---" for _ in cells)


def interval(own, digits=2):
    return f"{own['value']:.{digits}f} ({own['low']:.{digits}f} to {own['high']:.{digits}f})".replace("-", "−")


def accuracy(table):
    header(("network", "seeds", "test accuracy, % (range)", "accuracy of the classifiers by layer, %"))
    for network, own in table.groupby("network", sort=False):
        hits = 100 * own[own["layer"] == "output"]["accuracy"]
        layers = (100 * own[own["layer"] != "output"].groupby("layer", sort=False)["accuracy"].mean()).round(1)
        spread = f" ({hits.min():.1f} to {hits.max():.1f})" if len(hits) > 1 else ""
        row(
            (
                network,
                len(hits),
                f"{hits.mean():.1f}{spread}",
                ", ".join(f"{name} {hit}" for name, hit in layers.items()),
            )
        )


def counts(table):
    header(("network", "", "setting", "mean", "median", "middle half", "games", "agreement", "certified, %"))
    for (network, group, setting), own in table.groupby(["network", "group", "setting"], sort=False):
        low, middle, high = own["count"].quantile([0.25, 0.5, 0.75])
        proof = (
            ("–", "–")
            if group == "threshold"
            else (f"{own['agreement'].mean():.2f}", f"{100 * own['certified'].astype(float).mean():.0f}")
        )
        row(
            (
                network,
                group,
                setting,
                f"{own['count'].mean():.1f}",
                f"{middle:g}",
                f"{low:g} to {high:g}",
                len(own),
                *proof,
            )
        )


def overview(folders):
    """Mean counts at the output, a network per row and a setting per column; in brackets the agreement with the canonical salient set."""
    tables = {folder.name: pd.read_parquet(folder / "tables" / "counts.parquet") for folder in folders}
    keys = list(
        dict.fromkeys(key for table in tables.values() for key in zip(table["group"], table["setting"], strict=True))
    )
    header(("games", *(f"{group} {setting}" if group == "threshold" else setting for group, setting in keys)))
    for name, table in tables.items():
        for network, own in table.groupby("network", sort=False):
            sizes = "; ".join(
                f"{group}s {len(one) // one['setting'].nunique()}" for group, one in own.groupby("group", sort=False)
            )
            cells = []
            for group, setting in keys:
                one = own[(own["group"] == group) & (own["setting"] == setting)]
                share = f" ({one['agreement'].mean():.2f})" if group == "solver" and setting != "canonical" else ""
                middle = f" (median {one['count'].median():g})" if group == "threshold" else ""
                cells.append(f"{one['count'].mean():,.1f}{share}{middle}" if len(one) else "–")
            row((f"{name}, {network} ({sizes})", *cells))


def layers(table):
    """Completeness and redundancy of both kinds and all orders together."""
    header(("network", "", "by layer, from the first (95 %)"))
    whole = table[
        (table["kind"] == "both") & (table["order"] == 0) & table["quantity"].isin(["completeness", "redundancy"])
    ]
    for (network, quantity), own in whole.groupby(["network", "quantity"], sort=False):
        cells = (f"{one.layer} {one.mean:.2f} ({one.low:.2f} to {one.high:.2f})" for one in own.itertuples())
        row((network, quantity, ", ".join(cells)))


def verdicts(table):
    controls = [name for name in CONTROLS if name in table]
    header(("finding", "network", "seeds", "n", "verdict", "after Holm", *controls))
    for own in table.to_dict("records"):
        row(
            (
                own["finding"],
                own["network"],
                own["seeds"],
                own["n"],
                own["verdict"],
                own["after_holm"],
                *(own[c] if isinstance(own[c], str) else "–" for c in controls),
            )
        )


def contrasts(table):
    under = [name for name in CONTROLS if name in set(table["condition"])]
    header(
        (
            "finding",
            "claim",
            "network",
            "contrast (95 %)",
            *(f"excess over {name}" if name in AGAINST else name for name in under),
        )
    )
    measured = table[table["condition"] == "as measured"]
    for own in measured.to_dict("records"):
        cells = []
        for control in under:
            shown = table[
                (table["condition"] == control) & (table["part"] == own["part"]) & (table["network"] == own["network"])
            ]
            names = ["excess", "excess_low", "excess_high"] if control in AGAINST else ["value", "low", "high"]
            cells.append(interval(shown.iloc[0][names].set_axis(["value", "low", "high"])) if len(shown) else "–")
        row((own["finding"], own["part"], own["network"], f"{interval(own)} {own['verdict']}", *cells))


def cost(table):
    header(
        (
            "network",
            "run",
            "study",
            "masked samples",
            "wall time, s",
            "playing, s",
            "per second",
            "bare loop, per second",
        )
    )
    for own in table.itertuples():
        numbers = (own.masked_samples, own.seconds, own.play_s, own.per_second, own.bare_per_second)
        row((own.network, own.run, own.study, *(f"{number:,.0f}" if number > 0 else "–" for number in numbers)))
    print(f"\nAll together: {table['seconds'].sum() / 60:.0f} minutes.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    tables = {
        "accuracy": ("accuracy", accuracy), "counts": ("counts", counts), "layers": ("figure-3-7", layers),
        "verdicts": ("verdicts", verdicts), "findings": ("findings", contrasts), "cost": ("cost", cost),
    }  # fmt: skip
    folders = parser.parse_args().folders
    print("### Salient interactions by setting\n")
    overview(folders)
    for folder in folders:
        for title, (name, show) in tables.items():
            path = folder / "tables" / f"{name}.parquet"
            if path.is_file():
                print(f"\n### {folder.name}: {title}\n")
                show(pd.read_parquet(path))


if __name__ == "__main__":
    main()
