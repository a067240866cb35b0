"""Read one image file in any mode of Pillow, by the range of its mode; find the files that cannot be read."""

import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lk.data.reading import reading, summary

ENDINGS = (
    ".jpg",
    ".jpeg",
    ".jfif",
    ".png",
    ".apng",
    ".gif",
    ".bmp",
    ".webp",
    ".avif",
    ".jp2",
    ".tif",
    ".tiff",
    ".ppm",
    ".pgm",
    ".pbm",
    ".pnm",
)
# Pillow goes by the content. Of its formats those behind the endings are opened, so that no PostScript is run under
# another name.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "AVIF", "JPEG2000", "TIFF", "PPM")
BITS_PER_SAMPLE = 258  # TIFF's tag
CHUNK = 64  # files of one task of the thread pool


def is_image(path: str) -> bool:
    """Whether a file is taken for an image, by its ending."""
    return path.lower().endswith(ENDINGS)


@functools.cache
def formats() -> tuple[str, ...]:
    """The formats that are opened: those that Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def picture(path: str | Path) -> Image.Image | Tensor:
    """An image file as RGB: of 8 bits as Pillow's image, of more as a float tensor `(3, height, width)` in 0..1.

    Each mode is converted by its own range: 16 bits by 65 535 (12 bits of a TIFF by 4 095), whole numbers of 32 bits as
    16-bit data, which is how Pillow opens several 16-bit formats, and floats as they are. Transparent parts are laid on
    white, as viewers show them. Of an animation the first frame is read. Profiles and the EXIF orientation are not
    applied.

    Raises:
        ValueError: The file cannot be read, or has values outside its range; names the file.
    """
    with reading(Path(path), "an image", "Delete or replace it."), Image.open(path, formats=formats()) as image:
        return converted(image)


def converted(image: Image.Image) -> Image.Image | Tensor:
    """An open image as RGB, by the range of its mode."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey = torch.from_numpy(scaled(image))
        return grey.expand(3, *grey.shape)
    if image.mode == "La":
        image = image.convert("LA")
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def scaled(image: Image.Image) -> NDArray[np.float32]:
    """Grey values of more than 8 bits in 0..1, shape `(height, width)`."""
    bits = (getattr(image, "tag_v2", None) or {}).get(BITS_PER_SAMPLE, (16,))[0]
    highest = 1.0 if image.mode == "F" else 4095.0 if bits == 12 else 65535.0
    values = np.asarray(image).astype(np.float32) / np.float32(highest)
    if not (values.min() >= 0 and values.max() <= 1):  # NaN is not either
        raise ValueError(
            f"expected values from 0 to {highest:g} in mode {image.mode}, got {values.min() * highest:g} to "
            f"{values.max() * highest:g}"
        )
    return values


def unreadable(paths: Sequence[str]) -> dict[str, str]:
    """The files that cannot be read as images, and why.

    Every file is opened and decoded, because nothing less finds a cut JPEG; JPEGs at an eighth of their size. Cost:
    less than one epoch of reading, about 0.1 ms for an image of 32x32 pixels and 0.6 ms for a JPEG of 500x375, on one
    core.
    """
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # decoding releases the interpreter's lock
        return {path: why for found in pool.map(failures, chunks) for path, why in found.items()}


def failures(paths: Sequence[str]) -> dict[str, str]:
    """Those of some files that cannot be read, and why."""
    found = {}
    for path in paths:
        try:
            with Image.open(path, formats=formats()) as image:
                image.draft(None, (1, 1))
                converted(image)
        except Exception as error:  # Pillow's plugins raise many types for damaged files
            found[path] = summary(error)
    return found
