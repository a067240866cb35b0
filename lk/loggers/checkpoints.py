"""Numbers, pictures and tables of one checkpoint, with its epoch as their axis."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from pytorch_lightning.loggers import Logger, WandbLogger

from lk.loggers.guard import attempt
from lk.loggers.keys import AXIS

DEFINED: WeakKeyDictionary[Logger, set[str]] = WeakKeyDictionary()  # keys whose axis W&B knows


def log_checkpoint(logger: Logger, values: Mapping[str, Any], epoch: float, step: int) -> None:
    """Send values of one checkpoint; W&B is told once per key that the epoch is its axis.

    Args:
        logger: Any Lightning logger.
        values: By key; numbers, or for W&B its media.
        epoch: Epochs trained, may be a fraction.
        step: Global step.
    """
    if isinstance(logger, WandbLogger):
        attempt(logger, define, logger, values)
    attempt(logger, logger.log_metrics, {AXIS: epoch, **values}, step=step)


def define(logger: WandbLogger, keys: Mapping[str, Any]) -> None:
    """Give keys that are new the axis.

    By full name: a glob beside Lightning's own `*` picks an axis at random.
    """
    known = DEFINED.setdefault(logger, set())
    if not known:
        logger.experiment.define_metric(AXIS, hidden=True)
    for key in [key for key in keys if key not in known]:
        logger.experiment.define_metric(key, step_metric=AXIS, step_sync=False)
    known.update(keys)
