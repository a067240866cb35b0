"""Read a CSV, TSV or Parquet file into a frame."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from lk.data.reading import reading
from lk.storage.files import available_memory

ENDINGS = (".csv", ".tsv", ".parquet")
# A cell is held as float64 in the frame, in the matrix and in its standardised copy, and as float32 in the splits.
BYTES_PER_CELL = 40
UNNAMED = "Unnamed: "  # as pandas calls a column without a name
MANY_ROWS = 1_000_000


def read_table(
    path: Path, decimal: str = ".", missing: Sequence[str] = (), encoding: str = "utf-8", written: Sequence[str] = ()
) -> pd.DataFrame:
    """The whole table, every column of the file a column of the frame, rows numbered from 0.

    Args:
        path: The file; `.csv`, `.tsv` or `.parquet`. A `.csv` file whose header has semicolons and no comma is split at
            semicolons.
        decimal: The decimal mark of numbers in text files.
        missing: Texts that stand for a missing value, beside the empty cell and pandas' own list (`NA`, `null`, ...).
        encoding: Encoding of text files.
        written: Columns whose cells are text as it is written, whatever it looks like; in text files.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, of another format or encoding, too large, or has two columns of one name.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"expected a .csv, .tsv or .parquet file, got path={str(path)!r}, which is no file. Set "
            "data.init_args.path."
        )
    if path.suffix not in ENDINGS:
        raise ValueError(
            f"expected a file that ends in .csv, .tsv or .parquet, got path={str(path)!r}. Rename or convert it."
        )
    frame = (
        read_parquet(path, missing)
        if path.suffix == ".parquet"
        else read_text(path, decimal, missing, encoding, written)
    )
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ValueError(
            f"{path}: expected columns of different names, got {twice[0]!r} twice. Rename or delete one of them."
        )
    if not len(frame):
        raise ValueError(f"{path}: expected a row for each sample, got a table without rows. Write the file again.")
    return frame


def read_text(path: Path, decimal: str, missing: Sequence[str], encoding: str, written: Sequence[str]) -> pd.DataFrame:
    """A table of lines. The header is read by itself.

    Pandas renames the second column of a name, and makes an index of a column without one.
    """
    lines: Any = {"filepath_or_buffer": path, "sep": separator_of(path, encoding), "encoding": encoding}
    texts: Any = {**lines, "dtype": str, "keep_default_na": False}
    table = "a table with as many cells in each row as names in its header"
    with reading(path, table, "Correct the header or the row."), warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # more cells in a row than names
        header = pd.read_csv(**texts, header=None, nrows=1).iloc[0]
        frame: pd.DataFrame = pd.read_csv(
            **lines, decimal=decimal, na_values=list(missing), index_col=False, low_memory=False
        )
        names = [name.strip() or f"{UNNAMED}{place}" for place, name in enumerate(header)]
        if places := [place for place, name in enumerate(names) if name in written]:
            as_written = pd.read_csv(**texts, na_values=["", *missing], index_col=False, usecols=places)
            frame[list(as_written)] = as_written
        frame.columns = pd.Index(names)
    return frame


def separator_of(path: Path, encoding: str) -> str:
    """What stands between the cells of a text table.

    A tab in `.tsv`, else a comma, or a semicolon where the header has no comma.
    """
    if path.suffix == ".tsv":
        return "\t"
    with reading(path, "a table of text"), path.open(encoding=encoding, newline="") as lines:
        header = lines.readline()
    return ";" if ";" in header and "," not in header else ","


def read_parquet(path: Path, missing: Sequence[str]) -> pd.DataFrame:
    """A Parquet table, refused by its own metadata where it would unfold to more than fits.

    An index with a name is a column again.
    """
    with reading(path, "a Parquet file"):
        metadata = pq.ParquetFile(path).metadata
    check_size(path, metadata.num_rows, metadata.num_columns)
    with reading(path, "a Parquet file"):
        frame = pd.read_parquet(path)
        frame = frame.reset_index(drop=all(name is None for name in frame.index.names))
        frame.columns = frame.columns.map(str)
        for name in frame if missing and frame.columns.is_unique else ():
            words = pd.Series(missing, dtype=object)
            found = (
                pd.to_numeric(words, errors="coerce").dropna() if pd.api.types.is_numeric_dtype(frame[name]) else words
            )
            frame[name] = frame[name].mask(frame[name].isin(list(found)))
        return frame


def check_size(path: Path, rows: int, columns: int) -> None:
    """Refuse a Parquet file that unfolds to more than the memory holds, or to rows that no training set has.

    A run of equal values takes a few bytes however long it is: 3 MB can hold 200 million rows.

    Raises:
        ValueError: Names the file, and what it would take.
    """
    needed, available = rows * columns * BYTES_PER_CELL, available_memory()
    if needed > available:
        raise ValueError(
            f"{path}: expected a table that fits the memory, got {rows:,} rows of {columns} columns, which need about "
            f"{needed / 2**30:,.1f} GiB of {available / 2**30:,.1f} GiB that are free. Use fewer rows."
        )
    size = path.stat().st_size
    if rows > MANY_ROWS and rows > 8 * size:
        raise ValueError(
            f"{path}: expected at least one bit for each row, got {rows:,} rows in {size:,} bytes, so that nearly all "
            "rows are equal. Delete the repeated rows."
        )
