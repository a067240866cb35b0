"""Tables: scikit-learn's breast cancer (bundled), any CSV or Parquet file with a label column."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from lk.data.data import Data, Labelled, Tensors
from lk.layers import nearest


class Table(Data):
    """A CSV or Parquet file: one row per sample, one column with the label, the others are inputs.

    Numbers are standardised with the training split's mean and deviation; text columns become ordered codes first.
    A seeded stratified fifth of the rows is the test split.

    Args:
        path: The file; `.csv`, `.tsv` or `.parquet`.
        label: Name of the label column.
        batch_size: Training batch per device.
        samples_per_class: Number of samples to explain of each class.
        seed: Order of the batches and choice of the samples. The split itself is always the same.
        num_workers: Processes that load batches.

    Raises:
        FileNotFoundError: The file is missing.
        ValueError: The label column is missing, a value is missing, or a class has a single row.
    """

    def __init__(
        self, path: str, label: str = "label", batch_size: int = 128, samples_per_class: int = 10, seed: int = 0, num_workers: int = 0
    ) -> None:
        super().__init__(batch_size, samples_per_class, seed, num_workers)
        self.path, self.label = path, label
        self.columns: list[str] = []
        self.classes: list[str] = []

    @property
    def name(self) -> str:  # type: ignore[override]
        """The file's name without its ending."""
        return Path(self.path).stem.lower()

    def frame(self) -> pd.DataFrame:
        """The whole table."""
        path = Path(self.path)
        if not path.is_file():
            raise FileNotFoundError(f"No file {self.path!r}: set data.init_args.path to a .csv, .tsv or .parquet file.")
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.suffix not in (".csv", ".tsv"):
            raise ValueError(f"Given {self.path!r}; expected a file that ends in .csv, .tsv or .parquet.")
        return pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")

    def load(self) -> tuple[Labelled, Labelled]:
        """Both splits, in memory, standardised."""
        frame = self.frame()
        if self.label not in frame:
            known = [str(column) for column in frame.columns]
            raise ValueError(f"{self.path} has no column {self.label!r}. {nearest(self.label, known)} Set data.init_args.label.")
        missing = frame.columns[frame.isna().any()]
        if len(missing):
            raise ValueError(f"{self.path} has missing values in: {', '.join(map(str, missing))}. Fill or drop them first.")
        labels = frame.pop(self.label).astype("category")
        if labels.value_counts().min() < 2:
            raise ValueError(f"Class {labels.value_counts().idxmin()!r} of {self.path} has a single row; a stratified split needs two.")
        if math.ceil(len(labels) / 5) < labels.nunique():
            raise ValueError(
                f"{self.path} has {len(labels)} rows of {labels.nunique()} classes; expected at least {5 * labels.nunique() - 4}, "
                "so that a fifth of them, the test split, holds every class."
            )
        self.classes = [str(name) for name in labels.cat.categories]
        self.columns = [str(column) for column in frame.columns]
        coded = frame.apply(lambda column: column if pd.api.types.is_numeric_dtype(column) else column.astype("category").cat.codes)
        endless = coded.columns[~np.isfinite(coded.to_numpy(dtype="float64")).all(0)]
        if len(endless):
            raise ValueError(f"{self.path} has infinite values in: {', '.join(map(str, endless))}. Replace or drop them first.")
        if not self.columns:
            raise ValueError(f"{self.path} has no column beside the label {self.label!r}; expected at least one input.")
        x, y = torch.tensor(coded.to_numpy(dtype="float64")), torch.tensor(labels.cat.codes.to_numpy(dtype="int64"))
        train, test = train_test_split(range(len(y)), test_size=0.2, random_state=0, stratify=y)
        mean, deviation = x[train].mean(0), x[train].std(0)
        x = ((x - mean) / torch.where(deviation > 0, deviation, 1.0)).float()
        return Tensors(x[train], y[train]), Tensors(x[test], y[test])

    @property
    def class_names(self) -> Sequence[str]:
        """The values of the label column, sorted."""
        self.splits  # noqa: B018  (loading fills the names)
        return self.classes

    @property
    def column_names(self) -> Sequence[str]:
        """The input columns."""
        self.splits  # noqa: B018
        return self.columns


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

    def frame(self) -> pd.DataFrame:
        """The bundled table with class names as labels."""
        bunch = load_breast_cancer(as_frame=True)
        frame: pd.DataFrame = bunch.data.copy()
        frame["label"] = [bunch.target_names[target] for target in bunch.target]
        return frame
