"""What of an extraction goes to the loggers at a checkpoint: numbers, six figures, the strongest interactions.

Every number is a mean of `lk.studies.averages`, the source of the report, or a column of a stored table; nothing is
averaged here. The keys are described in docs/dashboards.md.
"""

from collections.abc import Sequence

import pandas as pd
from pytorch_lightning.loggers import Logger, WandbLogger

from lk.callbacks.panels import panels
from lk.extraction import Checkpoint
from lk.extraction.tables import games, strongest
from lk.games import OUTPUT
from lk.interactions import Interactions
from lk.loggers import log_checkpoint, log_figures, takes_figures
from lk.loggers.keys import key, layer_part
from lk.loggers.tables import log_rows
from lk.metrics.intervals import jackknife
from lk.studies.averages import averages, total

CONSTANT = ("completeness", "redundancy")  # of the output against itself: 1 and 0 by definition


def scalars(
    means: dict[str, pd.DataFrame], table: pd.DataFrame, probes: pd.DataFrame | None, name: str
) -> dict[str, float]:
    """Numbers of one checkpoint under `family/layer/quantity` keys.

    Args:
        means: From `lk.studies.averages.averages`, of this checkpoint.
        table: Its table of games.
        probes: Its rows of the table of probes.
        name: Name of the extraction.

    Returns:
        Salient interactions per sample, mean total effect, completeness and redundancy against the output of each
        layer, the share of certified games, accuracy and calibration error of each probe. What is not defined (a ratio
        to nothing) or constant (the output against itself) is left out.
    """
    shares = means["shares"]
    layers = list(dict.fromkeys(means["reach"]["layer"]))
    parts = {layer: layer_part(place, layer, len(layers)) for place, layer in enumerate(layers)}
    by_layer = {"salient": total(means["counts"]), "total_effect": means["reach"]}
    by_layer |= {quantity: total(shares, quantity=quantity, reference="output") for quantity in CONSTANT}
    found = {
        key("interactions", parts[row["layer"]], quantity, extraction=name): float(row["mean"])
        for quantity, rows in by_layer.items()
        for row in rows.dropna(subset="mean").to_dict("records")
        if not (quantity in CONSTANT and row["layer"] == OUTPUT)
    }
    found[key("interactions", "certified", extraction=name)] = float(table["certified"].mean())
    for probe in [] if probes is None else probes.to_dict("records"):
        for quantity in ("accuracy", "calibration_error"):
            found[key("probe", parts[probe["layer"]], quantity)] = float(probe[quantity])
    return found


def log_extraction(
    loggers: Sequence[Logger], checkpoint: Checkpoint, name: str, found: Interactions, unit: str
) -> None:
    """Send one checkpoint: numbers to every logger, figures to those that take pictures, a table to W&B.

    All have the checkpoint's epoch as their own axis: they exist at checkpoints only, and a run may log losses by step.

    Args:
        loggers: The loggers of the training.
        checkpoint: As `lk.extraction.read` returns it.
        name: Name of the extraction.
        found: Its interactions.
        unit: Unit of the score.
    """
    if not loggers:
        return
    epoch, step = checkpoint.epoch, checkpoint.step
    earlier = {at: path for at, path in checkpoint.run.extracted(name).items() if at < step}
    drawn = any(map(takes_figures, loggers))
    before = Interactions.load(list(earlier.values())[-1]) if earlier and drawn else None
    means, table = averages(found, jackknife(found.n_samples), before), games(found)
    probes = None
    if checkpoint.probes is not None:
        probes = checkpoint.run.read_table("probes")
        probes = probes[probes["step"].isin([*earlier, step])]
    now = None if probes is None else probes[probes["step"] == step]
    numbers = scalars(means, table, now, name)
    if drawn:
        log_figures(loggers, panels(found, means, table, probes, checkpoint.explained, name, unit), epoch, step)
    rows = strongest(found)
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            log_rows(
                logger,
                key("interactions", "strongest", extraction=name),
                rows,
                lambda: pd.concat([rows.iloc[:0], *(strongest(Interactions.load(path)) for path in earlier.values())]),
                epoch,
                step,
            )
        log_checkpoint(logger, numbers, epoch, step)
