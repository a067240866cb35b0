"""Run folders: their paths, locks, training segments, and what a table of them shows."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["Run", "read_settings", "step_name"]

if TYPE_CHECKING:
    from lk.runs.run import Run, read_settings, step_name
else:

    def __getattr__(name: str) -> Any:
        """Import a name when it is first used: a table of a thousand runs needs neither torch nor pandas."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("lk.runs.run"), name)
