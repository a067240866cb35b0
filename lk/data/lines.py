"""Read labelled sentences: a line `sentence<TAB>label` for each, labels as numbers or words."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lk.text import short

Split = tuple[list[str], list[int]]
FORM = "`sentence<TAB>label`"


class Line(NamedTuple):
    """A sentence, its label as written, and the line that holds them."""

    sentence: str
    label: str
    number: int


def read_lines(path: Path, encoding: str = "utf-8") -> list[Line]:
    r"""The sentences of a file; blank lines are passed over.

    Only a line feed, alone or behind a carriage return, ends a line: U+2028, NEL and form feeds stand inside sentences,
    where they part words as any white space does.

    Raises:
        ValueError: A line is of another form, or of another encoding; names the file and the line.
    """
    try:
        text = path.read_bytes().decode(encoding)
    except OSError as error:
        raise ValueError(f"{path}: expected a file that can be read, got {error.strerror}. Check the path.") from error
    except UnicodeError as error:
        number = path.read_bytes()[: getattr(error, "start", 0)].count(b"\n") + 1
        raise ValueError(
            f"{path}, line {number}: expected text encoded as {encoding}, got other bytes. "
            "Set data.init_args.encoding, such as latin-1 or utf-16."
        ) from error
    lines = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if not line.strip():
            continue
        sentence, tab, label = line.removesuffix("\r").partition("\t")
        if not tab or "\t" in label or not label.strip() or not sentence.strip():
            raise ValueError(
                f"{path}, line {number}: expected {FORM} with one tab, got {short(line, 60)!r}. Correct the line."
            )
        lines.append(Line(" ".join(sentence.split()), label.strip(), number))
    return lines


def is_number(label: str) -> bool:
    """Whether a label is a whole number."""
    return label.removeprefix("-").isdecimal()


def classes_of(path: Path, lines: Sequence[Line]) -> list[str]:
    """The labels of the training split: numbers in their order, words in the alphabet's.

    Raises:
        ValueError: Labels are numbers and words, or nearly all different, or one label; names the file and the line.
    """
    counts = Counter(line.label for line in lines)
    words = [label for label in counts if not is_number(label)]
    numbers = [label for label in counts if is_number(label)]
    first = {line.label: line.number for line in reversed(lines)}
    if words and numbers:
        # What is rarer is wrong; a header is one line.
        odd = min(words, numbers, key=lambda group: sum(counts[label] for label in group))[0]
        raise ValueError(
            f"{path}, line {first[odd]}: expected labels that are all numbers or all words, got {short(odd, 40)!r}. "
            "Correct the label, or delete the line if it is a header."
        )
    if len(lines) > 1 and counts[lines[0].label] == 1 and words:
        raise ValueError(
            f"{path}, line {lines[0].number}: expected a label that other lines have too, got "
            f"{short(lines[0].label, 40)!r}. Delete the line if it is a header; the form is {FORM}."
        )
    if len(counts) > max(2, min(len(lines) // 2, len({line.sentence for line in lines}))):
        raise ValueError(
            f"{path}: expected {FORM} with few labels, got {len(counts):,} of them in {len(lines):,} lines. Put the "
            "label behind the sentence."
        )
    return sorted(counts, key=lambda label: (int(label) if numbers else 0, label))


def numbered(path: Path, lines: Sequence[Line], classes: Sequence[str]) -> Split:
    """Sentences, and labels as places in `classes`.

    Raises:
        ValueError: A label is none of them; names the file and the line.
    """
    place = {label: number for number, label in enumerate(classes)}
    for line in lines:
        if line.label not in place:
            raise ValueError(
                f"{path}, line {line.number}: expected a label of the training split "
                f"({', '.join(short(c, 20) for c in classes[:10])}), got {short(line.label, 40)!r}. Correct the label, "
                "or delete the line if it is a header."
            )
    return [line.sentence for line in lines], [place[line.label] for line in lines]
