"""Packages that not everyone needs."""

import importlib
from typing import Any


def extra(package: str, group: str = "text") -> Any:
    """Import a package of one of the extras, or say how to get it.

    Args:
        package: Name of the package.
        group: The extra that brings it.

    Raises:
        ModuleNotFoundError: The package is not installed.

    Example:
        >>> extra("json").dumps([1])
        '[1]'
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"expected the package {package!r}, got none installed. It comes with an extra: pip install "
            f"layerwise-knowledge[{group}]."
        ) from error
