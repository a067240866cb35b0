"""What of a certification goes to the loggers at a checkpoint: numbers by verifier, and four figures.

The keys are described in docs/dashboards.md.
"""

from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.figure import Figure
from pytorch_lightning.loggers import Logger

from lk.certification import plots
from lk.certification.certify import GROKS, PROVABLE, Certification
from lk.certification.circuits import circuit_picture
from lk.certification.milestones import milestones
from lk.certification.rows import best_bounds, final_rows
from lk.extraction import Checkpoint
from lk.loggers import log_checkpoint, log_figures, takes_figures
from lk.loggers.keys import GROUP_FIGURES, key, plain
from lk.proofs import GSetExplanation

BOUNDS = ("bound", "bound_float32", "bound_bfloat16")


def log_certification(loggers: Sequence[Logger], checkpoint: Checkpoint, found: Certification) -> None:
    """Send one checkpoint: numbers to every logger, figures to those that take pictures.

    Args:
        loggers: The loggers of the training.
        checkpoint: Its rows are in the tables of the run.
        found: What was proven.
    """
    epoch, step = checkpoint.epoch, checkpoint.step
    if any(map(takes_figures, loggers)):
        certificates, progress = (checkpoint.run.read_table(name) for name in ("certificates", "progress"))
        drawn = panels(certificates[certificates["step"] <= step], progress[progress["step"] <= step], found, step)
        log_figures(loggers, drawn, epoch, step)
    numbers = scalars(found)
    for logger in loggers:
        log_checkpoint(logger, numbers, epoch, step)


def scalars(found: Certification) -> dict[str, float]:
    """Means over the seeds of a checkpoint: `certify/<verifier>/<quantity>` and `certify/<quantity>`."""
    certificates, progress = found.tables["certificates"], found.tables["progress"]
    numbers: dict[str, float] = {}
    for name, rows in final_rows(certificates).groupby("verifier"):
        numbers |= {key("certify", str(name), column): float(rows[column].mean()) for column in BOUNDS}
        if rows["cost"].notna().any():
            numbers[key("certify", str(name), "cost")] = float(rows["cost"].mean())
    explained = best_bounds(certificates)
    if len(explained):
        numbers[key("certify", "provable")] = float((explained["bound"] >= PROVABLE).mean())
    for name, values in progress[progress["irrep"] == ""].groupby("quantity")["value"]:
        numbers[key("certify", plain(str(name)))] = float(values.mean())
    return numbers


def panels(
    certificates: pd.DataFrame, progress: pd.DataFrame, found: Certification, step: int
) -> dict[str, tuple[Callable[[], Figure], str]]:
    """Key to what draws the figure and its caption; there is none of circuits where no network has one.

    Args:
        certificates: The run's table up to this checkpoint.
        progress: Likewise.
        found: What was proven at this checkpoint.
        step: Its step.
    """
    steps = milestones(progress, certificates)
    followed = progress[progress["seed"].isin(steps["seed"])]
    at, (accuracy, cost, circuit, irreps) = f"step {step:,}", GROUP_FIGURES
    drawn: dict[str, tuple[Callable[[], Figure], str]] = {
        accuracy: (
            lambda: plots.certified_accuracy(progress, final_rows(certificates), steps, PROVABLE, GROKS),
            "Accuracy, and how much of it each verifier proves.",
        ),
        cost: (
            lambda: plots.bound_against_cost(certificates[certificates["step"] == step]),
            "Proven accuracy against the operations of the proof, relative to brute force.",
        ),
        irreps: (
            lambda: plots.irrep_power_over_training(followed),
            "Share of each table's squared norm in each irrep.",
        ),
    }
    if (largest := largest_circuit(found)) is not None:
        name, draw = largest
        drawn[circuit] = (draw, f"The largest circuit of the network with the highest bound: {name}.")
    return {key("figures", name): (draw, f"{at}. {caption}") for name, (draw, caption) in sorted(drawn.items())}


def largest_circuit(found: Certification) -> tuple[str, Callable[[], Figure]] | None:
    """Name and figure of the largest circuit of the network whose circuits prove most."""
    rows = final_rows(found.tables["certificates"])
    rows = rows[rows["verifier"] == "gset"].sort_values("bound", ascending=False, kind="stable")
    explanations = {int(seed): found.proofs[int(seed)].explanations.get("gset") for seed in rows["seed"]}
    known = {s: e.circuits for s, e in explanations.items() if isinstance(e, GSetExplanation) and e.circuits}
    if not known:
        return None
    seed, circuits = next(iter(known.items()))
    proof = found.proofs[seed]
    part = max(circuits, key=lambda circuit: len(circuit.neurons))
    name = f"seed {seed}, {len(part.neurons)} neurons" + (f", {part.name}" if part.name else "")
    return name, lambda: plots.circuit(*circuit_picture(part, proof.group, proof.tables.activation), name)
