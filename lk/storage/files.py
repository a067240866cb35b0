"""Write files so that an interruption leaves the old one or the new one, never half of one.

How much the machine holds.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PART = ".part"  # ending of a file that is being written


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A new, empty temporary file beside `path`; it takes the name `path` when the block ends without an error.

    The temporary file lies in the folder of `path`, so that the rename is atomic on every file system. Its name cannot
    be guessed and it is created exclusively: a link that somebody planted there is never followed. A link called `path`
    itself is replaced, not followed.

    Raises:
        FileExistsError: A file stands where the folder of `path` should be.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "a" / "b.txt"
        >>> with writing(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{PART}")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder that can be written to.

    Raises:
        ValueError: It cannot; names the reason.

    Example:
        >>> make_folder(Path(__file__) / "inside")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: expected a folder that can be written to, got ... Choose another, or change its rights.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise ValueError(
            f"expected a folder that can be written to, got {folder} ({error.strerror}). Choose another, or change its "
            "rights."
        ) from error


def remove_parts(folder: Path) -> list[Path]:
    """Remove the temporary files that killed processes left below a folder.

    Only for the process that alone writes there.

    Returns:
        The removed files.
    """
    found = sorted(path for path in folder.rglob(f".*{PART}") if path.is_symlink() or path.is_file())
    for path in found:
        path.unlink(missing_ok=True)
    return found


def check_links(folder: Path) -> None:
    """Refuse a run folder with a link that leads out of it: whoever writes there would write elsewhere.

    W&B's own folder may hold some.

    Raises:
        ValueError: Names the link and its target.
    """
    root = folder.resolve()
    for place, folders, files in os.walk(folder, followlinks=False):
        if Path(place) == folder:
            folders[:] = [name for name in folders if name != "wandb" or (folder / name).is_symlink()]
        for name in (*folders, *files):
            path = Path(place) / name
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise ValueError(
                    f"expected no link that leads out of the run folder, got {path} -> {os.readlink(path)}. Remove the "
                    "link, or copy what it leads to into the folder."
                )


def available_memory() -> int:
    """Bytes of main memory that are free for use."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
