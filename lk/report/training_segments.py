"""How the training of a run began, was resumed and ended, for its page."""

from collections.abc import Mapping, Sequence
from typing import Any

from lk.pages.page import Section
from lk.text import number

Segments = Sequence[Mapping[str, Any]]


def on_segments(segments: Segments) -> str:
    """One sentence where training did not end as planned, or changed its settings on the way; empty elsewhere."""
    if not segments:
        return ""
    last, said = segments[-1], []
    how = last.get("ended")
    if how is None:
        said.append(
            "Training was killed, or is still running: what is said here is of its last checkpoint, not of a finished "
            "network."
        )
    elif how == "stopped early":
        said.append(
            f"Training was stopped early, at epoch {number(float(last['to_epoch']), 3)} (step {last['to_step']})."
        )
    elif how != "finished":
        said.append(
            f"Training was stopped by {how} at epoch {number(float(last['to_epoch']), 3)} (step {last['to_step']}): "
            "what is said here is of its last checkpoint, not of a finished network."
        )
    changed = sorted({key for segment in segments for key in segment["changed"]})
    if changed:
        said.append(f"A resume changed {', '.join(changed)}; the table of segments says where.")
    return " ".join(said)


def segments_section(segments: Segments) -> Section | None:
    """A row per segment: from where to where, how it ended, and what it changed; none for an uninterrupted training."""
    if len(segments) < 2:
        return None
    section = Section("Segments of the training")
    rows = [
        (
            segment["started"],
            segment["from_step"],
            segment.get("to_step", "–"),
            segment.get("ended", "killed, or still running"),
            segment.get("devices", "–"),
            "; ".join(f"{key}: {old} → {new}" for key, (old, new) in segment["changed"].items()) or "nothing",
        )
        for segment in segments
    ]
    section.table(("started", "from step", "to step", "ended", "devices", "changed against the segment before"), rows)
    section.text.append("A resumed training equals an uninterrupted one bit for bit where nothing changed.")
    return section
