"""The commands: `train.py`, `probe.py` and `analyze.py` call the functions here."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lk.cli.commands import analyze, main, probe, train

__all__ = ["analyze", "main", "probe", "train"]


def __getattr__(name: str) -> Any:
    """Import the commands when one is asked for: other parts of the edge use the files beside them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lk.cli import commands

    return getattr(commands, name)
