"""Images in every mode of Pillow, and files that cannot be read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from lk.data import ImageFolder
from lk.data.pixels import picture

SIZE = 64
RAMP = np.tile(np.linspace(0, 1, SIZE), (SIZE, 1))


def grey(path):
    """Mean and range of a file as it is read."""
    found = picture(path)
    x = (
        found
        if isinstance(found, torch.Tensor)
        else v2.functional.to_dtype(v2.functional.to_image(found), torch.float32, scale=True)
    )
    assert x.shape == (3, SIZE, SIZE)
    return float(x.mean()), float(x.min()), float(x.max())


def ramp(mode):
    """A ramp from black to white in a mode of Pillow."""
    if mode == "F":
        return Image.fromarray(RAMP.astype(np.float32))
    if mode in ("I", "I;16", "I;16B"):
        return Image.fromarray((65535 * RAMP).astype({"I": np.int32, "I;16": "<u2", "I;16B": ">u2"}[mode]))
    picture = Image.fromarray((255 * RAMP).astype(np.uint8))
    if mode == "LAB":
        neutral = Image.new("L", picture.size, 128)
        return Image.merge("LAB", (picture, neutral, neutral))
    if mode in ("La", "RGBa"):
        return picture.convert({"La": "LA", "RGBa": "RGBA"}[mode]).convert(mode)
    return picture.convert(mode if mode in ("1", "L", "LA", "P", "PA") else "RGB").convert(mode)


@pytest.mark.parametrize(
    ("mode", "ending"),
    [
        ("1", "png"),
        ("L", "png"),
        ("LA", "png"),
        ("P", "png"),
        ("RGB", "png"),
        ("RGBA", "png"),
        ("I;16", "png"),
        ("I;16", "tiff"),
        ("I;16B", "tiff"),
        ("I", "tiff"),
        ("F", "tiff"),
        ("CMYK", "tiff"),
        ("YCbCr", "tiff"),
        ("LAB", "tiff"),
        ("RGBX", "tiff"),
        ("LA", "tiff"),
        ("CMYK", "jpg"),
        ("L", "jpg"),
        ("I;16", "pgm"),
        ("I", "pgm"),
        ("F", "pfm"),
    ],
)
def test_a_ramp_has_its_mean_in_every_mode(tmp_path, mode, ending):
    ending = {"pfm": "ppm"}.get(ending, ending)  # an ending that is read
    ramp(mode).save(tmp_path / f"ramp.{ending}", **({"format": "PPM"} if ending == "ppm" else {}))
    mean, low, high = grey(tmp_path / f"ramp.{ending}")
    # Lightness of LAB is not linear in RGB; the other modes hold grey values.
    assert mean == pytest.approx(0.485 if mode == "LAB" else 0.5, abs=0.012)
    assert low < 0.02
    assert high > 0.98


def test_modes_that_no_file_holds_are_converted_too():
    from lk.data.pixels import converted

    for mode in ("HSV", "PA", "La", "RGBa", "RGBX"):
        assert np.asarray(converted(ramp(mode))).mean() / 255 == pytest.approx(0.5, abs=0.012)


def test_sixteen_bits_keep_what_eight_would_lose(tmp_path):
    Image.fromarray((65535 * RAMP / 100).astype(np.uint16)).save(tmp_path / "dark.png")
    assert len(picture(tmp_path / "dark.png").unique()) == SIZE


def test_twelve_bits_of_a_tiff(tmp_path):
    """Two pixels in three bytes, as microscopes write them."""
    values = np.round(4095 * RAMP).astype(int).reshape(-1, 2)
    packed = bytes(b for a, c in values for b in (a >> 4, (a & 15) << 4 | c >> 8, c & 255))
    tags = [
        (256, 3, SIZE),
        (257, 3, SIZE),
        (258, 3, 12),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, SIZE),
        (279, 4, len(packed)),
    ]
    directory = len(tags).to_bytes(2, "little") + b"".join(
        tag.to_bytes(2, "little") + kind.to_bytes(2, "little") + (1).to_bytes(4, "little") + value.to_bytes(4, "little")
        for tag, kind, value in tags
    )
    (tmp_path / "ramp.tif").write_bytes(
        b"II*\0" + (8 + len(packed)).to_bytes(4, "little") + packed + directory + bytes(4)
    )
    assert grey(tmp_path / "ramp.tif")[0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_on_white(tmp_path, mode):
    """A black shape on transparent black: without its transparency nothing is left of it."""
    picture_ = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    picture_.paste((0, 0, 0, 255), (0, 0, SIZE // 2, SIZE))
    picture_.convert(mode).save(tmp_path / "shape.png")
    assert grey(tmp_path / "shape.png") == pytest.approx((0.5, 0, 1), abs=0.01)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [((0, 70000), np.int32), ((-5, 9), np.int32), ((0, 255), np.float32), ((0, np.nan), np.float32)],
)
def test_values_outside_their_range_are_refused(tmp_path, values, dtype):
    Image.fromarray(np.array([values], dtype=dtype)).save(tmp_path / "odd.tiff")
    with pytest.raises(
        ValueError, match=r"odd\.tiff: expected an image, got ValueError: expected values from 0 to .* in mode ., got"
    ):
        picture(tmp_path / "odd.tiff")


def test_no_other_format_is_opened_under_the_name_of_one(tmp_path):
    """Pillow goes by the content, and hands PostScript to an interpreter."""
    Image.new("RGB", (8, 8)).save(tmp_path / "page.eps")
    (tmp_path / "page.eps").rename(tmp_path / "page.png")
    with pytest.raises(ValueError, match=r"page\.png: expected an image, got UnidentifiedImageError"):
        picture(tmp_path / "page.png")


# ---- folders
def damage(folder, kind):
    """Damage files of both splits; returns their names."""
    paths = [sorted((folder / split / "class1").iterdir())[place] for split, place in (("train", 3), ("test", 1))]
    for path in paths:
        whole = path.read_bytes()
        path.write_bytes({"cut": whole[:60], "half": whole[: len(whole) // 2], "empty": b"", "text": b"no image"}[kind])
    return [path.name for path in paths]


@pytest.mark.parametrize("kind", ["cut", "half", "empty", "text"])
@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tiff", "webp", "gif"])
def test_damaged_files_are_all_named_before_training(tmp_path, writers, suffix, kind):
    folder = writers.images(tmp_path / "Shapes", suffix=suffix, sizes=((40, 40),))
    names = damage(folder, kind)
    with pytest.raises(
        ValueError, match=r"Shapes: expected images that Pillow can read, got 2 of 36 files that are none: "
    ) as error:
        _ = ImageFolder(str(folder)).train
    assert all(f"class1/{name}" in str(error.value) for name in names)
    assert "set data.init_args.skip_unreadable to true" in str(error.value)


def test_damaged_files_are_left_out_and_counted(image_dir):
    names = damage(image_dir, "cut")
    data = ImageFolder(str(image_dir), size=8, skip_unreadable=True)
    assert (len(data.train), len(data.test)) == (23, 11)
    assert data.labels(data.train).bincount().tolist() == [8, 7, 8]
    assert len(list(data.batches(data.train, 5))) == 5
    (note,) = data.notes()
    assert note.startswith("2 of 36 images cannot be read and are left out: ")
    assert all(name in note for name in names)
    assert note in data.describe()
    assert data.facts()["note"].tolist() == [note]


def test_a_class_of_which_nothing_is_left(image_dir):
    for path in (image_dir / "test" / "class2").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"test: expected a readable image of each class, got none of: class2"):
        _ = ImageFolder(str(image_dir), skip_unreadable=True).train


def test_a_file_that_is_damaged_later_names_itself(image_dir):
    data = ImageFolder(str(image_dir), size=8)
    path = Path(data.test.samples[0][0])
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=r"class0/\d+\.png: expected an image, got OSError: image file is truncated"):
        _ = data.test[0]


def test_other_files_are_counted(image_dir):
    (image_dir / "train" / "class0" / "notes.txt").write_text("x")
    (image_dir / "train" / "class0" / ".DS_Store").write_text("x")
    assert ImageFolder(str(image_dir), size=8).notes() == [
        "1 of 37 files are left out, because of their endings: .txt."
    ]
