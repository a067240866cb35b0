"""What of an extraction goes to W&B: scalars per checkpoint, one heat map, one line chart, one small table."""

from functools import partial
from typing import Any

import pandas as pd
from pytorch_lightning.loggers import Logger

from lk.plots import heat_map
from lk.plots.style import figure_image

TABLE_ROWS = 2000


def scalars(tables: dict[str, pd.DataFrame], probes: pd.DataFrame | None, name: str) -> dict[str, float]:
    """Numbers of one checkpoint under `phase/quantity` keys; the layer is part of the quantity."""
    found: dict[str, float] = {}
    games, comparisons = tables["games"], tables["comparisons"]
    for layer in games["layer"].unique():
        rows = games[games["layer"] == layer]
        found[f"{name}/salient_{layer}"] = float(rows["salient"].mean())
        found[f"{name}/reach_{layer}"] = float(rows["reach"].mean())
    found[f"{name}/certified"] = float(games["certified"].mean())
    sums = (
        comparisons[comparisons["reference"] == "output"]
        .groupby("layer", sort=False)[["overlap", "forgotten", "all", "all_reference"]]
        .sum()
    )
    for total in sums.reset_index().to_dict("records"):
        if total["all_reference"] > 0:
            found[f"{name}/completeness_{total['layer']}"] = float(total["overlap"] / total["all_reference"])
        if total["all"] > 0:
            found[f"{name}/redundancy_{total['layer']}"] = float(total["forgotten"] / total["all"])
    for probe in [] if probes is None else probes.to_dict("records"):
        found[f"probe/accuracy_{probe['layer']}"] = float(probe["accuracy"])
        found[f"probe/calibration_error_{probe['layer']}"] = float(probe["calibration_error"])
    return found


def log_extraction(
    loggers: list[Logger], tables: dict[str, pd.DataFrame], probes: pd.DataFrame | None, name: str, step: int, epoch: float
) -> None:
    """Send one checkpoint's measures to every logger; pictures and tables go to W&B only.

    Scalars have the checkpoint's epoch as their own axis: they exist at checkpoints only, and a run may log losses by step.
    """
    from lk.loggers import Wandb

    numbers = scalars(tables, probes, name)
    for logger in loggers:
        if isinstance(logger, Wandb):
            import wandb

            run: Any = logger.experiment
            for key in numbers:
                logger.attempt(partial(run.define_metric, key, step_metric="checkpoint/epoch", step_sync=False))
            rich: dict[str, Any] = {f"{name}/strongest_{step}": wandb.Table(dataframe=tables["strongest"].head(TABLE_ROWS))}
            rich[f"{name}/strength"] = wandb.Image(figure_image(heat_map(tables["strengths"])), caption=f"step {step}")
            mean = tables["strengths"].groupby(["layer", "order"], sort=False)["salient_strength"].mean()
            layers = list(dict.fromkeys(tables["strengths"]["layer"]))
            orders = sorted(tables["strengths"]["order"].unique())
            rich[f"{name}/strength_by_order"] = wandb.plot.line_series(
                xs=[int(order) for order in orders],
                ys=[[float(mean[layer, order]) for order in orders] for layer in layers],
                keys=layers,
                title=f"Salient strength by order, step {step}",
                xname="order",
            )
            logger.log_metrics({"checkpoint/epoch": epoch, **numbers, **rich}, step=step)
        else:
            logger.log_metrics({"checkpoint/epoch": epoch, **numbers}, step=step)


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
