"""Work in a process of its own, which may be killed at a time or at a rename."""

import os
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lk.cli import main


def forked(
    work: Callable[[], Any],
    log: Path,
    limit: float = 300.0,
    kill_after: float | None = None,
    number: int = signal.SIGKILL,
) -> int:
    """Exit code of some work in a process of its own that starts with everything imported.

    Negative where a signal ended it.
    """
    pid = os.fork()
    if pid == 0:
        handle = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        code = 0
        try:
            main(work)
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
        except BaseException:
            traceback.print_exc()
            code = 99
        os._exit(code or 0)
    begun, sent = time.monotonic(), False
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        passed = time.monotonic() - begun
        if kill_after is not None and passed > kill_after and not sent:
            os.kill(pid, number)
            sent = True
        if passed > limit:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return 124
        time.sleep(0.005)


def dying(work: Callable[[], Any], rename: int, after: bool, count: Path | None = None) -> Callable[[], Any]:
    """The work, in a process that is killed just before or after its n-th rename.

    `count` collects how many there are.
    """

    def armed() -> Any:
        real, seen = os.replace, 0

        def replace(*arguments: Any, **settings: Any) -> None:
            nonlocal seen
            if seen == rename and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            real(*arguments, **settings)
            seen += 1
            if count is not None:
                count.write_text(str(seen))
            if seen == rename + 1 and after:
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = replace  # type: ignore[assignment]
        return work()

    return armed
