"""The census table (UCI Adult): does a person earn more than 50 000 dollars a year."""

from pathlib import Path
from typing import TYPE_CHECKING

from lk.data.reading import reading
from lk.data.table import Table
from lk.text import short

if TYPE_CHECKING:
    import pandas as pd

# As in UCI's own files, which have no header; OpenML uses the same names.
COLUMNS = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "class",
)
LEFT_OUT = ("fnlwgt", "education")
QUANTITIES = ("age", "education-num", "capital-gain", "capital-loss", "hours-per-week")
INCOMES = ("<=50K", ">50K")


def census_rows(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The rows and columns that are used, of the whole table in OpenML's or UCI's form.

    Args:
        frame: Columns named as in `COLUMNS`, in any order; missing values are NaN or `?`.

    Returns:
        Twelve inputs and `class`, which is `<=50K` or `>50K`, without the rows that miss a value, renumbered.

    Raises:
        ValueError: A column is missing, or the class is neither.
    """
    import pandas as pd

    absent = [column for column in COLUMNS if column not in frame]
    if absent:
        raise ValueError(
            f"expected the columns of OpenML's adult, version 2, got none of: {', '.join(absent)}. Add them, with a "
            "header line."
        )
    frame = frame[[column for column in COLUMNS if column not in LEFT_OUT]].copy()
    for column in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            # Plain text: OpenML's categories would keep those that no row has any more. UCI's test labels end in a full
            # stop.
            text = frame[column].astype("object").str.strip()
            frame[column] = (text.str.removesuffix(".") if column == "class" else text).mask(text == "?")
    strange = sorted(set(frame["class"].dropna().astype(str)) - set(INCOMES))
    if strange:
        raise ValueError(
            f"expected classes {' or '.join(INCOMES)}, got class={short(strange[0], 40)!r}. Correct the column."
        )
    return frame.dropna().reset_index(drop=True)


class Census(Table):
    """UCI Adult: 48 842 persons of the US census of 1994, two classes of income.

    Fetched from OpenML once, then read from `data_dir`.

    The 3 620 rows that miss a value (occupation, workclass or country) are dropped; 45 222 remain. Twelve columns are
    inputs, as many as in the code behind Cheng et al. 2024, which does not name them: left out are `fnlwgt`, a weight
    of the survey, and `education`, which `education-num` says again with an order. Text columns become codes in
    alphabetical order.

    Args:
        data_dir: Folder where scikit-learn keeps what it fetches.
        path: A file that is already there instead: `.csv`, `.tsv` or `.parquet` with OpenML's column names, or UCI's
            `adult.data`.
        batch_size: Training batch per device.
        samples_per_class: Number of samples to explain of each class.
        seed: Order of the batches and choice of the samples. The split itself is always the same.
        num_workers: Processes that load batches.

    Raises:
        FileNotFoundError: The file is missing, or the table is not in `data_dir` and cannot be fetched.
        ValueError: A column is missing.
    """

    def __init__(
        self,
        data_dir: str = "data",
        path: str | None = None,
        batch_size: int = 128,
        samples_per_class: int = 10,
        seed: int = 0,
        num_workers: int = 0,
    ) -> None:
        # The columns are known: a quantity is one even where a small file has each value once.
        kinds = dict.fromkeys(QUANTITIES, "number")
        super().__init__(path or "census", "class", batch_size, samples_per_class, seed, num_workers, kinds)  # type: ignore[arg-type]
        self.data_dir, self.fetched = data_dir, path is None

    @property
    def name(self) -> str:  # type: ignore[override]
        """Always the same, whatever the file is called."""
        return "census"

    def frame(self) -> "pd.DataFrame":
        """The rows and columns that are used."""
        if not self.fetched:
            return self.used(self.stored())
        from sklearn.datasets import fetch_openml

        try:
            bunch = fetch_openml(
                "adult", version=2, as_frame=True, parser="pandas", data_home=self.data_dir, n_retries=0
            )
        except (OSError, ValueError) as error:  # no network; a refusal or a damaged answer of OpenML
            raise FileNotFoundError(
                f"expected the census table in {self.data_dir!r} or from OpenML, got {error}. Start once with a "
                "network, or set data.init_args.path to a downloaded CSV file or UCI's adult.data."
            ) from error
        return self.used(bunch.frame)

    def stored(self) -> "pd.DataFrame":
        """The whole table of a file."""
        import pandas as pd

        path = Path(self.path)
        if path.suffix not in (".data", ".test") or not path.is_file():
            return super().frame()
        with reading(path, "UCI's census table"):  # the first line of adult.test is a remark
            return pd.read_csv(
                path, names=list(COLUMNS), index_col=False, skipinitialspace=True, comment="|", low_memory=False
            )

    def used(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """The rows and columns that are used; those that are not are counted."""
        try:
            rows = census_rows(frame)
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from error
        self.remarks = (
            [f"{len(frame) - len(rows):,} of {len(frame):,} rows miss a value and are left out."]
            if len(rows) < len(frame)
            else []
        )
        return rows
