"""MNIST through torchvision."""

import math
from pathlib import Path

from lk.data.data import Data, Labelled, Tensors
from lk.data.reading import reading

AXES = {"images-idx3": 3, "labels-idx1": 1}


class MNIST(Data):
    """MNIST: 60 000 + 10 000 images of 28x28 pixels in 0..1, ten classes.

    Args:
        data_dir: Folder that holds `MNIST/raw`, or is to hold it.
        download: Whether torchvision may download the files that are missing.
        batch_size: Training batch per device.
        samples_per_class: Number of samples to explain of each class.
        seed: Order of the batches and choice of the samples.
        num_workers: Processes that load batches.

    Raises:
        FileNotFoundError: The files are missing and `download` is off.
        ValueError: A file is damaged.
    """

    def __init__(
        self,
        data_dir: str = "data",
        download: bool = False,
        batch_size: int = 128,
        samples_per_class: int = 2,
        seed: int = 0,
        num_workers: int = 0,
    ) -> None:
        super().__init__(batch_size, samples_per_class, seed, num_workers)
        self.data_dir, self.download = data_dir, download

    def load(self) -> tuple[Labelled, Labelled]:
        """Both splits, in memory as `uint8`."""
        from torchvision.datasets import MNIST as Source

        for path in sorted((Path(self.data_dir) / "MNIST" / "raw").glob("*-idx?-ubyte")):
            check_idx(path)
        try:
            train, test = (Source(self.data_dir, train=split, download=self.download) for split in (True, False))
        except RuntimeError as error:  # torchvision's word for missing files, and for a failed download
            raise FileNotFoundError(
                f"expected the four IDX files in {self.data_dir}/MNIST/raw, got no MNIST there. Set "
                "data.init_args.data_dir to their folder, or data.init_args.download to true."
            ) from error
        for split in (train, test):
            if len(split.data) != len(split.targets):
                raise ValueError(
                    f"{self.data_dir}/MNIST/raw: expected as many labels as images in each split, got "
                    f"{len(split.data)} images and {len(split.targets)} labels. Fetch the files again."
                )
        if train.data.shape[1:] != test.data.shape[1:]:
            raise ValueError(
                f"{self.data_dir}/MNIST/raw: expected images of one size in both splits, got {train.data.shape} and "
                f"{test.data.shape}. Fetch the files again."
            )
        return Tensors(train.data[:, None], train.targets), Tensors(test.data[:, None], test.targets)

    @property
    def class_names(self) -> list[str]:
        """The ten digits."""
        return [str(digit) for digit in range(10)]


def check_idx(path: Path) -> None:
    """Refuse a file whose header does not fit its name, or its size.

    An IDX file holds two zero bytes, the type (8: one byte each), the number of axes, the big-endian size of each axis,
    and the values.

    Raises:
        ValueError: Names the file; also where a label is above 9.
    """
    with reading(path, "an IDX file", "Fetch the file again."), path.open("rb") as file:
        header = file.read(16)
    axes = next((count for part, count in AXES.items() if part in path.name), header[3] if len(header) > 3 else 0)
    sizes = [int.from_bytes(header[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    expected = 4 + 4 * axes + math.prod(sizes)
    if header[:4] != bytes([0, 0, 8, axes]) or path.stat().st_size != expected:
        raise ValueError(
            f"{path} is truncated or damaged: expected an IDX file of {axes} axes, {expected:,} bytes by its header, "
            f"got {path.stat().st_size:,} bytes that begin with {header[:4].hex(' ') or 'nothing'}. Fetch the file "
            "again."
        )
    if axes == 1 and max(path.read_bytes()[8:], default=0) > 9:
        raise ValueError(
            f"{path}: expected labels from 0 to 9, got {max(path.read_bytes()[8:])}. Fetch the file again."
        )
