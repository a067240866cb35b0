"""Layerwise knowledge: train networks, read what every layer knows at every epoch, back each claim with evidence."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Explained", "Interactions", "Run", "__version__", "decompose", "explain"]

if TYPE_CHECKING:
    from lk.decomposition import decompose
    from lk.explained import Explained, explain
    from lk.interactions import Interactions
    from lk.runs import Run
else:
    HOMES = {
        "Explained": "lk.explained",
        "Interactions": "lk.interactions",
        "Run": "lk.runs",
        "decompose": "lk.decomposition",
        "explain": "lk.explained",
    }

    def __getattr__(name: str) -> Any:
        """Import a name of `lk` when it is first used: `import lk` itself loads nothing."""
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(HOMES[name]), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
