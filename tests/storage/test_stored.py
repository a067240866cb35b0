"""Files of a run that are damaged or hostile: a ValueError that names the file, before memory is spent."""

import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

import lk.storage.stored
from lk.storage.digest import digest_files, digest_plain, digest_tensors
from lk.storage.stored import expect, load_checkpoint, read_frame, read_tensors, texts, write_tensors

REMEDY = "Make it again."


# ---- tensors
def test_tensors_are_read_as_written(tmp_path):
    path = tmp_path / "a" / "x.safetensors"
    tensors = {
        "x": torch.randn(3, 2).T,
        "whole": torch.arange(3),
        "bool": torch.tensor([True]),
        "none": torch.zeros(0),
        "one": torch.tensor(2.0),
    }
    write_tensors(path, tensors, {"about": "text"})
    found, header = read_tensors(path, "holds nothing", REMEDY)
    assert all(torch.equal(found[key], value) for key, value in tensors.items())
    assert header["about"] == "text"


def test_every_flipped_byte_of_the_tensors_is_found(tmp_path):
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"x": torch.arange(6.0)})
    content = path.read_bytes()
    for place in range(len(content) - 24, len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(
            ValueError,
            match=r"x.safetensors is truncated or holds nothing \(expected the tensors .*Make it again",
        ):
            read_tensors(path, "holds nothing", REMEDY)
    for place in range(8):  # the size of the header
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(ValueError, match=r"x.safetensors is truncated or holds nothing"):
            read_tensors(path, "holds nothing", REMEDY)


def test_a_file_without_digest_is_read(tmp_path):
    save_file({"x": torch.zeros(2)}, tmp_path / "x.safetensors")
    assert read_tensors(tmp_path / "x.safetensors", "", REMEDY)[0]["x"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "expected a tensor 'x', got none"),
        (
            {"x": torch.zeros(2, 3, 1)},
            r"expected x as real numbers of shape \(any, 3\), got torch.float32 of shape \(2, 3, 1\)",
        ),
        ({"x": torch.zeros(2, 4)}, "expected x as real numbers"),
        ({"x": torch.zeros(2, 3).long()}, "expected x as real numbers .*got torch.int64"),
        ({"x": torch.zeros(2, 3, dtype=torch.complex64)}, "expected x as real numbers"),
        ({"x": torch.tensor([[0, torch.nan, 0]])}, "expected finite numbers in x"),
        ({"x": torch.tensor([[0, torch.inf, 0]])}, "expected finite numbers in x"),
    ],
)
def test_expect(tensors, message):
    with pytest.raises(ValueError, match=message):
        expect(tensors, {"x": ("real", (None, 3))})
    expect({"x": torch.zeros(5, 3)}, {"x": ("real", (None, 3))})


def test_texts():
    assert texts(["a", "b"], "names") == ("a", "b")
    for value in ("ab", [1], None, {"a": 1}):
        with pytest.raises(ValueError, match="expected names as a list of texts"):
            texts(value, "names")


# ---- tables
def unfolding(path, rows):
    """A small file of many rows: one value, a dictionary, run lengths."""
    part = pa.table({"x": pa.DictionaryArray.from_arrays(pa.array(np.zeros(10**6, np.int8)), ["a"])})
    with pq.ParquetWriter(path, part.schema) as writer:
        for _ in range(rows // 10**6):
            writer.write_table(part)


def test_a_table_that_unfolds_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "probes.parquet"
    unfolding(path, 60 * 10**6)
    assert path.stat().st_size < 10**6
    with pytest.raises(
        ValueError,
        match=r"probes\.parquet is truncated or no table.*expected at most 50,000,000 cells and.*got 60,000,000 and",
    ):
        read_frame(path, REMEDY)


def test_nested_columns_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(lk.storage.stored, "CELLS", 1000)
    pq.write_table(pa.table({"x": [[0] * 1001]}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"expected at most 1,000 cells and 2,147,483,648.*got 1,001 and"):
        read_frame(tmp_path / "x.parquet", REMEDY)


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-9], lambda _: b"", lambda _: b"PAR1" * 9, lambda c: c[:40] + b"\xff" * 30 + c[70:]]
)
def test_damaged_tables(tmp_path, damage):
    path = tmp_path / "x.parquet"
    pd.DataFrame({"x": np.arange(100.0)}).to_parquet(path, write_page_checksum=True)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"x.parquet is truncated or no table of this run \(.*\)\. Make it again\."):
        read_frame(path, REMEDY)


def test_a_missing_column(tmp_path):
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"expected a column 'y', got none\)"):
        read_frame(tmp_path / "x.parquet", REMEDY, {"x": "number", "y": "number"})
    for kind in ("text", "bool"):
        with pytest.raises(ValueError, match=f"expected the column 'x' as {kind}, got int64"):
            read_frame(tmp_path / "x.parquet", REMEDY, {"x": kind})


# ---- checkpoints
@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ([1], "expected a mapping, got list"),
        ({"epoch": 1}, "KeyError"),
        ({"state_dict": {}, "epoch": "x"}, "ValueError"),
        ({"state_dict": {}, "epoch": float("nan")}, "expected a finite number as epoch"),
        ({"state_dict": [], "epoch": 1}, "expected tensors by name"),
        ({"state_dict": {1: torch.zeros(1)}, "epoch": 1}, "expected tensors by name"),
        ({"state_dict": {"network.x": 3}, "epoch": 1}, "expected tensors by name"),
        ({"state_dict": {}, "epoch": 1, "lk": []}, "expected a finite number as epoch"),
        ({"state_dict": {}, "epoch": 1, "lk": {"epoch": None}}, "TypeError"),
        (
            {"state_dict": {"network.x": torch.zeros(1).expand(10**12)}, "epoch": 1},
            "expected as many numbers as the file holds, got more of network.x",
        ),
    ],
)
def test_checkpoints_that_are_none(tmp_path, stored, message):
    torch.save(stored, tmp_path / "x.ckpt")
    with pytest.raises(
        ValueError,
        match=rf"x.ckpt is truncated or no checkpoint \(.*{message}.*Delete it; other checkpoints are usable",
    ):
        load_checkpoint(tmp_path / "x.ckpt")


def test_a_checkpoint_that_unfolds_is_refused(tmp_path):
    torch.save({"state_dict": {"network.x": torch.zeros(10**6)}, "epoch": 1}, tmp_path / "whole.ckpt")
    with (
        zipfile.ZipFile(tmp_path / "whole.ckpt") as whole,
        zipfile.ZipFile(tmp_path / "x.ckpt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    with pytest.raises(ValueError, match=r"expected an archive without compression, as torch.*got a compressed one\)"):
        load_checkpoint(tmp_path / "x.ckpt")


def test_a_flipped_weight_is_found(tmp_path):
    path = tmp_path / "x.ckpt"
    torch.save({"state_dict": {"network.x": torch.ones(1000)}, "epoch": 1}, path)
    content = path.read_bytes()
    place = content.index(torch.ones(4).numpy().tobytes())
    path.write_bytes(content[: place + 2] + b"\x90" + content[place + 3 :])
    with pytest.raises(ValueError, match=r"as it was written, got other bytes|Bad CRC"):
        load_checkpoint(path)


# ---- digests
def test_digests_tell_apart():
    a = torch.arange(4.0)
    others = [{"a": a + 1e-7}, {"b": a}, {"a": a.double()}, {"a": a.reshape(2, 2)}, {"a": a, "b": a}, {}]
    assert len({digest_tensors({"a": a}), *map(digest_tensors, others)}) == 7
    assert digest_tensors({"a": a.bfloat16()}) == digest_tensors({"a": a})
    assert digest_tensors({"a": a[::2]}) == digest_tensors({"a": a[::2].clone()})
    assert digest_plain({"a": 1, "b": 2}) == digest_plain({"b": 2, "a": 1}) != digest_plain({"a": 1, "b": 3})


def test_files_named_in_a_description_take_part(tmp_path):
    path = tmp_path / "filling"
    path.write_text("0")
    description = {"class_path": "own.Score", "init_args": {"paths": [str(path)], "text": "no file", "odd": "\x00"}}
    before = digest_files(description)
    path.write_text("1")
    assert list(before) == [str(path)]
    assert digest_files(description) != before
