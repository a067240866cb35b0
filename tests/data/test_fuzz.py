"""Damaged files of every format: they load as finite tensors, or one error names the file.

Never another error, never a hang.

Valid files are damaged in bytes by hypothesis with a fixed seed; LK_FUZZ sets the number of examples of each format.
"""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lk.data import MNIST, Data, ImageFolder, Sentences, Table

EXAMPLES = int(os.environ.get("LK_FUZZ", "25"))
OUTCOMES = Counter()


def table_bytes(folder, ending):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "height": generator.normal(5, 3, 60).round(3),
            "count": generator.integers(0, 9, 60),
            "colour": generator.choice(["red", "grün", "blue"], 60),
            "day": pd.to_datetime("2024-01-01") + pd.to_timedelta(generator.integers(0, 900, 60), unit="D"),
            "kind": np.resize(["low", "tall"], 60),
        }
    )
    path = folder / f"whole.{ending}"
    if ending == "parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.drop(columns="day").to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    return path.read_bytes()


def made(name, root, writers):
    """A valid file of a format, and what reads it."""
    if name in ("csv", "tsv", "parquet"):
        path = root / f"rows.{name}"
        path.write_bytes(table_bytes(root, name))
        return path, lambda: Table(str(path), "kind", samples_per_class=1)
    if name in ("png", "jpg", "gif", "tiff"):
        folder = writers.images(root / "shapes", suffix=name, sizes=((16, 16),))
        return min((folder / "test" / "class1").iterdir()), lambda: ImageFolder(
            str(folder), size=8, samples_per_class=1
        )
    if name.endswith("ubyte"):
        writers.mnist(root)
        return root / "MNIST" / "raw" / name, lambda: MNIST(str(root), samples_per_class=1)
    folder = writers.sentences(root / "sentences")
    return folder / name, lambda: Sentences(str(folder), words=3, vocab_size=400, max_length=16, samples_per_class=1)


@st.composite
def damages(draw):
    """A function from bytes to damaged bytes."""
    kind = draw(st.sampled_from(["flip", "cut", "insert", "empty", "swap", "repeat", "zero"]))
    place, other, length = (draw(st.floats(0, 1)) for _ in range(3))
    some = draw(st.binary(min_size=1, max_size=24))

    def damage(content):
        at, to = int(place * max(0, len(content) - 1)), int(other * max(0, len(content) - 1))
        size = 1 + int(length * 24)
        if kind == "flip":
            return content[:at] + bytes([content[at] ^ some[0] or 1]) + content[at + 1 :]
        if kind == "cut":
            return content[:at]
        if kind == "insert":
            return content[:at] + some + content[at:]
        if kind == "empty":
            return b""
        if kind == "swap":
            low, high = sorted((at, to))
            return (
                content[:low]
                + content[high : high + size]
                + content[low + size : high]
                + content[low : low + size]
                + content[high + size :]
            )
        if kind == "repeat":
            return content[:at] + content[max(0, at - size) : at] * (1 + some[0] % 5) + content[at:]
        return content[:at] + bytes(size) + content[at + size :]

    return kind, damage


FORMATS = (
    "csv",
    "tsv",
    "parquet",
    "png",
    "jpg",
    "gif",
    "tiff",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
    "train.tsv",
    "test.tsv",
)


def outcome(path: Path, data: Data) -> str:
    """How a damaged file is read: whole, or refused by name."""
    try:
        for split in (data.train, data.test):
            assert len(Data.labels(split)) > 0
            x, y = next(iter(data.batches(split, 1000)))
            assert torch.isfinite(x.float()).all()
            assert y.dtype == torch.int64
        assert data.num_classes > int(Data.labels(data.test).max())
        assert data.describe()
    except (ValueError, FileNotFoundError) as error:
        message = str(error)
    else:
        return "loaded"
    assert path.name in message, message
    return "refused"


@pytest.mark.filterwarnings("default")  # Pillow and pyarrow warn of damage that they repair
@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_load_or_name_themselves(tmp_path, writers, name):
    path, opened = made(name, tmp_path, writers)
    whole = path.read_bytes()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=20_000,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(damages())
    def check(damage):
        kind, apply = damage
        path.write_bytes(apply(whole))
        OUTCOMES[name, kind, outcome(path, opened())] += 1

    try:
        check()
    finally:
        path.write_bytes(whole)
    assert outcome(path, opened()) == "loaded"
    if EXAMPLES > 100:
        print({key: count for key, count in OUTCOMES.items() if key[0] == name})
