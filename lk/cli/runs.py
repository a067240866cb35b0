"""The runs of a folder as a table: `analyze.py runs`."""

import operator
import os
import re
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from json import dumps
from pathlib import Path
from typing import Any

from lk.studies.overview import COLUMNS, Row, overview
from lk.text import DASH, duration, nearest, size

TEXT = ("run", "state", "network", "data")
CONDITION = re.compile(r"\s*(\w+)\s*(!=|=|<|>)\s*(.*?)\s*")
COMPARED = {"<": operator.lt, ">": operator.gt}


def runs(folder: str = "runs", where: str = "", sort: str = "age", json: bool = False) -> None:
    """Print the runs of a folder as a table: state, progress, accuracy, completeness, certified share, size, age.

    A training that runs shows its progress, one that was killed is marked as died.

    Args:
        folder: Folder of runs.
        where: Conditions, separated by commas, such as "state=died" or "network=VGG*, accuracy>0.9".
        sort: Column to sort by.
        json: Print JSON: a list of runs, sizes in bytes, ages in seconds.
    """
    rows = chosen(overview(Path(folder)), where, sort)
    try:
        sys.stdout.write(f"{dumps(rows, indent=1) if json else table(rows)}\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `... | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# ---- filters and sort
def chosen(rows: Sequence[Row], where: str = "", sort: str = "age") -> list[Row]:
    """Rows that fulfil all conditions, sorted.

    Args:
        rows: From `overview`.
        where: Conditions `column=value`, `!=`, `<` or `>`, separated by commas; `*` in a text stands for any letters.
            What is not known fulfils none but `!=`.
        sort: Column. Texts rise, numbers fall; `age` begins with the youngest. What is not known comes last.

    Raises:
        ValueError: A condition is none, or names no column or no number.

    Example:
        >>> rows = [{"network": "MLP", "accuracy": 0.9}, {"network": "VGG11", "accuracy": 0.95}, {"network": "VGG16"}]
        >>> [row["network"] for row in chosen(rows, "network=VGG*, accuracy>0.9")]
        ['VGG11']
    """
    conditions = [parsed(text) for text in where.split(",") if text.strip()]
    check_column(sort)
    kept = [each for each in rows if all(fulfils(each.get(name), sign, value) for name, sign, value in conditions)]
    known = [each for each in kept if each.get(sort) is not None]
    known.sort(key=lambda each: each[sort], reverse=sort not in (*TEXT, "age"))
    return known + [each for each in kept if each.get(sort) is None]


def parsed(text: str) -> tuple[str, str, str]:
    """Column, sign and value of a condition."""
    match = CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(f"expected conditions such as state=died or accuracy>0.9, got where={text.strip()!r}.")
    name, sign, value = match.groups()
    check_column(name)
    if name not in TEXT or sign in COMPARED:
        try:
            float(value)
        except ValueError:
            raise ValueError(f"expected a number beside {name}{sign}, got {value!r}.") from None
    return name, sign, value


def fulfils(found: Any, sign: str, value: str) -> bool:
    """Whether what a row holds fulfils a condition."""
    if found is None:
        return sign == "!="
    if sign in COMPARED:
        return isinstance(found, (int, float)) and bool(COMPARED[sign](found, float(value)))
    same = fnmatchcase(found, value) if isinstance(found, str) else found == float(value)
    return same == (sign == "=")


def check_column(name: str) -> None:
    """Refuse a name that is no column.

    Raises:
        ValueError: Names the nearest column.
    """
    if name not in COLUMNS:
        raise ValueError(f"expected a column of the table, got {name!r}. {nearest(name, COLUMNS)}")


# ---- text
def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as aligned text with a head; numbers to the right."""
    head = ("run", "state", "network", "data", "seed", "epoch", "accuracy", "completeness", "certified", "size", "age")
    cells = [head, *(tuple(printed(each, column) for column in head) for each in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(
            cell.ljust(width) if column in TEXT else cell.rjust(width)
            for column, cell, width in zip(head, line, widths, strict=True)
        )
        for line in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def printed(each: Mapping[str, Any], column: str) -> str:
    """One cell. Texts come from files of somebody: what is not printable would speak to the terminal."""
    if column == "size":
        return size(each["size"])
    if column == "age":
        return duration(each["age"])
    value = each[column]
    if value is None:
        return DASH
    if column == "epoch":
        return f"{value:g}" if each["epochs"] in (None, value) else f"{value:.3g}/{each['epochs']:g}"
    if column in ("accuracy", "completeness", "certified"):
        return f"{value:.3f}"
    return "".join(letter if letter.isprintable() else "?" for letter in str(value))
