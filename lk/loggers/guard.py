"""A fault of a logger ends its records, not the training."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from weakref import WeakSet

from pytorch_lightning.loggers import Logger, WandbLogger

from lk.console import say

LOST: WeakSet[Logger] = WeakSet()  # loggers that failed; they are sent nothing more
CALLS = ("log_metrics", "log_hyperparams", "log_graph", "save", "after_save_checkpoint", "finalize")  # Lightning's own


def attempt(logger: Logger, work: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """What a function of a logger returns; None where it fails, or the logger has failed before.

    The first fault is told. Nothing is sent after it.

    Args:
        logger: The logger.
        work: A function that writes to it.
        args: Its arguments.
        named: Its arguments by name.
    """
    if logger in LOST:
        return None
    try:
        return work(*args, **named)
    except Exception as error:
        LOST.add(logger)
        if isinstance(logger, WandbLogger):
            import wandb

            with suppress(Exception):
                wandb.teardown(exit_code=1)  # or its own hook prints a traceback when the process ends
        say(
            f"The logger {type(logger).__name__} failed ({type(error).__name__}: {error}). "
            "The command goes on without it; tables and report are complete."
        )
        return None


def guard(logger: Logger) -> Logger:
    """The logger, with every method that Lightning calls under `attempt`."""
    for name in CALLS:
        setattr(logger, name, partial(attempt, logger, getattr(logger, name)))
    return logger
