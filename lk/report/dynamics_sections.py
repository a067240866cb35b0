"""Sections of the page on dynamics: verdicts, networks, phases, orders, life histories, generalisation, samples."""

from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from lk import plots
from lk.games import OUTPUT
from lk.metrics.intervals import LEVEL, SEEDS
from lk.pages.glossary import METHOD
from lk.pages.page import Gallery, Section
from lk.studies.dynamics import Configuration
from lk.studies.dynamics_tables import Tables
from lk.studies.dynamics_verdicts import EXCEEDED, MEASURED
from lk.studies.verdict import UNDECIDED
from lk.text import epochs, number, spanned


def verdict_section(tables: Tables) -> Section:
    """Claims and verdicts, and below what becomes of them under the controls."""
    section, verdicts, claims = Section("Claims and verdicts"), tables["verdicts"], tables["claims"]
    controls = [name for name in dict.fromkeys(claims["condition"]) if name != MEASURED]
    rows, under = [], []
    for row in verdicts.to_dict("records"):
        shown = spanned({"mean": row["value"], "low": row["low"], "high": row["high"]})
        of, decided = (row["network"], row["seeds"], row["n"]), (row["verdict"], row["after_holm"])
        rows.append((row["claim"], row["source"], *of, shown, *decided))
        cells = [row[name] if isinstance(row.get(name), str) else "–" for name in controls]
        under.append((row["claim"], row["network"], row["verdict"], *cells))
    section.table(
        ("claim", "source", "network", "seeds", "n", "contrast (95 % interval)", "verdict", "after Holm"),
        rows,
        f"A contrast is above zero where the claim holds. {METHOD} The variance over seeds is added where there are "
        f"{SEEDS} or more. After Holm: p below {LEVEL} when corrected for all rows.",
    )
    section.table(
        ("claim", "network", "as measured", *controls),
        under,
        f"{' and '.join(EXCEEDED).capitalize()}: whether a contrast that holds exceeds theirs. Other controls: the "
        "verdict under them.",
    )
    return section


def runs_section(found: Sequence[Configuration], control: Sequence[Configuration]) -> Section:
    """What was trained."""
    section = Section("Networks")
    rows = []
    for one, role in [*((one, "measured") for one in found), *((one, "random labels") for one in control)]:
        own, gaps = one.trajectories[0], [float(gap["gap"].iloc[-1]) for gap in one.gaps if len(gap)]
        gap = " to ".join(number(end) for end in sorted({min(gaps), max(gaps)})) if gaps else "–"
        correct = [float(each.correct.float().mean()) for each in one.trajectories]
        rows.append(
            (
                one.name,
                role,
                ", ".join(run.id for run in one.runs),
                epochs(own.epochs[-1]),
                len(own.steps),
                own.n,
                one.samples,
                f"{number(100 * sum(correct) / len(correct), 0)} %",
                gap,
                one.holders,
            )
        )
    header = ("network", "role", "runs", "epochs", "checkpoints", "players", "samples", "of these correct")
    section.table((*header, "gap of the losses at the end (nats)", "held is judged by"), rows)
    return section


def phase_section(tables: Tables, gallery: Gallery, prefix: str = "") -> Section:
    """Order centre, share of what does not generalise, gap of the losses."""
    section, ends = Section("Phases"), tables["phases"]
    if not len(tables["gaps"]):
        section.text.append("The run has no table of training and test losses.")
    gallery.hang(
        section,
        f"{prefix}phases",
        "Order centre, what no other network holds, and the gap of the losses",
        "Top: mean order of the salient interactions, weighted by strength, by layer; hollow: the layer says little. "
        "Middle: share of the salient strength in interactions that none of the other networks holds at its end. "
        "Bottom: gap of the losses of each run; the training loss is the mean over an epoch, so that the gap is too "
        "small at first.",
        plots.phases(tables["centres"], ends, tables["gaps"]),
    )
    output = ends[ends["layer"] == OUTPUT]
    section.table(
        (
            "run",
            "phase 1 ends (epoch)",
            "lowest order centre (epoch)",
            "gap begins to grow (epoch)",
            "slope there (nats per epoch)",
        ),
        [
            (
                row["run"],
                epochs(row["end_epoch"]) if pd.notna(row["end_epoch"]) else UNDECIDED,
                epochs(row["lowest_epoch"]),
                epochs(row["opens_epoch"]) if pd.notna(row["opens_epoch"]) else UNDECIDED,
                spanned({"mean": row["slope"], "low": row["slope_low"], "high": row["slope_high"]}, 3),
            )
            for row in output.to_dict("records")
        ],
        "At the output. The gap of all runs together begins to grow at the first window of five epochs with a slope "
        "above zero beyond its interval.",
    )
    return section


def order_section(tables: Tables, gallery: Gallery) -> Section:
    """Strength by order and sign, and the theoretical curve."""
    section = Section("Orders")
    orders = tables["orders"]
    gallery.hang(
        section,
        "orders",
        "Strength by order and sign over training",
        "Share of each order in the salient strength of the output. Upwards: effects for the class; downwards: against "
        "it.",
        plots.orders_over_training(orders[orders["layer"] == OUTPUT]),
    )
    gallery.hang(
        section,
        "noise",
        "Order shares under parameter noise",
        "Grey: share of each order in the summed strength of the Harsanyi dividends of the output. Line: what a "
        "network under noise of variance 2^|T| times sigma squared would learn of the last network's dividends, with "
        "sigma fitted to each checkpoint on the other half of the samples.",
        plots.noise_curve(tables["noise_orders"]),
    )
    return section


def history_section(tables: Tables, gallery: Gallery, found: Sequence[Configuration], prefix: str = "") -> Section:
    """Life histories and half-lives."""
    section, flows = Section("Life histories"), tables["flows"]
    holders = "; ".join(f"{one.name}: {one.holders}" for one in found)
    gallery.hang(
        section,
        f"{prefix}histories",
        "Life histories of the output's interactions over epochs",
        f"Salient interactions per sample at each checkpoint that says something, by what becomes of them. Held is "
        f"judged by: {holders}.",
        plots.alluvial(flows[flows["axis"] == "epochs"]),
    )
    gallery.hang(
        section,
        f"{prefix}layers",
        "The same histories over the layers of the last network",
        "Salient interactions of each layer, by the history that the same interaction has at the output. Ribbons: "
        "salient in the next layer too, with the same sign.",
        plots.alluvial(flows[flows["axis"] == "layers"], "layer"),
    )
    counts = tables["history_counts"]
    wide = counts[counts["layer"] == OUTPUT]
    section.table(
        ("network", "history", "per sample", "mean order"),
        [
            (network, history, *(spanned(own[own["quantity"] == key].iloc[0]) for key in ("count", "order")))
            for (network, history), own in wide.groupby(["network", "history"], sort=False)
        ],
        "Interactions of the output that are ever salient at a checkpoint that says something.",
    )
    if len(tables["survival"]):
        gallery.hang(
            section,
            f"{prefix}survival",
            "How long interactions stay",
            "Kaplan-Meier estimate: from first seen to the last loss; what is there at the end is censored.",
            plots.survival(tables["survival"]),
        )
        section.table(
            ("run", "first seen in", "orders", "half-life as a factor of steps", "n"),
            [
                (row["run"], row["phase"], row["orders"], spanned(half_life(row), 1), f"{int(row['n']):,}")
                for row in tables["half_lives"].to_dict("records")
            ],
            "Half of the interactions are lost by the time that the number of steps has grown by this factor.",
        )
    return section


def half_life(row: Mapping[Hashable, float]) -> dict[str, float]:
    """A half-life in log10 steps as a factor."""
    return {"mean": 10 ** row["median"], "low": 10 ** row["low"], "high": 10 ** row["high"]}


def generalisation_sections(tables: Tables, gallery: Gallery) -> list[Section]:
    """What other networks hold, and how training and test samples agree; nothing where there are too few networks."""
    sections, general = [], tables["generalisation"]
    if len(general):
        section = Section("Generalisation")
        output = general[general["layer"] == OUTPUT]
        ends = output.groupby("network")["step"].agg(["min", "max"])
        chosen = [row["step"] in tuple(ends.loc[row["network"]]) for row in output.to_dict("records")]
        gallery.hang(
            section,
            "generalisation",
            "What other networks hold, by order",
            "Top: generalisation share of the salient strength of each order, at the initial network and at the end, "
            "against the other networks at their end. Bottom: strength of what at least half of the others hold, and "
            "of what none holds.",
            plots.generalisation_by_order(output[chosen]),
        )
        shapes = tables["shapes"]
        section.table(
            ("network", "layer", "step", "part", "peak order", "rank correlation with order", "decreasing", "one peak"),
            [
                (
                    row["network"],
                    row["layer"],
                    row["step"],
                    row["quantity"],
                    row["peak"],
                    *tuple(number(row[key]) for key in ("spearman", "decreasing", "unimodal")),
                )
                for row in shapes.to_dict("records")
            ],
            "Decreasing, one peak: share of the variance over orders that the best such curve (isotonic regression) "
            "explains.",
        )
        sections.append(section)
    means = tables["class_means"]
    if len(means):
        section = Section("Training and test samples")
        section.table(
            ("network", "step", "comparison", "order", "signed Jaccard (95 % interval)"),
            [
                (row["network"], row["step"], row["comparison"], row["order"], spanned(row))
                for row in means[means["step"].isin([means["step"].min(), means["step"].max()])].to_dict("records")
                if pd.notna(row["mean"])
            ],
            "Class means of the output's effects. Halves: as many samples on both sides, so that both rows are as "
            "noisy; what the halves of training share beyond a half of training and a half of test is what does not "
            "generalise.",
        )
        sections.append(section)
    return sections


def confusing_section(tables: Tables) -> Section:
    """Confusing samples."""
    section, samples, pairs = Section("Confusing samples"), tables["confusing"], tables["confusing_overlaps"]
    section.table(
        ("run", "confusing samples", "of these misclassified", "misclassified of the others"),
        [
            (
                run,
                f"{int(own['flagged'].sum())} of {len(own)}",
                *(wrong(own[own["flagged"] == side]) for side in (True, False)),
            )
            for run, own in samples.groupby("run", sort=False)
        ],
    )
    if len(pairs):
        section.table(
            ("runs", "confusing in both", "expected by chance", "p (hypergeometric)"),
            [
                (f"{row['a']}, {row['b']}", row["both"], number(row["expected"], 1), number(row["p"], 3))
                for row in pairs.to_dict("records")
            ],
        )
    return section


def wrong(rows: pd.DataFrame) -> str:
    """How many of some samples are misclassified."""
    return f"{int((~rows['correct']).sum())} of {len(rows)}"
