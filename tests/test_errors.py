"""Each message of an error says what was expected and what was given."""

import ast
import re
from pathlib import Path

import pytest

import lk

HOUSE = Path(lk.__file__).parent
PATTERN = re.compile(r"(?s)\bexpected .+\bgot ")
# Messages of another kind, and why.
REASONS = {
    "is truncated or": "a file: what it was to hold, the fault found in it, the remedy",
    "No file {}. {}": "a file that is not there, with the remedy",
    "{} is missing. {}": "a file that is not there, with the remedy",
    "must define": "a method that a subclass defines",
    "has no attribute": "Python's own words for a module",
    "it embeds other tokens": "a reason that refused() completes",
    "it does not look its words up": "a reason that refused() completes",
}


def text(node: ast.expr) -> str | None:
    """The literal text of a message, `{}` for each value; None where it is no literal."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def passes_on(node: ast.AST) -> bool:
    """Whether the message holds that of an error that was caught, which says the rest."""
    return any(isinstance(part, ast.Name) and part.id in ("error", "reason") for part in ast.walk(node))


def offences(source: str) -> list[str]:
    """The messages of errors in a source that are of another form."""
    made = [
        (call.lineno, call.args[0], text(call.args[0]))
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id.endswith("Error")
        and call.args
    ]
    return [
        f"line {line}: {message}"
        for line, node, message in made
        if message is not None and not PATTERN.search(message)
        if not passes_on(node) and not any(reason in message for reason in REASONS)
    ]


def test_errors_say_what_was_expected_and_what_was_given():
    found = {path: offences(path.read_text(encoding="utf-8")) for path in sorted(HOUSE.rglob("*.py"))}
    assert {str(path.relative_to(HOUSE)): wrong for path, wrong in found.items() if wrong} == {}


def test_reasons_are_needed():
    """An entry that no message has is left over."""
    found = "\n".join(
        message
        for path in HOUSE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for message in map(text, node.args)
        if message is not None
    )
    assert [reason for reason in REASONS if reason not in found] == []


@pytest.mark.parametrize(
    ("message", "count"),
    [
        ('f"expected n of at least 1, got n={n}. Use n=1."', 0),
        ('f"Given n={n}; expected at least 1."', 1),
        ('"n is negative"', 1),
        ('f"{path}: {error}"', 0),
        ('f"{path} is truncated or no table. {remedy}"', 0),
    ],
)
def test_offences(message, count):
    assert len(offences(f"raise ValueError({message}) from error")) == count
