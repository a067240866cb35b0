"""What is proven about the networks of a group run: sections of its report."""

from typing import Any

import pandas as pd

from lk.certification import plots
from lk.certification.certify import GROKS, PROVABLE, TABLES
from lk.certification.circuits import circuit_picture
from lk.certification.milestones import milestones, on_bounds, on_cascade, on_time, summary
from lk.certification.rows import final_rows
from lk.pages.page import Gallery, Section
from lk.proofs import PRECISIONS, GSetExplanation, load_explanation
from lk.runs import Run
from lk.storage.trust import ForeignClassError
from lk.text import number, percent, significant

MEASURES = {
    "test/loss": "test loss (nats)",
    "biequivariance": "variance of the logits that w does not explain",
    "interaction_share": "share of I({x, y}) in the correct logit",
    "gini_unembed": "Gini index of the unembedding's power over irreps",
    "coset_constant_left": "left tables: neurons that are constant on cosets",
    "coset_constant_right": "right tables: neurons that are constant on cosets",
    "weight_norm": "norm of all weights",
}
MOST_CIRCUITS = 2
MOST_REASONS = 12


def certificate_sections(run: Run, gallery: Gallery) -> tuple[list[str], list[Section]]:
    """Answers and sections from the run's tables of certificates; none where it has no such tables."""
    if not all(run.table(name).is_file() for name in TABLES):
        return [], []
    certificates, circuits, progress = (run.read_table(name) for name in TABLES)
    last = certificates[certificates["step"] == certificates["step"].max()]
    steps = milestones(progress, certificates)
    several = certificates["step"].nunique() > 1
    answers = [on_bounds(last), on_time(steps) if several else "", on_cascade(last)]
    sections = [
        proven_section(certificates, last, progress, steps, gallery),
        circuits_section(run, last, circuits, progress, steps, gallery),
    ]
    return [answer for answer in answers if answer], sections


def proven_section(
    certificates: pd.DataFrame, last: pd.DataFrame, progress: pd.DataFrame, steps: pd.DataFrame, gallery: Gallery
) -> Section:
    """How many networks are provable, when, and at what cost."""
    section = Section("What is proven, when, and at what cost")
    rows = [
        (
            row["verifier"].replace("_", " "),
            number(row["mean"], 3),
            f"{row['provable']} of {row['networks']}",
            significant(row["cost"], 3),
            f"{significant(row['seconds'], 3)} s",
            row["failed"] or "–",
        )
        for row in summary(last).to_dict("records")
    ]
    section.table(
        ("verifier", "mean bound", f"bound ≥ {significant(PROVABLE, 3)}", "median cost", "median time", "failed"),
        rows,
        f"Networks of step {int(last['step'].max()):,}. A bound is the share of all n² pairs that is proven to be "
        "answered rightly, at most the true accuracy; cost counts operations relative to n³ m multiply-adds. Finding "
        "an explanation is not counted, checking it is.",
    )
    executed_table(section, last)
    if certificates["step"].nunique() > 1:
        gallery.hang(
            section,
            "certified-accuracy",
            "Accuracy and certified accuracy over training",
            f"{on_time(steps)} A network can be right before anybody can prove it: the distance of both marks on the "
            "right is that delay.",
            plots.certified_accuracy(progress, final_rows(certificates), steps, PROVABLE, GROKS),
        )
    gallery.hang(
        section,
        "bounds",
        "Bounds over seeds",
        f"{on_bounds(last)} Each bar counts networks that differ in nothing but their seed.",
        plots.bound_histogram(final_rows(last), PROVABLE),
    )
    gallery.hang(
        section,
        "cost",
        "Bound against cost",
        "A bound says nothing without its cost: left of the dashed line a proof is cheaper than trying all pairs. "
        f"{on_cascade(last)}",
        plots.bound_against_cost(last),
    )
    reasons = last[(last["reason"] != "") & (last["verifier"] != "cascade")]
    if len(reasons):
        shown = [(row["seed"], row["verifier"], row["reason"]) for row in reasons.head(MOST_REASONS).to_dict("records")]
        more = f" The first {MOST_REASONS} of {len(reasons)}." if len(reasons) > MOST_REASONS else ""
        section.table(
            ("seed", "verifier", "reason"),
            shown,
            f"What a verifier refused, or why it failed; the pairs count as unproven.{more}",
        )
    return section


def executed_table(section: Section, last: pd.DataFrame) -> None:
    """Bounds of the exact network beside those of the network as executed.

    Nothing where the run's tables are from before these.
    """
    columns = {"exact": "bound"} | {name: f"bound_{name}" for name in PRECISIONS if f"bound_{name}" in last}
    if len(columns) == 1:
        return
    means = final_rows(last).groupby("verifier", sort=False)[list(columns.values())].mean()
    rows = [
        (str(verifier).replace("_", " "), *(number(bound, 3) for bound in row))
        for verifier, row in zip(means.index, means.to_numpy(), strict=True)
    ]
    section.table(
        ("verifier", *columns),
        rows,
        "Mean bounds of the exact network (real numbers) and of its forward pass as executed in float32, with TF32 "
        "factors, and in bfloat16, with sums in any order. What the logits may be off by is taken from each pair's "
        "slack; a tie of executed logits counts as wrong.",
    )


def circuits_section(
    run: Run, last: pd.DataFrame, circuits: pd.DataFrame, progress: pd.DataFrame, steps: pd.DataFrame, gallery: Gallery
) -> Section:
    """What the networks compute with."""
    section = Section("What the networks compute with")
    found = (
        circuits[(circuits["step"] == last["step"].max()) & circuits["kind"].isin(["circuit", "sided", "sign"])]
        if len(circuits)
        else circuits
    )
    if len(found):
        rows = []
        for (kind, irrep, _, _), own in found.groupby(["kind", "irrep", "stabiliser", "points"]):
            coverage, spread = percent(own["coverage"].mean(), 0), significant(own["direction_variance"].median())
            size, points = (number(own[column].iloc[0], 0) for column in ("stabiliser", "points"))
            rows.append(
                (own["seed"].nunique(), kind, irrep, size, points, number(own["neurons"].mean(), 1), coverage, spread)
            )
        rows.sort(key=lambda row: -row[0])
        section.table(
            (
                "networks",
                "kind",
                "irrep",
                "order of the stabiliser",
                "points",
                "mean neurons",
                "mean coverage",
                "median Var(a) / |a|²",
            ),
            rows[:MOST_REASONS],
            f"Circuits of the best explanation of each of {last['seed'].nunique()} networks. Coverage: share of the "
            "pairs of points that have a neuron; a circuit is exact only if it is complete. Var(a): how much the "
            "direction a differs between neurons of a circuit; the ideal is 0.",
        )
    else:
        section.text.append("No circuit was found; bounds through irreps need none.")
    for place, (title, caption, figure) in enumerate(pictures(run, last)):
        gallery.hang(section, f"circuit-{place + 1}", title, caption, figure)
    explained = final_rows(last)
    if explained["margin"].notna().any() and explained["error_50"].notna().any():
        gallery.hang(
            section,
            "margin",
            "Margin against error",
            "A pair is certified where the network's deviation from its ideal costs less than the ideal network's "
            "margin. Points far to the right of the line are proven with room to spare; above it the explanation is "
            "not close enough to the network.",
            plots.margin_against_error(explained),
        )
    if progress["step"].nunique() > 1:
        measures_table(section, progress[progress["seed"].isin(steps["seed"])])
        gallery.hang(
            section,
            "irreps",
            "Power per irrep over training",
            "A network that generalises throws away all but a few irreps; lines that fall to zero are what it forgets.",
            plots.irrep_power_over_training(progress[progress["seed"].isin(steps["seed"])]),
        )
    return section


def measures_table(section: Section, progress: pd.DataFrame) -> None:
    """Measures at the first checkpoint, the middle one and the last."""
    known = sorted(progress["step"].unique())
    shown = sorted({known[0], known[len(known) // 2], known[-1]})
    means = progress[progress["step"].isin(shown)].groupby(["quantity", "step"])["value"].mean()
    rows = [(words, *(significant(means[quantity, step], 3) for step in shown)) for quantity, words in MEASURES.items()]
    header = ("measure", *(f"step {int(step):,}" for step in shown))
    section.table(
        header,
        rows,
        f"Means over {progress['seed'].nunique()} networks; all checkpoints and measures are in "
        "tables/progress.parquet.",
    )


def pictures(run: Run, last: pd.DataFrame) -> list[tuple[str, str, Any]]:
    """The largest circuits of the network with the highest bound through circuits, where its explanation is stored."""
    rows = last[last["verifier"] == "gset"].sort_values("bound", ascending=False, kind="stable")
    folders = run.certified.get(int(last["step"].max()), {})
    for seed in rows["seed"].unique():
        folder = folders.get(int(seed))
        if folder is None or not (folder / "gset" / "explanation.json").is_file():
            continue
        explanation = load_explanation(folder / "gset")
        if isinstance(explanation, GSetExplanation) and explanation.circuits:
            try:
                group = getattr(run.data(), "group", None)
            except (ForeignClassError, FileNotFoundError):  # a group that is not the house's own
                return []
            if group is None or group.order != explanation.order:
                return []
            activation = (run.config["model"]["network"].get("init_args") or {}).get("activation", "relu")
            largest = sorted(explanation.circuits, key=lambda part: -len(part.neurons))[:MOST_CIRCUITS]
            found = []
            for number, part in enumerate(largest):
                name = (
                    f"seed {int(seed)}, circuit {number + 1} of "
                    f"{len(explanation.circuits)}{f' ({part.name})' if part.name else ''}"
                )
                cells, answers = circuit_picture(part, group, activation)
                caption = (
                    "Each neuron belongs to a pair of points (p, q). It fires where λ(p) exceeds μ(q), and writes the "
                    "kernel into the logits. Summed over all pairs, the right answer w = e is left with the largest "
                    "logit; its lead over the others is the margin."
                )
                found.append((f"A circuit: {name}", caption, plots.circuit(cells, answers, name)))
            return found
    return []
