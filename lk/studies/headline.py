"""Which architecture learns what, where and when: the three sentences at the top of a comparison."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from lk.metrics.intervals import LEVEL, interval, jackknife
from lk.studies.alignment import Aligned
from lk.studies.differences import QUESTIONS, Question, when
from lk.studies.unequal_training import MARK
from lk.text import spanned

MOST_VALUES = 4  # lines whose numbers a sentence lists
PLAIN = 0.1  # a share from which on whole per cent are enough


class Head(NamedTuple):
    """One of the three questions.

    Attributes:
        word: What, where or when.
        question: Whose differences answer it.
        sign: 1 where the larger number ranks first, -1 where the smaller does.
        most: What is said of the first of three or more.
        more: What is said of one against others.
        quantity: What is measured, in per cent.
    """

    word: str
    question: Question
    sign: int
    most: str
    more: str
    quantity: str


def heads_of(aligned: Aligned) -> tuple[Head, ...]:
    """The three questions; the last only where the runs share a checkpoint of training."""
    early = when(aligned)
    at = early[0].name.rpartition("holds at ")[2] if early else ""
    final = "its final interactions"
    return (
        Head(
            "What",
            QUESTIONS[2],
            -1,
            "learns the most complex interactions",
            "learns more complex interactions than",
            "Share of the output's interaction strength that single players carry",
        ),
        Head(
            "Where",
            QUESTIONS[3],
            1,
            f"holds most of {final} by its intermediate layer",
            f"holds more of {final} by its intermediate layer than",
            "Share of the finished output's interactions that the intermediate layer holds",
        ),
        *(
            Head(
                "When",
                question,
                1,
                f"holds most of {final} at {at}",
                f"holds more of {final} at {at} than",
                f"Share of the finished output's interactions that the output holds at {at}",
            )
            for question in early
        ),
    )


def headline(
    aligned: Aligned, lines: Mapping[str, Sequence[int]], found: pd.DataFrame, unequal: Collection[str]
) -> list[str]:
    """One sentence per question: who ranks first where the differences show it, then the numbers of each line.

    Args:
        aligned: The runs.
        lines: From `lk.studies.grouping`.
        found: From `lk.studies.differences`.
        unequal: Lines that were trained less; they are marked.
    """
    weights, said = jackknife(len(aligned.kept)), []
    for head in heads_of(aligned):
        measured, rows = head.question.measure(aligned, weights), {}
        for line, places in lines.items():
            own = measured[:, list(places)]
            mean, low, high, _ = interval(own.mean(1), own[0])
            rows[line] = {"mean": float(mean), "low": float(low), "high": float(high)}
        ranked = sorted(rows, key=lambda line: -head.sign * rows[line]["mean"])
        named = {line: f"{line} {MARK}" if line in unequal else line for line in lines}
        shown = ranked if len(ranked) <= MOST_VALUES else [ranked[0], ranked[-1]]
        digits = 0 if all(row["mean"] >= PLAIN for row in rows.values()) else 1
        values = ", ".join(f"{spanned(rows[line], digits, 100)} % in {named[line]}" for line in shown)
        rest = f" (first and last of {len(ranked)})" if len(shown) < len(ranked) else ""
        answer = verdict(head, ranked, named, found[found["question"] == head.question.name])
        said.append(f"{head.word}: {answer} {head.quantity}: {values}{rest}.")
    return said


def verdict(head: Head, ranked: Sequence[str], named: Mapping[str, str], found: pd.DataFrame) -> str:
    """Who ranks first, as far as the differences show it after Holm's correction.

    Example:
        >>> head = Head("What", QUESTIONS[2], -1, "learns the most", "learns more than", "Share")
        >>> rows = pd.DataFrame({"a": ["x"], "b": ["y"], "difference": [-0.2], "p_holm": [0.01], "marked": [False]})
        >>> verdict(head, ["x", "y"], {"x": "x", "y": "y"}, rows.assign(level="architectures"))
        'x learns more than y.'
    """
    if not set(found["a"]) | set(found["b"]) <= set(ranked):
        return "No architecture is ranked, for one has fewer than three training seeds."
    if len(found) and found["marked"].all():
        return "Not judged because of marked layers (†)."
    shown = found[(found["p_holm"] < LEVEL) & ~found["marked"]]
    above: dict[str, list[str]] = {}
    for a, b, difference in zip(shown["a"], shown["b"], shown["difference"], strict=True):
        first, second = (a, b) if head.sign * difference > 0 else (b, a)
        above.setdefault(first, []).append(second)
    prefix = "Of these runs, " if len(found) and (found["level"] == "runs").all() else ""
    best = ranked[0]
    if len(ranked) > 2 and len(above.get(best, [])) == len(ranked) - 1:
        return f"{prefix}{named[best]} {head.most}."
    if not above:
        return f"No difference between {'these runs' if prefix else 'the architectures'} is shown."
    parts = [
        f"{named[line]} {head.more} {' and '.join(named[other] for other in above[line])}"
        for line in ranked
        if line in above
    ]
    more = "" if len(parts) <= 2 else f"; {len(parts) - 2} more below"
    rest = "" if len(shown) == len(found) else " No other difference is shown."
    return f"{prefix}{'; '.join(parts[:2])}{more}.{rest}"
