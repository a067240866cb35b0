"""Games and interactions of fixed samples at a checkpoint, from a network to files and tables."""

from lk.extraction.checkpoint import Checkpoint
from lk.extraction.extraction import Extraction
from lk.extraction.games import read
from lk.extraction.samples import Samples

__all__ = ["Checkpoint", "Extraction", "Samples", "read"]
