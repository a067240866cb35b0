"""Lightning callbacks, one verb per file."""

from lk.callbacks.checkpoints import SaveCheckpoints
from lk.callbacks.extract import ExtractInteractions
from lk.callbacks.seed import SeedEpochs

__all__ = ["ExtractInteractions", "SaveCheckpoints", "SeedEpochs"]
