"""The tables of docs/results/dynamics.md, in Markdown, from the tables that `analyze.py dynamics` wrote.

python benchmarks/dynamics_page.py FOLDER   # the folder with report.html
"""

import argparse
from pathlib import Path

import pandas as pd

from lk.games import OUTPUT
from lk.studies.dynamics_verdicts import MEASURED
from lk.text import epochs, number, spanned


def markdown(header, rows):
    cells = [header, ["---"] * len(header), *rows]
    print("\n".join("| " + " | ".join(map(str, row)) + " |" for row in cells), end="\n\n")


def cell(own, name):
    return own[name] if isinstance(own.get(name), str) else "–"


def verdicts(read):
    table = read("verdicts")
    controls = [name for name in dict.fromkeys(read("claims")["condition"]) if name != MEASURED]
    markdown(
        ("claim", "network", "contrast (95 %)", "verdict", "after Holm", *controls),
        [
            (
                row["claim"],
                row["network"],
                spanned({**row, "mean": row["value"]}),
                *(cell(row, name) for name in ("verdict", "after_holm", *controls)),
            )
            for row in table.to_dict("records")
        ],
    )


def phases(read):
    table = read("phases")
    markdown(
        ("run", "phase 1 ends (epoch)", "lowest order centre (epoch)", "gap begins to grow (epoch)"),
        [
            (row["run"], *(epochs(row[key]) if pd.notna(row[key]) else "undecided" for key in ENDS))
            for row in table[table["layer"] == OUTPUT].to_dict("records")
        ],
    )


ENDS = ("end_epoch", "lowest_epoch", "opens_epoch")


def centres(read):
    table = read("centres")
    own = table[(table["layer"] == OUTPUT) & (table["quantity"] == "centre")]
    for network, rows in own.groupby("network", sort=False):
        markdown(
            (f"{network}: epoch", *(epochs(epoch) for epoch in rows["epoch"])),
            [("order centre", *(number(value) for value in rows["mean"]))],
        )


def histories(read):
    table = read("history_counts")
    own = table[table["layer"] == OUTPUT]
    markdown(
        ("network", "history", "per sample", "mean order"),
        [
            (network, history, *(spanned(rows[rows["quantity"] == key].iloc[0]) for key in ("count", "order")))
            for (network, history), rows in own.groupby(["network", "history"], sort=False)
        ],
    )


def generalisation(read):
    table = read("generalisation")
    own = table[(table["layer"] == OUTPUT) & table["quantity"].isin(["share", "chance"])]
    rows = []
    for (network, quantity), part in own.groupby(["network", "quantity"], sort=False):
        last = part[part["step"] == part["step"].max()].sort_values("order")
        rows.append((network, quantity, *(number(value) for value in last["mean"])))
    orders = range(1, max((len(row) for row in rows), default=2) - 1)
    markdown(("network", "quantity", *orders), rows)


def half_lives(read):
    table = read("half_lives")
    markdown(
        ("run", "first seen in", "orders", "half-life (factor of steps)", "n"),
        [
            (row["run"], row["phase"], row["orders"], number(10 ** row["median"], 1), row["n"])
            for row in table.to_dict("records")
        ],
    )


def means(read):
    table = read("class_means")
    rows = []
    for (network, step, comparison), part in (
        table.groupby(["network", "step", "comparison"], sort=False) if len(table) else ()
    ):
        rows.append((network, step, comparison, *(number(value) for value in part.sort_values("order")["mean"])))
    markdown(("network", "step", "comparison", *range(1, len(rows[0]) - 2)), rows) if rows else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder

    def read(name):
        return pd.read_parquet(folder / "tables" / f"{name}.parquet")

    for part in (verdicts, phases, centres, histories, generalisation, half_lives, means):
        print(f"### {part.__name__}\n")
        part(read)


if __name__ == "__main__":
    main()
