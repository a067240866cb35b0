"""How checkpoints are written to and read from disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from lk.storage.files import writing
from lk.storage.stored import signed, whole_checkpoint


class CheckpointFiles(TorchCheckpointIO):
    """Checkpoints that are renamed when they are complete, and loaded without running code.

    Lightning's own writer goes through the folder for temporary files; on another file system the rename becomes a
    copy, which a kill cuts in half. Its reader unpickles anything in some of the versions that we admit; this one loads
    tensors and plain values only.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write one checkpoint, with a digest of what it holds."""
        with writing(Path(path)) as temporary:
            torch.save(signed(checkpoint), temporary)

    def load_checkpoint(
        self, path: str | Path, map_location: Callable[..., Any] | None = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read one checkpoint onto the CPU; Lightning moves what it restores.

        Raises:
            ValueError: It is damaged, or holds something else than was written.
        """
        return whole_checkpoint(Path(path))
