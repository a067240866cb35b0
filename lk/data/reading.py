"""Errors of file readers, turned into messages that name the file."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reading(path: Path, expected: str, remedy: str = "Write the file again.") -> Iterator[None]:
    r"""Turn whatever a library raises inside the block into a ValueError that names the file.

    pandas, pyarrow, Pillow and codecs raise dozens of types for damaged files, most of them without the file's name.

    Args:
        path: The file.
        expected: What it should hold, for the message.
        remedy: What to do, for the message.

    Raises:
        ValueError: Anything was raised inside the block.

    Example:
        >>> try:
        ...     with reading(Path("rows.csv"), "a table"):
        ...         raise OSError("corrupt")
        ... except ValueError as error:
        ...     print(error)
        rows.csv: expected a table, got OSError: corrupt. Write the file again.
    """
    try:
        yield
    except UnicodeError as error:
        got = (
            f"the byte 0x{error.object[error.start]:02x} at byte {error.start}"
            if isinstance(error, UnicodeDecodeError)
            else str(error)
        )
        encoding = error.encoding if isinstance(error, UnicodeDecodeError) else "the given encoding says"
        raise ValueError(
            f"{path}: expected text encoded as {encoding}, got {got}. Set data.init_args.encoding, such as latin-1 or "
            "utf-16."
        ) from error
    except MemoryError as error:
        raise ValueError(
            f"{path}: expected {expected} that fits the memory, got a MemoryError. Use fewer rows."
        ) from error
    except Exception as error:
        raise ValueError(f"{path}: expected {expected}, got {summary(error)}. {remedy}") from error


def summary(error: BaseException) -> str:
    r"""Type and first line of an error, at most 160 characters.

    Example:
        >>> summary(OSError("broken PNG file.\nand more"))
        'OSError: broken PNG file'
    """
    text = str(error).strip() or "no message"
    return f"{type(error).__name__}: {text.splitlines()[0][:160].rstrip('. ')}"


def check_encoding(encoding: str) -> str:
    """The encoding, refused where Python does not know it.

    Raises:
        ValueError: Python knows no such text encoding.
    """
    try:
        "".encode(encoding)
        codecs.lookup(encoding)
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"expected an encoding that Python knows, got encoding={encoding!r}. Use utf-8, latin-1 or utf-16."
        ) from error
    return encoding
