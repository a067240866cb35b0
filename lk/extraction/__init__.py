"""Games and interactions of fixed samples at a checkpoint, from a network to files and tables."""

from lk.extraction.extraction import Extraction, Samples

__all__ = ["Extraction", "Samples"]
