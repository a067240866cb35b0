"""Messages of a command for a person: lines on standard error, and a bar with the time left."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """One line for the user, beside progress bars."""
    console.print(text, markup=False, soft_wrap=True)


@contextmanager
def progress(total: int, what: str) -> Iterator[Progress]:
    """A bar with the time left; advance its only task."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        bar.add_task(what, total=total)
        yield bar
