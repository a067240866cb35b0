"""A filling that the user gives."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lk.games.maskers.masker import Masker


class Given(Masker):
    """One input, stored by the user, fills every sample.

    Args:
        path: A safetensors file with one tensor of the shape of an input.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def fill(self, x: Tensor, baseline: Tensor) -> Tensor:
        """The stored tensor for every sample."""
        if not Path(self.path).is_file():
            raise FileNotFoundError(
                f"expected a safetensors file with one tensor of shape {tuple(x.shape[1:])}, got path={self.path!r}, "
                "which is no file. Check the path."
            )
        try:
            stored = load_file(self.path)
        except SafetensorError as error:
            raise ValueError(
                f"{self.path} is truncated or no safetensors file ({error}). Write it again with "
                "safetensors.torch.save_file."
            ) from error
        if len(stored) != 1 or next(iter(stored.values())).shape != x.shape[1:]:
            shapes = {key: tuple(value.shape) for key, value in stored.items()}
            raise ValueError(
                f"{self.path}: expected one tensor of shape {tuple(x.shape[1:])}, got {shapes}. Write it again."
            )
        return next(iter(stored.values())).to(x).expand_as(x)
