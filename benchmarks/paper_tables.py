"""The tables of docs/results/layerwise.md, in Markdown, from the Parquet tables that `analyze.py paper` wrote.

python benchmarks/paper_tables.py runs/paper/mnist [runs/paper/cifar10 ...]
"""

import argparse
from pathlib import Path

import pandas as pd

from lk.studies.controls import CONTROLS


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
        row((network, len(hits), f"{hits.mean():.1f}{spread}", ", ".join(f"{name} {hit}" for name, hit in layers.items())))


def counts(table):
    header(("network", "", "setting", "mean", "median", "middle half", "games"))
    for (network, group, setting), own in table.groupby(["network", "group", "setting"], sort=False):
        low, middle, high = own["count"].quantile([0.25, 0.5, 0.75])
        row((network, group, setting, f"{own['count'].mean():.1f}", f"{middle:g}", f"{low:g} to {high:g}", len(own)))


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
    header(("finding", "claim", "network", "contrast (95 %)", *(f"excess over {name}" for name in ("random labels", "untrained"))))
    measured = table[table["condition"] == "as measured"]
    for own in measured.to_dict("records"):
        cells = []
        for control in ("random labels", "untrained network"):
            under = table[(table["condition"] == control) & (table["part"] == own["part"]) & (table["network"] == own["network"])]
            if len(under):
                found = under.iloc[0]
                cells.append(interval({"value": found["excess"], "low": found["excess_low"], "high": found["excess_high"]}))
            else:
                cells.append("–")
        row((own["finding"], own["part"], own["network"], f"{interval(own)} {own['verdict']}", *cells))


def cost(table):
    header(("network", "run", "study", "masked samples", "wall time, s", "playing, s", "per second", "bare loop, per second"))
    for own in table.itertuples():
        numbers = (own.masked_samples, own.seconds, own.play_s, own.per_second, own.bare_per_second)
        row((own.network, own.run, own.study, *(f"{number:,.0f}" if number > 0 else "–" for number in numbers)))
    print(f"\nAll together: {table['seconds'].sum() / 60:.0f} minutes.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    for folder in parser.parse_args().folders:
        for name, show in (("accuracy", accuracy), ("counts", counts), ("verdicts", verdicts), ("findings", contrasts), ("cost", cost)):
            path = folder / "tables" / f"{name}.parquet"
            if path.is_file():
                print(f"\n### {folder.name}: {name}\n")
                show(pd.read_parquet(path))


if __name__ == "__main__":
    main()
