"""Lightning callbacks, one verb per file."""

from lk.callbacks.certify import Certify
from lk.callbacks.checkpoints import SaveCheckpoints
from lk.callbacks.extract import ExtractInteractions
from lk.callbacks.record import RecordTraining
from lk.callbacks.resume import SaveResumePoint
from lk.callbacks.seed import SeedEpochs

__all__ = ["Certify", "ExtractInteractions", "RecordTraining", "SaveCheckpoints", "SaveResumePoint", "SeedEpochs"]
