"""Files of a run, read as data from somebody.

Every error is a ValueError that names the file and the remedy, sizes are checked before reading.
"""

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from lk.storage.digest import digest_content, digest_tensors
from lk.storage.files import writing
from lk.storage.strict_json import damaged

CELLS = 50_000_000  # rows times columns: ten thousand games at a hundred checkpoints need a tenth
BYTES = 2**31  # of one table, unfolded


def read_tensors(path: Path, what: str, remedy: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and header of a safetensors file; their sizes are bounded by that of the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged; names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No file {path}. {remedy}")
    try:
        with safe_open(path, "pt") as file:
            tensors, header = {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118  (no mapping)
        if header.get("digest", "") not in ("", digest_tensors(tensors)):
            raise ValueError("expected the tensors that were written, got others")
        return tensors, header
    except Exception as error:  # safetensors and torch raise many types for a damaged file
        raise damaged(path, what, error, remedy) from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file (to a temporary name first), with a digest of its tensors in the header.

    A flipped bit is found on reading.
    """
    whole = {key: tensor.contiguous().cpu() for key, tensor in tensors.items()}
    with writing(path) as temporary:
        save_file(whole, temporary, {**(header or {}), "digest": digest_tensors(whole)})


def read_header(path: Path, what: str, remedy: str) -> dict[str, str]:
    """Header of a safetensors file.

    Raises:
        ValueError: It is missing or damaged; names the file.
    """
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except Exception as error:
        raise damaged(path, what, error, remedy) from error


def read_arrays(path: Path, what: str, remedy: str) -> dict[str, NDArray[Any]]:
    """Tensors of a safetensors file as arrays."""
    try:
        return {key: tensor.numpy() for key, tensor in read_tensors(path, what, remedy)[0].items()}
    except TypeError as error:  # types that NumPy has not
        raise damaged(path, what, error, remedy) from error


def expect(tensors: Mapping[str, Tensor], kinds: Mapping[str, tuple[str, tuple[int | None, ...]]]) -> None:
    """Check names, kinds and shapes of tensors.

    Args:
        tensors: What a file holds.
        kinds: Name to kind (`real`, `whole`, `bool`) and shape, None for any size; `real` numbers must be finite.

    Raises:
        ValueError: Something is missing or of another kind; says what.

    Example:
        >>> expect({"x": torch.zeros(2, 3)}, {"x": ("real", (None, 4))})
        Traceback (most recent call last):
        ValueError: expected x as real numbers of shape (any, 4), got torch.float32 of shape (2, 3)
    """
    for name, (kind, shape) in kinds.items():
        if name not in tensors:
            raise ValueError(f"expected a tensor {name!r}, got {', '.join(sorted(tensors)) or 'none'}")
        found = tensors[name]
        right = {"real": found.is_floating_point(), "bool": found.dtype == torch.bool}.get(
            kind, not found.is_floating_point() and not found.is_complex() and found.dtype != torch.bool
        )
        if (
            not right
            or found.ndim != len(shape)
            or any(size not in (None, own) for size, own in zip(shape, found.shape, strict=True))
        ):
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            words = {"real": "real numbers", "whole": "whole numbers", "bool": "true or false"}[kind]
            raise ValueError(
                f"expected {name} as {words} of shape ({wanted}), got {found.dtype} of shape {tuple(found.shape)}"
            )
        if kind == "real" and not bool(torch.isfinite(found).all()):
            raise ValueError(f"expected finite numbers in {name}, got NaN or infinity")


def texts(value: object, name: str) -> tuple[str, ...]:
    """A list of texts.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"expected {name} as a list of texts, got {type(value).__name__}")
    return tuple(value)


def read_frame(path: Path, remedy: str, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """A Parquet table, its unfolded size checked in its metadata first.

    Args:
        path: The file.
        remedy: What to do where it cannot be read.
        columns: Columns that it must have, each with its kind: `number`, `text` or `bool`.

    Raises:
        ValueError: It is damaged, too large, or lacks a column or holds another kind in it; names the file.
    """
    try:
        about = pq.read_metadata(path)
        groups = [about.row_group(i) for i in range(about.num_row_groups)]
        # A few bytes of a run length stand for any number of rows: what is counted are cells, those of nested columns
        # included.
        cells = max(
            about.num_rows * about.num_columns,
            sum(g.column(j).num_values for g in groups for j in range(g.num_columns)),
        )
        unfolded = sum(g.column(j).total_uncompressed_size for g in groups for j in range(g.num_columns))
        if cells > CELLS or unfolded > BYTES:
            raise ValueError(
                f"expected at most {CELLS:,} cells and {BYTES:,} bytes, got {cells:,} and {unfolded:,} when unfolded"
            )
        frame = pd.read_parquet(path, page_checksum_verification=True)
        for column, kind in (columns or {}).items():
            if column not in frame:
                raise ValueError(f"expected a column {column!r}, got none")
            if len(frame) and not is_kind(frame[column], kind):
                raise ValueError(f"expected the column {column!r} as {kind}, got {frame[column].dtype}")
    except Exception as error:  # Arrow and pandas raise many types for a damaged file
        raise damaged(path, "no table of this run", error, remedy) from error
    return frame


def is_kind(column: pd.Series, kind: str) -> bool:
    """Whether a column holds numbers, texts or truth values throughout; numbers may be missing."""
    if kind == "text":
        return bool(column.map(lambda value: isinstance(value, str)).all())
    if kind == "bool":
        return bool(pd.api.types.is_bool_dtype(column))
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds: plain data and tensors, as `torch.load(weights_only=True)` gives them.

    Raises:
        ValueError: It is damaged, compressed, or would run code; names the file.
    """
    remedy = "Delete it; other checkpoints are usable."
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                # torch stores and never compresses: what is compressed may unfold to any size.
                if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                    raise ValueError(
                        "expected an archive without compression, as torch writes it, got a compressed one"
                    )
                if bad := archive.testzip():
                    raise ValueError(f"expected {bad} as it was written, got other bytes")
        stored = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(stored, dict):
            raise TypeError(f"expected a mapping, got {type(stored).__name__}")
        weights, epoch = stored["state_dict"], stored["epoch"]
        if not isinstance(weights, dict) or not all(isinstance(key, str) for key in weights):
            raise TypeError("expected tensors by name as state_dict, got something else")
        if not all(isinstance(value, Tensor) for key, value in weights.items() if key.startswith("network.")):
            raise TypeError("expected tensors by name as state_dict, got something else")
        for key, value in weights.items():
            # A view may show one number as any number of them.
            if isinstance(value, Tensor) and value.numel() * value.element_size() > value.untyped_storage().nbytes():
                raise TypeError(f"expected as many numbers as the file holds, got more of {key}")
        own = stored.get("lk", {})
        if (
            not isinstance(own, dict)
            or not math.isfinite(float(epoch))
            or not math.isfinite(float(own.get("epoch", 0.0)))
        ):
            raise TypeError(f"expected a finite number as epoch, got {str(epoch)[:60]}")
    except Exception as error:  # torch raises many types for a damaged file
        raise ValueError(
            f"{path} is truncated or no checkpoint ({type(error).__name__}: {str(error)[:300].rstrip('.')}). {remedy}"
        ) from error
    return stored


def signed(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint with a digest of all that it holds."""
    own = {key: value for key, value in checkpoint.get("lk", {}).items() if key != "digest"}
    return {**checkpoint, "lk": {**own, "digest": digest_content({**checkpoint, "lk": own})}}


def whole_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, as it was written: a resumed training would go on from anything else without a word.

    Raises:
        ValueError: It is damaged, or its content is not that of its digest; one of an earlier version has no digest.
    """
    stored = load_checkpoint(path)
    if (digest := stored.get("lk", {}).get("digest")) is not None and digest != signed(stored)["lk"]["digest"]:
        raise ValueError(
            f"expected {path} as it was written, got something else. Delete it; other checkpoints are usable."
        )
    return stored


def network_weights(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """The network's own weights in a checkpoint, by their names in the network."""
    return {
        key.removeprefix("network."): value
        for key, value in checkpoint["state_dict"].items()
        if key.startswith("network.")
    }


def plain_number(value: object) -> bool:
    """Whether a value is a finite number, and not true or false."""
    whole = (
        isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    )  # a longer one is no float
    return whole or (isinstance(value, float) and math.isfinite(value))
