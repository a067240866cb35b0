"""The budget of watching: which scheduled checkpoints are kept, for a stated share of the training's time."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lk.storage.files import writing
from lk.storage.stored import plain_number
from lk.storage.strict_yaml import dump_yaml, read_yaml
from lk.text import duration, percent

FILE = "schedule.yaml"
FORMAT = 1
REMEDY = "Delete it: the remaining checkpoints are then decided anew."


class Budget:
    r"""Measures the time of training and of watching, and decides which scheduled checkpoints are kept.

    Let T be the expected time of the whole training, W the time that watching took so far, c that of the latest kept
    checkpoint, and R the number of checkpoints that are still scheduled before the last. Beside the last one,

    .. math:: K = (\mathrm{share} \cdot T - W) / c - 1

    of them can be paid. Each one that comes up adds K / R, at most 1, to a credit, and is kept where the credit reaches
    1: those kept are spread evenly over what is left. The first and the last are always kept.

    Decisions and times are stored in the run folder (`schedule.yaml`). A resumed run takes them over, so that a step
    that was decided stays so.

    Args:
        share: Time of watching over time of training; None keeps every checkpoint.
    """

    def __init__(self, share: float | None) -> None:
        self.share, self.path = share, Path()
        self.trained, self.watched, self.credit = 0.0, 0.0, 0.0  # seconds, of all segments
        self.costs: dict[int, float] = {}  # seconds of each kept checkpoint
        self.kept: dict[int, bool] = {}
        self.depth, self.since = 0, 0.0
        self.paced: tuple[int, float] | None = None  # step and training time from which the pace is measured

    def start(self, folder: Path) -> None:
        """Training starts, or goes on, in a run folder.

        Raises:
            ValueError: The stored decisions are damaged.
        """
        self.path, self.since, self.paced = folder / FILE, time.perf_counter(), None
        if self.share is not None and self.path.is_file():
            self.load()

    def count(self) -> None:
        """Add what passed since the last call to training or watching."""
        now = time.perf_counter()
        if self.depth:
            self.watched += now - self.since
        else:
            self.trained += now - self.since
        self.since = now

    @contextmanager
    def watching(self, step: int | None = None) -> Iterator[None]:
        """Time inside the block is that of watching.

        Args:
            step: The checkpoint that it is spent on; None for what is done once.
        """
        self.count()
        before, self.depth = self.watched, self.depth + 1
        try:
            yield
        finally:
            self.count()
            self.depth -= 1
            if step is not None and not self.depth:
                self.costs[step] = self.costs.get(step, 0.0) + self.watched - before
            self.save()

    def stepped(self, step: int) -> None:
        """Measure the pace from the first step on, which itself loads and compiles."""
        if self.paced is None:
            self.count()
            self.paced = (step, self.trained)

    def keeps(self, step: int, ahead: int, last: int) -> bool:
        """Whether a scheduled checkpoint is kept; the answer to one step stays the same.

        Args:
            step: Its step.
            ahead: Scheduled checkpoints from this one on, the last not counted.
            last: The step at which training ends.
        """
        if self.share is None or step in (0, last):
            return True
        if step not in self.kept:
            self.count()
            self.kept[step] = self.affords(step, ahead, last)
            self.save()
        return self.kept[step]

    def affords(self, step: int, ahead: int, last: int) -> bool:
        """Whether the credit reaches 1 with this checkpoint."""
        if self.paced is None or step <= self.paced[0] or not self.costs:
            return False
        pace = (self.trained - self.paced[1]) / (step - self.paced[0])
        whole = self.trained + pace * (last - step)
        cost = max(self.costs[max(self.costs)], 1e-9)
        payable = (self.share * whole - self.watched) / cost - 1 if self.share is not None else math.inf
        self.credit += min(1.0, max(0.0, payable / ahead))
        if self.credit < 1 - 1e-9 or payable < 1:
            return False
        self.credit -= 1
        return True

    def begun(self, scheduled: int) -> str:
        """What is to come, in words."""
        return (
            f"Budget: watching takes at most {percent(self.share or 0, 0)} of the time of training. Of {scheduled} "
            "scheduled checkpoints the first and the last are kept, the others as far as the budget goes."
        )

    def reached(self) -> str:
        """What watching took, in words."""
        share, left = self.watched / max(self.trained, 1e-9), [step for step, kept in self.kept.items() if not kept]
        kept = f"{len(self.kept) - len(left)} of {len(self.kept)}"
        text = (
            f"Watching took {duration(self.watched)}, {percent(share, 0)} of {duration(self.trained)} of training "
            f"(budget {percent(self.share or 0, 0)}). Kept: the first, the last, and {kept} other scheduled "
            "checkpoints."
        )
        over = share > 1.1 * (self.share or 0)
        return f"{text} The first and the last are kept whatever they take." if over else text

    def save(self) -> None:
        """Store decisions and times."""
        if self.share is None or not self.path.parent.is_dir():
            return
        found = {
            "format": FORMAT,
            "trained": self.trained,
            "watched": self.watched,
            "credit": self.credit,
            "costs": [list(entry) for entry in self.costs.items()],
            "kept": [step for step, kept in self.kept.items() if kept],
            "left_out": [step for step, kept in self.kept.items() if not kept],
        }
        with writing(self.path) as temporary:
            temporary.write_text(dump_yaml(found))

    def load(self) -> None:
        """Take over what `save` stored."""
        found = read_yaml(self.path, REMEDY)
        try:
            if found["format"] != FORMAT:
                raise ValueError(f"expected format={FORMAT}, got format={found['format']!r}")
            numbers = [
                found["trained"],
                found["watched"],
                found["credit"],
                *(number for pair in found["costs"] for number in pair),
            ]
            if not all(
                plain_number(number) and number >= 0 for number in [*numbers, *found["kept"], *found["left_out"]]
            ):
                raise ValueError("expected numbers of at least 0, got others")
            self.trained, self.watched, self.credit = map(float, numbers[:3])
            self.costs = {int(step): float(cost) for step, cost in found["costs"]}
            self.kept = dict.fromkeys(found["kept"], True) | dict.fromkeys(found["left_out"], False)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"expected times and steps of format {FORMAT} in {self.path}, got others ({error}). {REMEDY}"
            ) from error
