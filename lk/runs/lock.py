"""One writer per run folder."""

import errno
import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from lk.storage.files import check_links, make_folder, remove_parts

LOCK = ".lock"
HELD: set[int] = set()


def _let_go() -> None:
    """A forked process (a loader's worker) does not hold the lock: it would outlive a killed writer by seconds."""
    for handle in HELD:
        os.close(handle)
    HELD.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Hold the only right to write into a run folder, and remove what killed writers left half written.

    The lock is the operating system's (`flock` on `.lock`), so that it ends with the process that holds it, however
    that ends; on network file systems it holds between machines where they support it. Reading needs no lock: every
    file is renamed when it is complete.

    Args:
        folder: The run folder; made if it is missing.

    Raises:
        ValueError: Another process writes into the folder, a link in it leads elsewhere, or it cannot be written to.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with locked(folder), locked(folder):  # doctest: +ELLIPSIS
        ...     pass
        Traceback (most recent call last):
        ValueError: expected a run folder that no other command writes, got ...
    """
    make_folder(folder)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    HELD.add(handle)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise ValueError(refusal(folder, os.pread(handle, 4096, 0))) from None
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):  # a file system without locks
                raise
        owner = {
            "host": socket.gethostname(),
            "process": os.getpid(),
            "command": sys.argv[0],
            "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        }
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(owner).encode(), 0)
        check_links(folder)
        remove_parts(folder)
        try:
            yield folder
        finally:
            if handle in HELD:  # not in a fork
                os.ftruncate(handle, 0)
    finally:
        if handle in HELD:
            HELD.remove(handle)
            os.close(handle)


def refusal(folder: Path, content: bytes) -> str:
    """Who holds the lock, and what to do."""
    try:
        owner = json.loads(content)
        who = (
            f"process {owner['process']} on {owner['host']} has been writing ({owner['command']}) since "
            f"{owner['since']}"
        )
    except (ValueError, KeyError, TypeError):  # it is being written or cleared at this moment
        who = "another process is writing"
    return (
        f"expected a run folder that no other command writes, got {folder}, where {who}. Wait for it or stop it, or "
        "choose another --id. Reading (analyze.py compare) needs no lock."
    )
