"""JSON files of a run: read with limits, no key twice; loads neither torch nor pandas."""

import json
from pathlib import Path
from typing import Any

JSON_BYTES = 50_000_000


def damaged(path: Path, what: str, error: object, remedy: str) -> ValueError:
    """The error of a file that cannot be used."""
    kind = f"{type(error).__name__}: " if isinstance(error, Exception) and not isinstance(error, ValueError) else ""
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else ""
    return ValueError(f"{path} is truncated or {what} ({kind}{reason}). {remedy}")


def parse_json(text: str) -> Any:
    """JSON in which no key stands twice.

    Raises:
        ValueError: It is damaged, or nested too deep.

    Example:
        >>> parse_json('{"a": [1, 2]}')
        {'a': [1, 2]}
    """

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in found}) < len(found):
            raise ValueError(f"expected each key once, got one twice among {sorted(key for key, _ in found)[:6]}")
        return dict(found)

    if len(text) > JSON_BYTES:
        raise ValueError(f"expected at most {JSON_BYTES:,} characters, got {len(text):,}")
    try:
        return json.loads(text, object_pairs_hook=pairs)
    except RecursionError as error:
        raise ValueError("expected JSON of a limited depth, got one that is nested too deep") from error


def read_json(path: Path, what: str, remedy: str) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged or holds something else; names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No file {path}. {remedy}")
    try:
        if path.stat().st_size > JSON_BYTES:
            raise ValueError(f"expected at most {JSON_BYTES:,} bytes, got {path.stat().st_size:,}")
        found = parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(f"expected an object, got {type(found).__name__}")
    except (ValueError, OSError) as error:
        raise damaged(path, what, error, remedy) from error
    return found
