"""A folder of images, one sub-folder per class: CIFAR-10, Tiny-ImageNet and CUB come that way."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torchvision.datasets import ImageFolder as Source
from torchvision.transforms import v2

from lk.data.data import Data, Labelled


class ImageFolder(Data):
    """`data_dir/train/<class>/*` and `data_dir/test/<class>/*` (or `val` for `test`), any image format that Pillow reads.

    Args:
        data_dir: Folder with the two splits.
        size: Height and width in pixels; images are resized so that the shorter side fits, then cropped in the centre.
        channels: 3 for colour, 1 for grey.
        batch_size: Training batch per device.
        samples_per_class: Number of samples to explain of each class.
        seed: Order of the batches and choice of the samples.
        num_workers: Processes that load batches.

    Raises:
        FileNotFoundError: The folder, a split, or the images of a class are missing.
        ValueError: The two splits have different classes.
    """

    def __init__(
        self,
        data_dir: str,
        size: int = 32,
        channels: int = 3,
        batch_size: int = 128,
        samples_per_class: int = 2,
        seed: int = 0,
        num_workers: int = 0,
    ) -> None:
        super().__init__(batch_size, samples_per_class, seed, num_workers)
        if channels not in (1, 3) or size < 1:
            raise ValueError(f"Given channels={channels}, size={size}; expected 1 or 3 channels and a positive size.")
        self.data_dir, self.size, self.channels = Path(data_dir), size, channels

    @property
    def name(self) -> str:  # type: ignore[override]
        """The folder's own name."""
        return self.data_dir.resolve().name.lower()

    def load(self) -> tuple[Labelled, Labelled]:
        """Both splits, read lazily from disk."""
        folders = [self.data_dir / "train", next((f for s in ("test", "val") if (f := self.data_dir / s).is_dir()), self.data_dir / "test")]
        for folder in folders:
            if not folder.is_dir():
                raise FileNotFoundError(
                    f"No folder {str(folder)!r}. Expected {self.data_dir}/train/<class>/* and {self.data_dir}/test/<class>/*: "
                    "set data.init_args.data_dir to the folder that holds both."
                )
        steps: list[torch.nn.Module] = [v2.ToImage(), v2.Resize(self.size, antialias=True), v2.CenterCrop(self.size)]
        if self.channels == 1:
            steps.append(v2.Grayscale())
        transform = v2.Compose([*steps, v2.ToDtype(torch.float32, scale=True), v2.ToPureTensor()])
        train, test = (Source(folder, transform=transform) for folder in folders)
        if train.classes != test.classes:
            raise ValueError(
                f"The splits of {self.data_dir} have different classes. Only in one: {sorted(set(train.classes) ^ set(test.classes))}. "
                "Expected the same sub-folders in both."
            )
        return train, test

    @property
    def class_names(self) -> Sequence[str]:
        """The names of the sub-folders."""
        return self.train.classes  # type: ignore[attr-defined, no-any-return]
