"""Loggers: where they write, what they are sent at a checkpoint and at the end, and what a fault of theirs costs.

Every Lightning logger is served. W&B is imported only where a W&B logger is chosen.
"""

from lk.loggers.checkpoints import log_checkpoint
from lk.loggers.figures import log_figure, log_figures, takes_figures
from lk.loggers.results import log_results
from lk.loggers.wandb import Wandb

__all__ = ["Wandb", "log_checkpoint", "log_figure", "log_figures", "log_results", "takes_figures"]
