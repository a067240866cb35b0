"""Numbers and names as text, on pages, figures and the terminal.

One rounding, one minus sign, one way to write an interval.
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MINUS = "\N{MINUS SIGN}"
DASH = "–"  # what is not defined
_FLOAT32 = 3e-7  # relative: a mean of float32 numbers is known no better


def number(value: float, digits: int = 2) -> str:
    """A number with so many decimals, ties away from zero; a dash where it is not finite.

    The same quantity in float32, in float64 and summed in another order gives the same text: what lies within float32's
    precision of a tie counts as the tie.

    Example:
        >>> number(16.65, 1), number(16.649999618530273, 1), number(-0.5), number(-0.001), number(float("nan"))
        ('16.7', '16.7', '−0.50', '0.00', '–')
    """
    if value is None or not math.isfinite(value):
        return DASH
    away = math.copysign(min(_FLOAT32 * abs(value), 0.01 * 10.0**-digits), value)
    text = f"{value + away:,.{digits}f}"
    return text.replace("-", MINUS if any(c in "123456789" for c in text) else "")


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign, plus included.

    Example:
        >>> signed(0.304), signed(-1.5, 1)
        ('+0.30', '−1.5')
    """
    text = number(value, digits)
    return text if text.startswith(MINUS) or text == DASH else f"+{text}"


def significant(value: float, digits: int = 2) -> str:
    """A number whose size is not known beforehand, with so many significant digits.

    Example:
        >>> significant(0.000123), significant(1234.5, 3), significant(24.0, 3)
        ('0.00012', '1,235', '24')
    """
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0 or 1e-4 <= abs(value) < 1e7:
        decimals = 0 if value == 0 else max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = number(value, decimals)
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.{digits - 1}e}".replace("-", MINUS)


def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage.

    Example:
        >>> percent(0.975)
        '97.5 %'
    """
    return f"{number(100 * share, digits)} %"


def of(part: int, whole: int) -> str:
    """A count of a whole: a percentage rounds 9 999 of 10 000 to all of them.

    Example:
        >>> of(9999, 10000)
        '9,999 of 10,000'
    """
    return f"{part:,} of {whole:,}"


def spanned(row: "Mapping[Any, Any] | pd.Series[Any]", digits: int = 2, scale: float = 1.0) -> str:
    """A mean with its 95 % interval, from a row with mean, low and high.

    Example:
        >>> spanned({"mean": 0.5, "low": 0.4, "high": 0.6})
        '0.50 (0.40 to 0.60)'
        >>> spanned({"mean": 0.5, "low": float("nan"), "high": float("nan")})
        '0.50 (no interval)'
    """
    mean, low, high = (number(scale * float(row[key]), digits) for key in ("mean", "low", "high"))
    if mean == DASH:
        return mean
    return f"{mean} (no interval)" if DASH in (low, high) else f"{mean} ({low} to {high})"


def epochs(epoch: float) -> str:
    """An epoch, whole or a fraction, in few characters.

    Example:
        >>> epochs(5.0), epochs(0.0444), epochs(2.25), epochs(117.4)
        ('5', '0.04', '2.3', '117')
    """
    if float(epoch).is_integer() or epoch >= 100:
        return number(epoch, 0)
    return significant(epoch, 1) if epoch < 1 else number(epoch, 1)


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    Example:
        >>> duration(0.2), duration(8.3), duration(90), duration(5000), duration(400_000)
        ('less than a second', '8 s', '90 s', '83 min', '4.6 days')
    """
    if seconds < 0.5:
        return "less than a second"
    for unit, length, most, digits in (("s", 1, 100, 0), ("min", 60, 100, 0), ("h", 3600, 48, 1)):
        if seconds < most * length:
            return f"{number(seconds / length, digits)} {unit}"
    return f"{number(seconds / 86400, 1)} days"


def size(count: float) -> str:
    """Bytes in the unit that suits them.

    Example:
        >>> size(4096), size(1.6e6), size(1.575e12)
        ('4 kB', '1.6 MB', '1,575 GB')
    """
    if count < 1e6:
        return f"{number(count / 1e3, 0)} kB"
    return f"{number(count / 1e9, 0 if count >= 1e10 else 1)} GB" if count >= 1e9 else f"{number(count / 1e6, 1)} MB"


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


def nearest(name: str, known: Sequence[str]) -> str:
    """The end of an error message: the nearest known name, and all of them where they are few.

    Example:
        >>> nearest("blok1", ["block1", "block2"])
        "Did you mean 'block1'? Known: block1, block2."
    """
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    # A long list buries the hint.
    listed = known if len(known) <= 24 else [*known[:24], f"and {len(known) - 24} more"]
    return hint.strip() if close and len(known) > 24 else f"{hint}Known: {', '.join(listed)}."
