"""Names in few characters."""

from collections.abc import Sequence


def short(name: str, most: int = 16) -> str:
    """A name cut in its middle, so that beginning and end stay readable.

    Example:
        >>> short("module.layer3.block12.conv2", 12)
        'modul…conv2'
    """
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[:half]}…{name[-half:]}"


def short_names(names: Sequence[str], most: int = 16) -> list[str]:
    """Names cut in their middle; where two different names would look the same, the place in the list replaces the end.

    Example:
        >>> short_names(["sensor_000_reading", "sensor_001_reading", "age"], 9)
        ['sens…1', 'sens…2', 'age']
    """
    cut = [short(name, most) for name in names]
    origins: dict[str, set[str]] = {}
    for name, shown in zip(names, cut, strict=True):
        origins.setdefault(shown, set()).add(name)
    return [
        f"{name[: (most - 1) // 2]}…{place}" if len(origins[shown]) > 1 else shown
        for place, (name, shown) in enumerate(zip(names, cut, strict=True), 1)
    ]
