"""Segments of a training: where a run can be resumed, with which settings, and how each part of it began and ended.

A run that is never interrupted has one segment. Each resume adds one, so that the file says which steps were trained
with which settings.
"""

import copy
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lk.storage.files import writing
from lk.storage.stored import network_weights, plain_number, whole_checkpoint
from lk.storage.strict_yaml import dump_yaml, read_yaml

SEGMENTS = "segments.yaml"
# Settings that change no weight: they may differ between segments, and are not recorded.
FREE = (
    "id",
    "runs_dir",
    "report",
    "resume",
    "ckpt_path",
    "weights_only",
    "config",
    "trainer.default_root_dir",
    "trainer.logger",
    "trainer.log_every_n_steps",
    "trainer.profiler",
    "trainer.num_sanity_val_steps",
    "trainer.enable_progress_bar",
    "trainer.enable_model_summary",
    "trainer.enable_checkpointing",
    "trainer.detect_anomaly",
    "trainer.barebones",
    "data.init_args.num_workers",
)
# Settings that say how long, on which machine and from where: they may differ, and the segment records how.
RECORDED = (
    "trainer.max_epochs",
    "trainer.max_steps",
    "trainer.max_time",
    "trainer.min_epochs",
    "trainer.min_steps",
    "trainer.callbacks",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "data.init_args.data_dir",
    "data.init_args.path",
)


@dataclass(frozen=True)
class ResumePoint:
    """A checkpoint that training can go on from."""

    path: Path
    step: int


def read_resume_point(path: Path) -> ResumePoint | None:
    """The step of a checkpoint that holds all that a resume needs.

    Nothing where it is damaged, missing or for reading only.

    Passed over is a checkpoint that was written where a validation follows, in the last batch of an epoch or inside
    one: a resume from it would leave that out. So is one that was written where something ended training inside an
    epoch, which Lightning counts as complete.
    """
    try:
        stored = whole_checkpoint(path)
        check_point(stored)
        loops = stored["loops"]["fit_loop"]
        epoch, batch = loops["epoch_progress"]["total"], loops["epoch_loop.batch_progress"]
        inside = epoch["processed"] < epoch["started"]
        # Earlier versions kept neither the place inside an epoch nor the random generators.
        own = stored.get("lk", {})
        placed = (
            (not batch["is_last_batch"] and "random" in own and not own.get("validation_due", False))
            if inside
            else batch["is_last_batch"]
        )
        return ResumePoint(path, int(stored["global_step"])) if placed and "optimizer_states" in stored else None
    except (ValueError, FileNotFoundError, KeyError, TypeError, AttributeError):
        return None


def check_point(stored: Mapping[str, Any]) -> None:
    """Refuse a checkpoint whose counts contradict each other: it was written by something else.

    Args:
        stored: What it holds.

    Raises:
        ValueError: Says which count is wrong.
        KeyError: A count is missing. So for TypeError and AttributeError, where it is of another kind.
    """

    def counts(of: str) -> list[Mapping[str, Any]]:
        found = [loops[of][part] for part in ("total", "current")]
        for part in found:
            numbers = [part[name] for name in ("ready", "started", "processed", "completed")]
            if (
                not all(plain_number(number) for number in numbers)
                or numbers != sorted(numbers, reverse=True)
                or numbers[-1] < 0
            ):
                raise ValueError(f"expected {of} as numbers that fall, got {part}")
        return found

    loops = stored["loops"]["fit_loop"]
    (epochs, _), (_, batches) = counts("epoch_progress"), counts("epoch_loop.batch_progress")
    steps = loops["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]["total"]["completed"]
    if not plain_number(stored["global_step"]) or stored["global_step"] != steps:
        raise ValueError(f"expected global_step={steps}, as many as the optimiser made, got {stored['global_step']!r}")
    trained = batches["ready"] if epochs["processed"] < epochs["started"] else 0
    places = [
        value["trained"] for value in stored.values() if isinstance(value, Mapping) and value.keys() == {"trained"}
    ]
    if any(not plain_number(place) or place != trained for place in places):
        raise ValueError(f"expected {trained} batches of the epoch trained on, got {places}")
    if not network_weights(stored):
        raise ValueError("expected weights of a network, got none")


def resume_points(folder: Path, scheduled: Mapping[int, Path]) -> Iterator[ResumePoint]:
    """Checkpoints of a run that training can go on from, the newest first.

    Args:
        folder: The run folder.
        scheduled: Its scheduled checkpoints by step.
    """
    named = [
        folder / "checkpoints" / "last.ckpt",
        *folder.glob("hpc_ckpt_*.ckpt"),
    ]  # the second kind is what Lightning writes under SLURM
    found = [point for path in named if (point := read_resume_point(path)) is not None]
    whole = sorted(found, key=lambda point: point.step, reverse=True)
    later = sorted(scheduled, reverse=True)
    for point in whole:
        # A file that is made for resuming comes before a scheduled one of the same step.
        for step in [step for step in later if step > point.step]:
            if (other := read_resume_point(scheduled[step])) is not None:
                yield other
        later = [step for step in later if step < point.step]
        yield point
    for step in later:
        if step > 0 and (other := read_resume_point(scheduled[step])) is not None:
            yield other


def differences(old: object, new: object, key: str = "") -> Iterator[tuple[str, object, object]]:
    """Key, old and new value of every setting that differs.

    Lists, and mappings that a class takes as one argument, are values. A member of a list that has an argument
    more is the same where the argument has its default: a later version of lk added it.

    Example:
        >>> list(differences({"a": 1, "b": None}, {"a": 1, "b": {"c": 2}}))
        [('b', None, {'c': 2})]
        >>> before = {"data": {"init_args": {"columns": {"a": 1}}}}
        >>> list(differences(before, {"data": {"init_args": {"columns": {"a": 1, "b": 2}}}}))
        [('data.init_args.columns', {'a': 1}, {'a': 1, 'b': 2})]
    """
    if (
        isinstance(old, Mapping)
        and isinstance(new, Mapping)
        and (is_group(key) or "class_path" in old or "class_path" in new)
    ):
        # Of arguments that only one of both has, one comes from another version of lk or of a library.
        for name in [name for name in {**old, **new} if name == "dict_kwargs" or (name in old and name in new)]:
            yield from differences(old.get(name), new.get(name), f"{key}.{name}" if key else str(name))
    elif old != new and not (
        isinstance(old, list)
        and isinstance(new, list)
        and len(old) == len(new)
        and all(old_one == new_one or is_completed(old_one, new_one) for old_one, new_one in zip(old, new, strict=True))
    ):
        yield key, old, new


def is_completed(old: object, new: object) -> bool:
    """Whether two entries of a class differ only in arguments that the new one has more, at their defaults.

    The class of the new entry is loaded already, as the parser has read the configuration.

    Example:
        >>> import lk.callbacks
        >>> old = {"class_path": "lk.callbacks.SaveCheckpoints", "init_args": {"early": 1}}
        >>> [is_completed(old, {**old, "init_args": {"early": 1, "max_overhead": share}}) for share in (None, 0.2)]
        [True, False]
    """
    if not (isinstance(old, Mapping) and isinstance(new, Mapping) and "class_path" in new):
        return False
    module, _, name = str(new["class_path"]).rpartition(".")
    made = getattr(sys.modules.get(module), name, None)
    if not callable(made):
        return False
    before, arguments = old.get("init_args") or {}, new.get("init_args") or {}
    parameters, missing = inspect.signature(made).parameters, object()
    return {**old, "init_args": None} == {**new, "init_args": None} and all(
        is_completed(before[name], arguments[name]) or before[name] == arguments[name]
        if name in before and name in arguments
        else name in arguments and getattr(parameters.get(name), "default", missing) == arguments[name]
        for name in {**before, **arguments}
    )


def is_group(key: str) -> bool:
    """Whether a key names arguments by name: the whole, the parser's own groups, and the arguments of a class."""
    return key in ("", "data", "model", "optimizer", "lr_scheduler", "trainer") or key.rsplit(".", 1)[-1] == "init_args"


def changes(stored: Mapping[str, Any], given: Mapping[str, Any], run: str) -> dict[str, list[Any]]:
    """What a resume changes against the stored configuration.

    Args:
        stored: The run's configuration.
        given: That of the command which resumes it.
        run: The run's id, for the message.

    Returns:
        Key to `[stored, given]`, for the settings that may differ and are recorded.

    Raises:
        ValueError: A setting differs that decides what the weights mean; names each with both values.
    """

    def under(key: str, names: tuple[str, ...]) -> bool:
        return any(key == name or key.startswith(f"{name}.") for name in names)

    # In the order of the configuration. Keys that only one of both has come from another version of lk or of a library.
    differ = {key: [old, new] for key, old, new in differences(stored, given) if not under(key, FREE)}
    refused = [
        f"{key}={json.dumps(pair[1], default=str)} (stored: {json.dumps(pair[0], default=str)})"
        for key, pair in differ.items()
        if not under(key, RECORDED)
    ]
    if refused:
        raise ValueError(
            f"expected the settings that run {run!r} was trained with, got {', '.join(refused)}. Leave them away to "
            "resume the run, or choose another --id for a run with other settings."
        )
    return differ


def accepted(stored: dict[str, Any], changed: Mapping[str, list[Any]]) -> dict[str, Any]:
    """The stored configuration with the recorded changes filled in."""
    found = copy.deepcopy(stored)
    for key, (_, value) in changed.items():
        *path, name = key.split(".")
        place = found
        for part in path:
            place = place.setdefault(part, {})
        place[name] = value
    return found


def read_segments(folder: Path) -> list[dict[str, Any]]:
    """The segments of a run in order; empty for runs of an earlier version.

    Raises:
        ValueError: The file is damaged.
    """
    path = folder / SEGMENTS
    if not path.is_file():
        return []
    found = read_yaml(path, "Delete it: the report then goes without it.").get("segments")
    if not isinstance(found, list) or not all(map(is_segment, found)):
        raise ValueError(
            f"expected segments of a training in {path}, got something else. Delete it: the report then goes without "
            "it."
        )
    return found


def is_segment(segment: object) -> bool:
    """Whether something read from a file is what `begin_segment` and `end_segment` write."""
    if (
        not isinstance(segment, dict)
        or not isinstance(segment.get("changed"), dict)
        or not isinstance(segment.get("started"), str)
    ):
        return False
    pairs = all(isinstance(pair, list) and len(pair) == 2 for pair in segment["changed"].values())
    ended = ("to_step", "to_epoch") if "ended" in segment else ()
    return (
        pairs
        and all(plain_number(segment.get(key)) for key in ("from_step", "from_epoch", *ended))
        and isinstance(segment.get("ended", ""), str)
    )


def write_segments(folder: Path, segments: list[dict[str, Any]]) -> None:
    """Replace the segments of a run."""
    with writing(folder / SEGMENTS) as temporary:
        temporary.write_text(dump_yaml({"segments": segments}), encoding="utf-8")


def begin_segment(folder: Path, step: int, epoch: float, changed: Mapping[str, list[Any]], devices: int) -> None:
    """Record that training begins, or goes on, at a step."""
    begun = {
        "from_step": step,
        "from_epoch": epoch,
        "started": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "devices": devices,
        "changed": {key: list(pair) for key, pair in changed.items()},
    }
    write_segments(folder, [*read_segments(folder), begun])


def end_segment(folder: Path, step: int, epoch: float, how: str) -> None:
    """Record how the last segment ended: `finished`, `stopped early`, or what stopped it."""
    segments = read_segments(folder)
    if segments:
        segments[-1] = {**segments[-1], "to_step": step, "to_epoch": epoch, "ended": how}
        write_segments(folder, segments)


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Store the complete configuration of a run."""
    with writing(folder / "config.yaml") as temporary:
        temporary.write_text(dump_yaml(config), encoding="utf-8")
