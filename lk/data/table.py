"""Tables: scikit-learn's breast cancer (bundled), any CSV or Parquet file with a label column."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lk.data.data import Data, Labelled, Tensors
from lk.data.reading import check_encoding, summary
from lk.text import nearest, short

if TYPE_CHECKING:
    import pandas as pd

    from lk.data.columns import Column

Kind = Literal["number", "category", "drop"]
KINDS: tuple[str, ...] = get_args(Kind)


class Table(Data):
    """A CSV, TSV or Parquet file: one row per sample, one column with the label, the others are inputs.

    Numbers are read by value, dates and durations in days, other text as ordered codes; all are standardised with the
    training split's mean and deviation. `schema()` shows how each column was read. What would be read by a guess is
    refused with the setting that decides it: text that is numbers for the most part, row numbers, columns without a
    name. A seeded stratified fifth of the rows is the test split.

    Args:
        path: The file; `.csv`, `.tsv` or `.parquet`.
        label: Name of the label column.
        batch_size: Training batch per device.
        samples_per_class: Number of samples to explain of each class.
        seed: Order of the batches and choice of the samples. The split itself is always the same.
        num_workers: Processes that load batches.
        columns: How to read columns, by name, where it is not plain: `number`, `category` (codes in alphabetical order)
            or `drop`. Categories are taken as they are written: `NA` and `None` are names in them, and 007 is not 7.
        decimal: The decimal mark of numbers that are text, as in CSV files.
        missing: Texts that stand for a missing value, beside empty cells. Where the list is given, an empty one too,
            rows that miss a value are left out and counted; by default they are refused.
        encoding: Encoding of a CSV or TSV file.

    Raises:
        FileNotFoundError: The file is missing.
        ValueError: The file cannot be read, a column or value of it cannot be read without a guess, or a class has too
            few rows.
    """

    def __init__(
        self,
        path: str,
        label: str = "label",
        batch_size: int = 128,
        samples_per_class: int = 10,
        seed: int = 0,
        num_workers: int = 0,
        columns: dict[str, Kind] | None = None,
        decimal: Literal[".", ","] = ".",
        missing: list[str] | None = None,
        encoding: str = "utf-8",
    ) -> None:
        super().__init__(batch_size, samples_per_class, seed, num_workers)
        unknown = [kind for kind in (columns or {}).values() if kind not in KINDS]
        if unknown:
            raise ValueError(f"expected kinds of columns, got columns={columns}. {nearest(str(unknown[0]), KINDS)}")
        if decimal not in (".", ","):
            raise ValueError(
                f"expected decimal in ['.', ','], got decimal={decimal!r}. Use the decimal mark of the file."
            )
        self.path, self.label, self.columns, self.decimal, self.missing = path, label, columns, decimal, missing
        self.encoding = check_encoding(encoding)
        self.read: list[dict[str, object]] = []
        self.classes: list[str] = []
        self.remarks: list[str] = []

    @property
    def name(self) -> str:  # type: ignore[override]
        """The file's name without its ending."""
        return Path(self.path).stem.lower()

    def frame(self) -> "pd.DataFrame":
        """The whole table, missing values as NaN."""
        from lk.data.table_file import read_table

        written = [name for name, kind in (self.columns or {}).items() if kind == "category"]
        return read_table(Path(self.path), self.decimal, self.missing or (), self.encoding, written)

    def load(self) -> tuple[Labelled, Labelled]:
        """Both splits, in memory, standardised."""
        from sklearn.model_selection import train_test_split

        frame = self.frame()
        self.check_columns([str(column) for column in frame.columns])
        frame = frame.drop(columns=[name for name, kind in (self.columns or {}).items() if kind == "drop"])
        missing = frame.isna().sum()
        frame = self.complete(frame, missing)
        labels = self.read_labels(frame.pop(self.label))
        if not frame.shape[1]:
            raise ValueError(
                f"{self.path}: expected at least one input column, got the label {self.label!r} alone. Add columns."
            )
        inputs = {str(name): self.read_input(frame[name]) for name in frame}
        self.read = [
            *(
                row_of(name, column.kind, frame[name], int(missing[name]), column.how)
                for name, column in inputs.items()
            ),
            row_of(self.label, "label", labels, int(missing[self.label]), in_words(labels)),
        ]
        x, y = (
            torch.from_numpy(np.column_stack([c.values for c in inputs.values()])),
            torch.tensor(labels.cat.codes.to_numpy("int64")),
        )
        self.check_values(x, list(inputs), frame.index.to_numpy())
        train, test = train_test_split(range(len(y)), test_size=0.2, random_state=0, stratify=y)
        self.check_splits(y[train], y[test])
        mean, deviation = x[train].mean(0), x[train].std(0)
        x = ((x - mean) / torch.where(deviation > 0, deviation, 1.0)).float()
        return Tensors(x[train], y[train]), Tensors(x[test], y[test])

    # ---- reading
    def check_columns(self, known: Sequence[str]) -> None:
        """The label and all columns with a setting are there, every column has a name or a setting."""
        from lk.data.table_file import UNNAMED

        if self.label not in known:
            raise ValueError(
                f"{self.path}: expected the label's column, got label={self.label!r}. {nearest(self.label, known)} Set "
                "data.init_args.label."
            )
        for name in self.columns or {}:
            if name not in known or name == self.label:
                raise ValueError(
                    f"{self.path}: expected input columns in data.init_args.columns, got {name!r}. "
                    f"{nearest(name, known)}"
                )
        for name in known:
            if name.startswith(UNNAMED) and name not in (self.columns or {}):
                raise ValueError(
                    f"{self.path}: expected a name for each column, got none for column {known.index(name) + 1}: the "
                    f"index of a frame? Set data.init_args.columns to {{'{name}': drop}}, or to number or category to "
                    "keep it."
                )

    def complete(self, frame: "pd.DataFrame", missing: "pd.Series") -> "pd.DataFrame":
        """The rows that miss no value; refused where that would drop rows and `missing` is not set."""
        lacking = missing[missing > 0]
        if len(lacking) and self.missing is None:
            first = int(np.flatnonzero(frame[lacking.index[0]].isna())[0]) + 1
            raise ValueError(
                f"{self.path}: expected no missing values, got some in: "
                f"{', '.join(f'{name} ({count})' for name, count in lacking.items())}, first in row {first}. Fill or "
                "drop them first, or set data.init_args.missing to [] to leave out rows with them. In a text file NA, "
                f"None and null are missing too: set data.init_args.columns to {{'{lacking.index[0]}': category}} if "
                "they are names."
            )
        kept = frame.dropna()
        if len(kept) < len(frame):
            self.remarks.append(f"{len(frame) - len(kept):,} of {len(frame):,} rows miss a value and are left out.")
        if kept.empty:
            raise ValueError(
                f"{self.path}: expected rows without missing values, got none. Drop columns that are empty."
            )
        return kept

    def read_labels(self, cells: "pd.Series") -> "pd.Series":
        """The label column as categories that have rows.

        Refused where classes are too many or too small to be split.
        """
        from lk.data.columns import check_names

        try:
            labels = cells.astype("category").cat.remove_unused_categories()
            check_names([str(name) for name in labels.cat.categories])
        except Exception as error:
            raise ValueError(f"{self.path}, label {self.label!r}: {reason(error)}") from error
        count, rows = labels.nunique(), labels.value_counts()
        if 2 * count > len(labels) and len(labels) > 20:
            raise ValueError(
                f"{self.path}, label {self.label!r}: expected classes, got {count:,} different values in "
                f"{len(labels):,} rows. Divide a quantity into ranges first, or set data.init_args.label to another "
                "column."
            )
        if rows.min() < 2:
            raise ValueError(
                f"{self.path}: expected two rows of each class, as the split is stratified, got one of "
                f"{str(rows.idxmin())!r}. Add rows, or leave the class out."
            )
        if math.ceil(len(labels) / 5) < count:
            raise ValueError(
                f"{self.path}: expected at least {5 * count - 4} rows of {count} classes, so that a fifth of them, the "
                f"test split, holds every class, got {len(labels)}. Add rows, or leave classes out."
            )
        self.classes = [str(name) for name in labels.cat.categories]
        return labels

    def read_input(self, cells: "pd.Series") -> "Column":
        """An input column as numbers; refused where it cannot be read without a guess."""
        from lk.data.columns import is_row_number, read_column

        name, kind = str(cells.name), (self.columns or {}).get(str(cells.name))
        try:
            column = read_column(cells, kind, self.decimal)
        except Exception as error:
            raise ValueError(f"{self.path}, column {short(name, 60)!r}: {reason(error)}") from error
        if kind is None and column.kind == "number" and is_row_number(column.values):
            raise ValueError(
                f"{self.path}, column {short(name, 60)!r}: expected a quantity, got whole numbers that are all "
                f"different and count or order the rows. Set data.init_args.columns to {{'{name}': drop}}, or to "
                f"{{'{name}': number}} to keep it."
            )
        return column

    # ---- checks of what was read
    def check_values(self, x: Tensor, names: Sequence[str], rows: NDArray[np.int_]) -> None:
        """Refuse infinite values, and a value so far from the others that standardising makes them equal."""
        for values, name in zip(x.T.numpy(), names, strict=True):
            endless = np.flatnonzero(~np.isfinite(values))
            if len(endless):
                raise ValueError(
                    f"{self.path}: expected finite values, got infinite ones in: {name}, first in row "
                    f"{rows[endless[0]] + 1}. Replace or drop them first."
                )
            if erased(values):
                far = int(np.abs(values - np.median(values)).argmax())
                raise ValueError(
                    f"{self.path}, column {short(name, 60)!r}: expected values of one scale, got {values[far]:g} in "
                    f"row {rows[far] + 1}, beside which the others are equal once standardised. Correct it, or set "
                    f"data.init_args.missing to ['{values[far]:g}'] if it stands for a missing value."
                )

    def check_splits(self, train: Tensor, test: Tensor) -> None:
        """Every class is in both splits: a fifth of few rows can be none."""
        for split, labels in (("training", train), ("test", test)):
            rows = torch.bincount(labels, minlength=len(self.classes)).tolist()
            absent = [name for name, count in zip(self.classes, rows, strict=True) if not count]
            if absent:
                raise ValueError(
                    f"{self.path}: expected rows of every class in the {split} split, got none of: "
                    f"{', '.join(absent)}. Add rows of these classes (five or more of each), or leave them out."
                )

    # ---- what is known of it
    def schema(self) -> "pd.DataFrame":
        """How each column is read: column, kind, distinct, missing, example, read as; the label last."""
        import pandas as pd

        self.splits  # noqa: B018  (loading fills the rows)
        return pd.DataFrame(self.read)

    def notes(self) -> list[str]:
        """Rows and columns that are left out."""
        self.splits  # noqa: B018
        dropped = [name for name, kind in (self.columns or {}).items() if kind == "drop"]
        return [*self.remarks, *([f"Columns left out: {', '.join(dropped)}."] if dropped else [])]

    @property
    def class_names(self) -> Sequence[str]:
        """The values of the label column, sorted."""
        self.splits  # noqa: B018
        return self.classes

    @property
    def column_names(self) -> Sequence[str]:
        """The input columns."""
        self.splits  # noqa: B018
        return [str(row["column"]) for row in self.read[:-1]]


def row_of(name: str, kind: str, cells: "pd.Series", missing: int, how: str) -> dict[str, object]:
    """A row of the schema."""
    distinct = int(cells.nunique())
    return {
        "column": name,
        "kind": kind,
        "distinct": distinct,
        "missing": missing,
        "example": str(cells.iloc[0]),
        "read as": "constant" if distinct == 1 and kind != "label" else how,
    }


def in_words(labels: "pd.Series", most: int = 20) -> str:
    """Classes with their numbers of rows, in their order."""
    rows = labels.value_counts(sort=False)
    listed = ", ".join(f"{name} ({count:,} rows)" for name, count in list(rows.items())[:most])
    return listed + (f", and {len(rows) - most} more" if len(rows) > most else "")


def reason(error: Exception) -> str:
    """Why a column cannot be read, whoever says so."""
    from lk.data.columns import ColumnError

    return (
        str(error)
        if isinstance(error, ColumnError)
        else f"expected numbers or text, got {summary(error)}. Drop or rewrite the column."
    )


def erased(values: NDArray[np.float64]) -> bool:
    """Whether standardising a column makes values equal that float32 could tell apart.

    One of them is too far from the others.

    Example:
        >>> erased(np.array([1.0, 2.0, 3.0, 4.0, 1e15])), erased(np.array([1.0, 2.0, 3.0, 4.0, 1e3]))
        (True, False)
    """
    import pandas as pd

    with np.errstate(over="ignore", invalid="ignore"):
        deviation = values.std()
        standard = ((values - values.mean()) / (deviation if deviation > 0 else 1.0)).astype(np.float32)
        before = len(pd.unique(values.astype(np.float32)))
    # A tenth: values close to zero are spaced more finely than any standardised column keeps.
    return not np.isfinite(standard).all() or len(pd.unique(standard)) < 0.9 * before


class BreastCancer(Table):
    """scikit-learn's breast cancer table: 569 rows, 30 columns (ten measures: mean, error, worst), two classes.

    Args:
        batch_size: Training batch per device.
        samples_per_class: Number of samples to explain of each class.
        seed: Order of the batches and choice of the samples.
        num_workers: Processes that load batches.
    """

    def __init__(self, batch_size: int = 64, samples_per_class: int = 10, seed: int = 0, num_workers: int = 0) -> None:
        super().__init__("breast_cancer", "label", batch_size, samples_per_class, seed, num_workers)

    def frame(self) -> "pd.DataFrame":
        """The bundled table with class names as labels."""
        from sklearn.datasets import load_breast_cancer

        bunch = load_breast_cancer(as_frame=True)
        frame: pd.DataFrame = bunch.data.copy()
        frame["label"] = [bunch.target_names[target] for target in bunch.target]
        return frame
