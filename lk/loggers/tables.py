"""One table that grows with every checkpoint, under one key."""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import pandas as pd
from pytorch_lightning.loggers import Logger, WandbLogger

from lk.loggers.checkpoints import log_checkpoint
from lk.loggers.guard import attempt

GROWING: WeakKeyDictionary[Logger, dict[str, Any]] = WeakKeyDictionary()  # key to table of each logger


def log_rows(
    logger: WandbLogger, key: str, rows: pd.DataFrame, earlier: Callable[[], pd.DataFrame], epoch: float, step: int
) -> None:
    """Append rows to an incremental table: each call sends the new rows alone.

    An offline run that is resumed is a new record, which knows nothing of the one before: it begins with the earlier
    rows. Online W&B joins both by itself. W&B shows the latest 100 parts of such a table.

    Args:
        logger: Of W&B; no other logger of Lightning keeps tables.
        key: The same at every checkpoint.
        rows: The rows of this checkpoint.
        earlier: Gives the rows of the checkpoints before.
        epoch: Epochs trained, may be a fraction.
        step: Global step.
    """

    def grow() -> None:
        import wandb

        tables, new = GROWING.setdefault(logger, {}), rows
        if key not in tables:
            tables[key] = wandb.Table(columns=list(map(str, rows.columns)), log_mode="INCREMENTAL")
            if not logger.experiment.resumed:
                new = pd.concat([earlier(), rows], ignore_index=True)[list(rows.columns)]
        for row in new.astype(object).to_numpy().tolist():
            tables[key].add_data(*row)
        log_checkpoint(logger, {key: tables[key]}, epoch, step)

    attempt(logger, grow)
