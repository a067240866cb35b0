"""The tables of docs/results/layerwise, in Markdown, from the Parquet tables that `analyze.py paper` wrote.

python benchmarks/paper_tables.py runs/paper/mnist [runs/paper/cifar10 ...] [--into docs/results]

Writes layerwise/tables/overview.md and one file per study. Fills each block between `<!-- table: NAME -->` and
`<!-- end -->` of layerwise.md (`summary`) and of the pages in layerwise/ (`finding 1` to `finding 8`).
"""

import argparse
import re
from itertools import chain
from pathlib import Path
from string import ascii_lowercase

import pandas as pd

from lk.paper.controls import CONTROLS
from lk.paper.verdicts import AGAINST
from lk.studies.verdict import FAILS, HOLDS, UNDECIDED

BLOCK = re.compile(r"(<!-- table: ([^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)
PAGES = {  # the eight findings in the paper's order
    "sparsity": "salient interactions are few",
    "order": "order rises with depth",
    "low_orders": "low orders dominate",
    "completeness": "completeness rises with depth",
    "redundancy": "redundancy rises, then falls",
    "iou": "agreement of networks falls with order",
    "stability": "stability falls with order",
    "architectures": "what each architecture learns where",
}


def row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def markdown(header, rows):
    return "\n".join(row(cells) for cells in (header, ["---"] * len(header), *rows)) + "\n"


def interval(own, digits=2):
    if pd.isna(own["value"]):
        return "–"
    return f"{own['value']:.{digits}f} ({own['low']:.{digits}f} to {own['high']:.{digits}f})".replace("-", "−")


def accuracy(table):
    rows = []
    for network, own in table.groupby("network", sort=False):
        hits = 100 * own[own["layer"] == "output"]["accuracy"]
        layers = (100 * own[own["layer"] != "output"].groupby("layer", sort=False)["accuracy"].mean()).round(1)
        spread = f" ({hits.min():.1f} to {hits.max():.1f})" if len(hits) > 1 else ""
        shown = ", ".join(f"{name} {hit}" for name, hit in layers.items())
        rows.append((network, len(hits), f"{hits.mean():.1f}{spread}", shown))
    return markdown(("network", "seeds", "test accuracy, % (range)", "accuracy of the classifiers by layer, %"), rows)


def counts(table):
    rows = []
    for (network, group, setting), own in table.groupby(["network", "group", "setting"], sort=False):
        low, middle, high = own["count"].quantile([0.25, 0.5, 0.75])
        proof = ("–", "–")
        if group != "threshold":
            proof = (f"{own['agreement'].mean():.2f}", f"{100 * own['certified'].astype(float).mean():.0f}")
        mean = f"{own['count'].mean():.1f}"
        rows.append((network, group, setting, mean, f"{middle:g}", f"{low:g} to {high:g}", len(own), *proof))
    header = ("network", "", "setting", "mean", "median", "middle half", "games", "agreement", "certified, %")
    return markdown(header, rows)


def overview(folders):
    """Mean counts at the output by network and setting; in brackets the agreement with the canonical salient set."""
    tables = {folder.name: pd.read_parquet(folder / "tables" / "counts.parquet") for folder in folders}
    pairs = (zip(table["group"], table["setting"], strict=True) for table in tables.values())
    keys = list(dict.fromkeys(chain.from_iterable(pairs)))
    rows = []
    for name, table in tables.items():
        for network, own in table.groupby("network", sort=False):
            groups = own.groupby("group", sort=False)
            sizes = "; ".join(f"{group}s {len(one) // one['setting'].nunique()}" for group, one in groups)
            cells = []
            for group, setting in keys:
                one = own[(own["group"] == group) & (own["setting"] == setting)]
                share = f" ({one['agreement'].mean():.2f})" if group == "solver" and setting != "canonical" else ""
                middle = f" (median {one['count'].median():g})" if group == "threshold" else ""
                cells.append(f"{one['count'].mean():,.1f}{share}{middle}" if len(one) else "–")
            rows.append((f"{name}, {network} ({sizes})", *cells))
    names = (f"{group} {setting}" if group == "threshold" else setting for group, setting in keys)
    return markdown(("games", *names), rows)


def layers(table):
    """Completeness and redundancy of both kinds and all orders together."""
    whole = table[
        (table["kind"] == "both") & (table["order"] == 0) & table["quantity"].isin(["completeness", "redundancy"])
    ]
    rows = []
    for (network, quantity), own in whole.groupby(["network", "quantity"], sort=False):
        cells = (f"{one.layer} {one.mean:.2f} ({one.low:.2f} to {one.high:.2f})" for one in own.itertuples())
        rows.append((network, quantity, ", ".join(cells)))
    return markdown(("network", "", "by layer, from the first (95 %)"), rows)


def verdicts(table):
    under = [name for name in CONTROLS if name in table]
    shared = ["finding", "network", "seeds", "n", "verdict"]
    rows = [
        (*(own[c] for c in (*shared, "after_holm")), *(own[c] if isinstance(own[c], str) else "–" for c in under))
        for own in table.to_dict("records")
    ]
    return markdown((*shared, "after Holm", *under), rows)


def contrasts(table):
    under = [name for name in CONTROLS if name in set(table["condition"])]
    rows = []
    for own in table[table["condition"] == "as measured"].to_dict("records"):
        same = table[(table["part"] == own["part"]) & (table["network"] == own["network"])]
        cells = []
        for control in under:
            shown = same[same["condition"] == control]
            names = ["excess", "excess_low", "excess_high"] if control in AGAINST else ["value", "low", "high"]
            cells.append(interval(shown.iloc[0][names].set_axis(["value", "low", "high"])) if len(shown) else "–")
        rows.append((own["finding"], own["part"], own["network"], f"{interval(own)} {own['verdict']}", *cells))
    over = (f"excess over {name}" if name in AGAINST else name for name in under)
    return markdown(("finding", "claim", "network", "contrast (95 %)", *over), rows)


def cost(table):
    rows = []
    for own in table.itertuples():
        numbers = (own.masked_samples, own.seconds, own.play_s, own.per_second, own.bare_per_second)
        rows.append((own.network, own.run, own.study, *(f"{n:,.0f}" if n > 0 else "–" for n in numbers)))
    header = ("network", "run", "study", "masked samples", "wall time, s", "playing, s", "per second")
    return (
        markdown((*header, "bare loop, per second"), rows)
        + f"\nAll together: {table['seconds'].sum() / 60:.0f} minutes.\n"
    )


def summary(folders):
    """For how many networks (pairs, for IoU) of each study a finding holds, after Holm's correction."""
    tables = {folder.name: pd.read_parquet(folder / "tables" / "verdicts.parquet") for folder in folders}
    words = {HOLDS: "holds", FAILS: "fails", UNDECIDED: "undecided"}
    rows = []
    for number, (page, title) in enumerate(PAGES.items(), 1):
        cells = []
        for table in tables.values():
            found = table.loc[table["finding"] == number, "after_holm"].value_counts()
            cells.append(", ".join(f"{word} {found[key]}" for key, word in words.items() if key in found) or "–")
        rows.append((f"[{number}: {title}](layerwise/{page}.md)", *cells))
    return markdown(("finding", *tables), rows)


def finding(folders, number):
    """The claims of a finding, lettered, and per network the contrast of each with the verdict of all."""
    parts, rows = {}, []
    for folder in folders:
        read = {name: pd.read_parquet(folder / "tables" / f"{name}.parquet") for name in ("findings", "verdicts")}
        own = read["findings"][read["findings"]["finding"] == number]
        own = own[own["condition"] == "as measured"].set_index(["part", "network"])
        for part in own.index.get_level_values("part"):
            parts.setdefault(part, ascii_lowercase[len(parts)])
        judged = read["verdicts"][read["verdicts"]["finding"] == number]
        rows += [(folder.name, one, own) for one in judged.to_dict("records")]
    shown = []
    for name, one, own in rows:
        keys = [(part, one["network"]) for part in parts]
        cells = [f"{interval(own.loc[key])} {own.loc[key, 'verdict']}" if key in own.index else "–" for key in keys]
        shown.append((name, one["network"], one["seeds"], one["n"], *cells, one["verdict"], one["after_holm"]))
    claims = "".join(f"* ({letter}) {part}\n" for part, letter in parts.items())
    header = ("data", "network", "seeds", "n", *(f"({letter})" for letter in parts.values()), "all", "after Holm")
    return claims + "\n" + markdown(header, shown)


def blocks(folders):
    """The block of each name."""
    return {"summary": summary(folders), **{f"finding {n}": finding(folders, n) for n in range(1, len(PAGES) + 1)}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--into", type=Path, default=Path("docs/results"))
    given = parser.parse_args()
    tables = {
        "accuracy": ("accuracy", accuracy),
        "counts": ("counts", counts),
        "layers": ("figure-3-7", layers),
        "verdicts": ("verdicts", verdicts),
        "findings": ("findings", contrasts),
        "cost": ("cost", cost),
    }
    target = given.into / "layerwise" / "tables"
    target.mkdir(parents=True, exist_ok=True)
    (target / "overview.md").write_text(f"# Salient interactions by setting\n\n{overview(given.folders)}")
    for folder in given.folders:
        text = f"# {folder.name}\n"
        for title, (name, show) in tables.items():
            path = folder / "tables" / f"{name}.parquet"
            if path.is_file():
                text += f"\n## {title}\n\n{show(pd.read_parquet(path))}"
        (target / f"{folder.name}.md").write_text(text)
    filled = blocks(given.folders)
    for page in (given.into / "layerwise.md", *sorted((given.into / "layerwise").glob("*.md"))):
        page.write_text(BLOCK.sub(lambda found: found[1] + filled[found[2]] + found[3], page.read_text()))


if __name__ == "__main__":
    main()
