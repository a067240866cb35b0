"""What of an extraction goes to the loggers: numbers per checkpoint.

To W&B also one heat map, one line chart, one small table.

Every number is a mean of `lk.studies.averages`, the source of the report, or a column of a stored table; nothing is
averaged here.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
from pytorch_lightning.loggers import Logger

from lk.extraction import Checkpoint
from lk.plots import heat_map
from lk.plots.style import figure_image
from lk.studies.averages import ALL, BOTH, total

TABLE_ROWS = 2000


def scalars(
    means: dict[str, pd.DataFrame], games: pd.DataFrame, probes: pd.DataFrame | None, name: str
) -> dict[str, float]:
    """Numbers of one checkpoint under `phase/quantity` keys; the layer is part of the quantity.

    Args:
        means: From `lk.studies.averages.averages`, of this checkpoint.
        games: Its table of games.
        probes: Its rows of the table of probes.
        name: Name of the extraction.

    Returns:
        Salient interactions per sample, reach, completeness and redundancy against the output of each layer, the share
        of certified games, accuracy and calibration error of each probe. What is not defined (a ratio to nothing) is
        left out.
    """
    shares = means["shares"]
    by_layer = {
        "salient": total(means["counts"]),
        "reach": means["reach"],
        **{
            quantity: total(shares, quantity=quantity, reference="output")
            for quantity in ("completeness", "redundancy")
        },
    }
    found = {
        f"{name}/{quantity}_{row['layer']}": float(row["mean"])
        for quantity, rows in by_layer.items()
        for row in rows.dropna(subset="mean").to_dict("records")
    }
    found[f"{name}/certified"] = float(games["certified"].mean())
    for probe in [] if probes is None else probes.to_dict("records"):
        found[f"probe/accuracy_{probe['layer']}"] = float(probe["accuracy"])
        found[f"probe/calibration_error_{probe['layer']}"] = float(probe["calibration_error"])
    return found


def strength_lines(means: dict[str, pd.DataFrame]) -> tuple[list[int], dict[str, list[float]]]:
    """Salient strength per sample by order, AND and OR together, in the unit of the score.

    The orders, and a line per layer.
    """
    rows = means["salient_strength"]
    rows = rows[(rows["kind"] == BOTH) & (rows["order"] != ALL)].sort_values(["depth", "order"], kind="stable")
    orders = sorted(rows["order"].unique())
    return [int(order) for order in orders], {
        str(layer): own["mean"].tolist() for layer, own in rows.groupby("layer", sort=False)
    }


def log_extraction(
    loggers: Sequence[Logger],
    checkpoint: Checkpoint,
    name: str,
    means: dict[str, pd.DataFrame],
    tables: dict[str, pd.DataFrame],
) -> None:
    """Send one checkpoint's measures to every logger; pictures and tables go to W&B only.

    Scalars have the checkpoint's epoch as their own axis: they exist at checkpoints only, and a run may log losses by
    step.

    Args:
        loggers: The loggers of the training.
        checkpoint: As `lk.extraction.read` returns it.
        name: Name of the extraction.
        means: From `lk.studies.averages.averages`, of this checkpoint.
        tables: Its tables.
    """
    from lk.loggers import Wandb

    step, probes = checkpoint.step, None
    if checkpoint.probes is not None:
        probes = checkpoint.run.read_table("probes")
        probes = probes[probes["step"] == step]
    numbers = scalars(means, tables["games"], probes, name)
    axis = {"checkpoint/epoch": checkpoint.epoch}
    for logger in loggers:
        if isinstance(logger, Wandb):
            import wandb

            run: Any = logger.experiment
            for key in numbers:
                logger.attempt(partial(run.define_metric, key, step_metric="checkpoint/epoch", step_sync=False))
            rich: dict[str, Any] = {
                f"{name}/strongest_{step}": wandb.Table(dataframe=tables["strongest"].head(TABLE_ROWS))
            }
            rich[f"{name}/strength"] = wandb.Image(
                figure_image(heat_map(means["salient_strength"])), caption=f"step {step}"
            )
            orders, lines = strength_lines(means)
            rich[f"{name}/strength_by_order"] = wandb.plot.line_series(
                xs=orders,
                ys=list(lines.values()),
                keys=list(lines),
                title=f"Salient strength per sample by order, AND and OR together (unit of the score), step {step}",
                xname="order",
            )
            logger.log_metrics({**axis, **numbers, **rich}, step=step)
        else:
            logger.log_metrics({**axis, **numbers}, step=step)


def log_artifact(loggers: list[Logger], folder: Any, name: str) -> None:
    """Send the interactions of an extraction as one artifact."""
    from lk.loggers import Wandb

    for logger in loggers:
        if isinstance(logger, Wandb) and logger.artifacts and not logger.lost:
            import wandb

            artifact = wandb.Artifact(f"{logger.experiment.id}-{name}", type="interactions")
            for path in sorted(folder.glob("step=*/interactions.safetensors")):
                # Not copied: W&B would stage copies in the user's home, outside the run folder.
                artifact.add_file(str(path), name=f"{path.parent.name}/{path.name}", policy="immutable")
            artifact.add_file(str(folder / "settings.yaml"), policy="immutable")
            logger.attempt(partial(logger.experiment.log_artifact, artifact))
