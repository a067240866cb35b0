"""The commands: `train.py`, `probe.py` and `analyze.py` call the functions here."""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from lk.console import say

__all__ = ["analyze", "main", "probe", "train"]

if TYPE_CHECKING:
    from lk.cli.analysis import analyze
    from lk.cli.probing import probe
    from lk.cli.training import train
else:
    HOMES = {"analyze": "lk.cli.analysis", "probe": "lk.cli.probing", "train": "lk.cli.training"}

    def __getattr__(name: str) -> Any:
        """Import a command when it is first used: each loads only what it needs."""
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(HOMES[name]), name)


def main(command: Callable[[], Any]) -> None:
    """Run a command for a person: an error of theirs is one readable line (LK_TRACEBACK=1 shows the traceback)."""
    # An exit tidies up; the default of this signal does not.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        command()
    except (ValueError, OSError, FloatingPointError, MemoryError, NotImplementedError, SafetensorError) as error:
        if os.environ.get("LK_TRACEBACK"):
            raise
        say(f"error: {error or type(error).__name__}")
        if isinstance(error, OSError | SafetensorError) and not isinstance(error, FileNotFoundError):
            say("What is written stays whole; the same command goes on from there.")
        sys.exit(2)
    except KeyboardInterrupt:
        say("Stopped. What is written stays; the same command goes on from there.")
        sys.exit(130)
