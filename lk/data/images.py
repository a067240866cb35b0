"""A folder of images, one sub-folder per class: CIFAR-10, Tiny-ImageNet and CUB come that way."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lk.data.data import Data, Labelled
from lk.data.pixels import is_image, picture, unreadable

if TYPE_CHECKING:
    from torchvision.datasets import ImageFolder as Source

LISTED = 50  # files named in a message


class ImageFolder(Data):
    """`data_dir/train/<class>/*` and `data_dir/test/<class>/*` (or `val` for `test`).

    JPEG, PNG, GIF, BMP, WebP, AVIF, TIFF, PPM and their kin.

    All files are decoded once when the data are loaded, so that damaged ones are found, all at once, before training;
    see `lk.data.pixels.unreadable` for the cost and `lk.data.pixels.picture` for how each mode becomes RGB.

    Args:
        data_dir: Folder with the two splits.
        size: Height and width in pixels; images are resized so that the shorter side fits, then cropped in the centre.
        channels: 3 for colour, 1 for grey.
        batch_size: Training batch per device.
        samples_per_class: Number of samples to explain of each class.
        seed: Order of the batches and choice of the samples.
        num_workers: Processes that load batches.
        skip_unreadable: Leave out the files that cannot be read, and count them, instead of refusing the folder.

    Raises:
        FileNotFoundError: The folder, a split, or the images of a class are missing.
        ValueError: The two splits have different classes, or files cannot be read; names them.
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
        skip_unreadable: bool = False,
    ) -> None:
        super().__init__(batch_size, samples_per_class, seed, num_workers)
        if channels not in (1, 3) or size < 1:
            raise ValueError(
                f"expected 1 or 3 channels and a positive size, got channels={channels}, size={size}. Use 1 for grey, "
                "3 for colour."
            )
        self.data_dir, self.size, self.channels, self.skip_unreadable = Path(data_dir), size, channels, skip_unreadable
        self.remarks: list[str] = []

    @property
    def name(self) -> str:  # type: ignore[override]
        """The folder's own name."""
        return self.data_dir.resolve().name.lower()

    def load(self) -> tuple[Labelled, Labelled]:
        """Both splits, read lazily from disk."""
        from torchvision.datasets import ImageFolder as Source
        from torchvision.transforms import v2

        folders = [
            self.data_dir / "train",
            next((f for s in ("test", "val") if (f := self.data_dir / s).is_dir()), self.data_dir / "test"),
        ]
        for folder in folders:
            if not folder.is_dir():
                raise FileNotFoundError(
                    f"expected {self.data_dir}/train/<class>/* and {self.data_dir}/test/<class>/*, got no folder "
                    f"{str(folder)!r}. Set data.init_args.data_dir to the folder that holds both."
                )
        steps: list[torch.nn.Module] = [v2.ToImage(), v2.Resize(self.size, antialias=True), v2.CenterCrop(self.size)]
        if self.channels == 1:
            steps.append(v2.Grayscale())
        transform = v2.Compose([*steps, v2.ToDtype(torch.float32, scale=True), v2.ToPureTensor()])
        train, test = (
            Source(folder, transform=transform, loader=picture, is_valid_file=is_image) for folder in folders
        )
        if train.classes != test.classes:
            raise ValueError(
                f"{self.data_dir}: expected the same sub-folders in both splits, got only in one: "
                f"{sorted(set(train.classes) ^ set(test.classes))}. Add or delete them."
            )
        self.remarks = [text for text in (left_out(folders), self.without_unreadable((train, test))) if text]
        return train, test

    def without_unreadable(self, splits: Sequence["Source"]) -> str:
        """Take the files that cannot be read out of the splits; says which, or refuses them."""
        bad = unreadable([path for split in splits for path, _ in split.samples])
        if not bad:
            return ""
        total = sum(len(split.samples) for split in splits)
        listed = "; ".join(f"{path} ({why})" for path, why in list(bad.items())[:LISTED]) + (
            f"; and {len(bad) - LISTED} more" if len(bad) > LISTED else ""
        )
        if not self.skip_unreadable:
            raise ValueError(
                f"{self.data_dir}: expected images that Pillow can read, got {len(bad)} of {total} files that are "
                f"none: {listed}. Delete or replace them, or set data.init_args.skip_unreadable to true."
            )
        for split in splits:
            split.samples = split.imgs = [sample for sample in split.samples if sample[0] not in bad]
            split.targets = [label for _, label in split.samples]
            empty = sorted(set(split.classes) - {split.classes[label] for label in split.targets})
            if empty:
                raise ValueError(
                    f"{split.root}: expected a readable image of each class, got none of: {', '.join(empty)}. Replace "
                    f"{listed}."
                )
        return f"{len(bad)} of {total} images cannot be read and are left out: {listed}."

    def notes(self) -> list[str]:
        """Files that are left out."""
        self.splits  # noqa: B018  (loading fills them)
        return self.remarks

    @property
    def class_names(self) -> Sequence[str]:
        """The names of the sub-folders."""
        return self.train.classes  # type: ignore[attr-defined, no-any-return]


def left_out(folders: Sequence[Path]) -> str:
    """How many files of the folders have endings that are not read; empty without any."""
    files = [
        path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
    ]
    others = [path for path in files if not is_image(path.name)]
    endings = sorted({path.suffix.lower() or "none" for path in others})
    return (
        f"{len(others)} of {len(files)} files are left out, because of their endings: {', '.join(endings[:10])}."
        if others
        else ""
    )
