"""How a column of a table becomes numbers: by value, or by codes of its categories.

What reads in neither way is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lk.text import short

DAY = pd.Timedelta(days=1)
EXACT = 2**53  # whole numbers up to here are float64 numbers
# Digits, signs and separators without letters: 1,5 or 12:30 or 2024-01-31 or (3) or 1.5e-3.
FIGURES = re.compile(r"[\W_]*\d[\d\W_]*(?:[eE][-+]?\d+)?[\W_]*")
LEADING = re.compile(r"[\W_]*(\d+(?:\.\d+)?)")
LONGEST = 64  # characters of a text that may be a number
SHOWN = 3  # categories and cells named in a message


@dataclass(frozen=True)
class Column:
    """A column as numbers.

    Attributes:
        values: One float64 for each row.
        kind: `number` or `category`.
        how: What the numbers are, in words.
    """

    values: NDArray[np.float64]
    kind: str
    how: str


class ColumnError(ValueError):
    """A column reads in no way; the message begins with "expected", ends with the remedy, and names no file."""


def read_column(cells: pd.Series, kind: str | None = None, decimal: str = ".") -> Column:
    """A column without missing values as numbers.

    Numbers and truth values are read by value, also where all cells of a text column are numbers; dates and durations
    in days. Other text and categories become codes from 0, in alphabetical order or the file's own. Text that is
    numbers for the most part is refused: as ranks of the alphabet it would lose its values.

    Args:
        cells: The cells; their index numbers the rows from 0.
        kind: What the user says it is, `number` or `category`; by default what the cells are.
        decimal: The decimal mark of numbers in text.

    Raises:
        ColumnError: The cells read in neither way.

    Example:
        >>> read_column(pd.Series(["1,5", "2,25", "7"]), decimal=",").values.tolist()
        [1.5, 2.25, 7.0]
        >>> read_column(pd.Series(["red", "blue", "red", "red"])).how
        'blue 0, red 1'
    """
    values, what = (None, "") if kind == "category" else by_value(cells)
    if values is not None:
        return Column(values, "number", what)
    categories = categories_of(cells)
    codes = pd.Categorical(cells, categories).codes
    text = pd.Series([str(name) for name in categories], dtype=object)
    numbers = numbers_of(text, decimal)
    if kind != "category" and numbers.notna().all():
        return Column(numbers.to_numpy(np.float64)[codes], "number", "by value")
    if kind == "number":
        wrong = np.flatnonzero(numbers.isna().to_numpy()[codes])[0]
        raise ColumnError(
            f"expected numbers with the decimal mark {decimal!r}, got {short(str(cells.iloc[wrong]), 20)!r} "
            f"{row(cells, wrong)}. Write a plain number, or set data.init_args.missing or data.init_args.decimal."
        )
    check_names(list(text))
    if kind is None:
        check_categories(cells, codes, text, decimal)
    listed = ", ".join(f"{short(name, 12)} {code}" for code, name in enumerate(text[:SHOWN]))
    return Column(codes.astype(np.float64), "category", f"{listed}{', ...' * (len(text) > SHOWN)}")


def by_value(cells: pd.Series) -> tuple[NDArray[np.float64] | None, str]:
    """The values of numbers, dates and durations, none of text; and what they are in words."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        numeric = pd.api.types.is_numeric_dtype(cells.cat.categories)
        return by_value(cells.astype(cells.cat.categories.dtype)) if numeric else (None, "")
    kind = pd.api.types.infer_dtype(cells)
    if kind in ("date", "datetime", "datetime64"):
        times = pd.to_datetime(cells, utc=True)
        return np.asarray((times - pd.Timestamp(0, tz="UTC")) / DAY, np.float64), "days since 1970"
    if kind in ("timedelta", "timedelta64"):
        return np.asarray(pd.to_timedelta(cells) / DAY, np.float64), "days"
    if kind == "boolean":
        return cells.to_numpy(np.float64), "true 1, false 0"
    if kind == "decimal" or pd.api.types.is_numeric_dtype(cells):
        if kind.startswith("complex"):
            raise ColumnError("expected real numbers, got complex ones. Use two columns.")
        if kind == "integer" and not cells.between(-EXACT, EXACT).all():
            far = np.flatnonzero(~cells.between(-EXACT, EXACT))[0]
            raise ColumnError(
                f"expected whole numbers up to 2^53, got {cells.iloc[far]} {row(cells, far)}. Names of rows? Drop the "
                "column."
            )
        return cells.to_numpy(np.float64), "by value"
    if kind not in ("string", "categorical"):
        raise ColumnError(
            f"expected numbers or text, got {kind} cells ({type(cells.iloc[0]).__name__}). Drop or rewrite the column."
        )
    return None, ""


def numbers_of(text: pd.Series, decimal: str) -> pd.Series:
    """The numbers that texts stand for, NaN for others; with a decimal comma a full stop is no number."""
    text = text.str.strip()
    if decimal == ",":
        text = text.mask(text.str.contains(".", regex=False), "").str.replace(",", ".", regex=False)
    return pd.to_numeric(text, errors="coerce")


def categories_of(cells: pd.Series) -> list[Any]:
    """The categories that have rows: in the file's order where it has one, else sorted."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        return list(cells.cat.remove_unused_categories().cat.categories)
    return sorted(cells.unique())


def row(cells: pd.Series, position: int) -> str:
    """The row of a cell, as a person counts."""
    return f"in row {int(cells.index[position]) + 1}"


def check_categories(cells: pd.Series, codes: NDArray[np.int_], text: pd.Series, decimal: str) -> None:
    """Refuse text that is no set of categories.

    Numbers for the most part, in another order than the alphabet's, or names of rows.

    Args:
        cells: The cells.
        codes: The category of each cell.
        text: The categories.
        decimal: The decimal mark.

    Raises:
        ColumnError: It is none.
    """
    rows = np.bincount(codes, minlength=len(text))
    kept, left = f"{{'{cells.name}': category}}", f"{{'{cells.name}': drop}}"
    otherwise = f"data.init_args.columns to {kept} or {left}"
    figures = np.array([len(name) <= LONGEST and FIGURES.fullmatch(name) is not None for name in text])
    if 2 * rows[figures].sum() > len(cells) or 2 * figures.sum() > len(text):
        other = np.flatnonzero(~figures)
        but = (
            f", but {short(text[other[0]], 20)!r} {row(cells, np.flatnonzero(codes == other[0])[0])}"
            if len(other)
            else ""
        )
        raise ColumnError(
            "expected numbers or categories, got text that is numbers for the most part, such as "
            f"{short(text[figures].iloc[0], 20)!r}{but}. {remedy(text, figures, decimal, otherwise)}"
        )
    leading = [float(found[1]) for name in text if (found := LEADING.match(name[:LONGEST]))]
    if 2 * len(leading) > len(text) and leading != sorted(leading):
        raise ColumnError(
            f"expected numbers or categories, got text that begins with numbers, such as {short(text[0], 20)!r}, in "
            f"another order than the alphabet's. Write plain numbers, or set {otherwise}."
        )
    if 2 * len(text) > len(cells) > 1:
        raise ColumnError(
            f"expected categories, got {len(text):,} different texts in {len(cells):,} rows, such as "
            f"{short(text[0], 20)!r}: names of rows, or free text. Set data.init_args.columns to {left}, or to {kept} "
            "for their alphabetical ranks."
        )


def check_names(names: Sequence[str]) -> None:
    """Refuse names that differ in surrounding white space only.

    Raises:
        ColumnError: Names two of them.
    """
    repeated = pd.Series([name.strip() for name in names]).duplicated(keep=False)
    if repeated.any():
        a, b = [name for name, again in zip(names, repeated, strict=True) if again][:2]
        raise ColumnError(
            f"expected names that differ in more than white space, got {a!r} and {b!r}. Write them alike."
        )


def remedy(text: pd.Series, figures: NDArray[np.bool_], decimal: str, otherwise: str) -> str:
    """What reads numbers in text by their value."""
    marks = [
        mark for mark in (decimal, "," if decimal == "." else ".") if numbers_of(text[figures], mark).notna().all()
    ]
    if not marks:
        return f"Write plain numbers (a date as a number of days), or set {otherwise}."
    settings = [] if marks[0] == decimal else [f"data.init_args.decimal to '{marks[0]}'"]
    if not figures.all():
        settings.append(f"data.init_args.missing to {list(text[~figures][:SHOWN])} to leave out their rows")
    return f"Set {' and '.join(settings)}, or {otherwise}."


def is_row_number(values: NDArray[np.float64]) -> bool:
    """Whether a column counts or orders the rows.

    Whole numbers, all different, without a gap or in rising or falling order.

    Example:
        >>> is_row_number(np.array([2.0, 0, 1, 3, 4])), is_row_number(np.array([9.0, 5, 4, 2, 0]))
        (True, True)
        >>> is_row_number(np.array([2.0, 5, 5, 7, 9]))
        False
    """
    if len(values) < 5 or not np.isfinite(values).all() or (values != np.floor(values)).any():
        return False
    steps = np.diff(np.sort(values))
    ordered = np.diff(values)
    return bool((steps > 0).all() and ((steps == 1).all() or (ordered > 0).all() or (ordered < 0).all()))
