"""Sweeps: one training for each combination of settings, from a file that W&B reads too."""

from lk.sweeps.cluster import submitted
from lk.sweeps.processes import in_parallel
from lk.sweeps.sweep import Sweep, read_sweep

__all__ = ["Sweep", "in_parallel", "read_sweep", "submitted"]
