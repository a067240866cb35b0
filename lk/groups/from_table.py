"""A group of the user's own, from a list or a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lk.groups.group import Group


class FromTable(Group):
    """A group from a Cayley table whose elements are numbered from 0.

    Args:
        source: A nested list of integers, or the path of a `.csv` file (a row per line, commas) or of a `.npy` file.
        label: Its name; by default the file's name without its ending, or `group`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file has another ending or holds no integers, or the table is no group.

    Example:
        >>> FromTable([[0, 1], [1, 0]], label="Z2")
        Z2 (order 2)
    """

    def __init__(self, source: str | Sequence[Sequence[int]], label: str | None = None) -> None:
        self.source, self.label = source, label
        path = Path(source) if isinstance(source, str | Path) else None
        super().__init__(source if path is None else read(path), label or (path.stem if path else "group"))  # type: ignore[arg-type]


def read(path: Path) -> Any:
    """The table in a file."""
    if path.suffix not in {".csv", ".npy"}:
        raise ValueError(f"expected a file that ends in .csv or .npy, got path={str(path)!r}. Convert the table.")
    if not path.is_file():
        raise FileNotFoundError(
            f"expected a .csv or .npy file, got path={str(path)!r}, which is no file. Check the path."
        )
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        return np.array(
            [
                [int(entry) for entry in line.split(",")]
                for line in path.read_text(encoding="utf-8").splitlines()
                if line.strip()
            ]
        )
    except ValueError as error:
        raise ValueError(
            f"{path}: expected integers, a row for each element, got others ({error}). Correct the file."
        ) from None
