"""Verdicts: what the 95 % interval of a contrast decides. A contrast is a number above zero where a claim holds."""

from collections.abc import Iterable, Sequence

from lk.metrics.intervals import LEAST, Interval

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"
SURVIVES, LOST = "survives", "does not survive"  # what becomes of a claim that holds, under a control it must exceed


def verdict(low: float, high: float) -> str:
    """What an interval of a contrast decides.

    Example:
        >>> verdict(0.1, 0.3), verdict(-0.2, 0.1), verdict(-0.2, -0.1)
        ('holds', 'undecided', 'does not hold')
    """
    return HOLDS if low > 0 else FAILS if high < 0 else UNDECIDED


def told(networks: Iterable[str], verdicts: Iterable[str]) -> str:
    """The verdicts of one claim on several networks, in words.

    Example:
        >>> told(["a", "b", "c"], ["holds", "undecided", "holds"])
        'holds for a, c; undecided for b'
    """
    pairs = list(zip(networks, verdicts, strict=True))
    found = {outcome: [name for name, own in pairs if own == outcome] for outcome in (HOLDS, FAILS, UNDECIDED)}
    return "; ".join(f"{outcome} for {', '.join(names)}" for outcome, names in found.items() if names)


def overall(verdicts: Sequence[str]) -> str:
    """The verdict of a finding from those of its parts.

    Example:
        >>> overall(["holds", "undecided"])
        'undecided'
    """
    return FAILS if FAILS in verdicts else HOLDS if set(verdicts) == {HOLDS} else UNDECIDED


def judge(found: Interval) -> dict[str, float | str]:
    """Value, interval, p and verdict of a contrast; without an interval nothing is decided."""
    value, low, high, p = map(float, found)
    return {"value": value, "low": low, "high": high, "p": p, "verdict": verdict(low, high)}


def survival(lows: Iterable[float], highs: Iterable[float], samples: int) -> str:
    """Whether a finding exceeds what a control shows, from the intervals of the excess of each part.

    Example:
        >>> survival([0.1, 0.2], [0.3, 0.4], 30), survival([0.1], [0.3], 4), survival([-0.4], [-0.1], 30)
        ('survives', 'undecided', 'does not survive')
    """
    if samples < LEAST:
        return UNDECIDED
    return SURVIVES if all(low > 0 for low in lows) else LOST if any(high < 0 for high in highs) else UNDECIDED
