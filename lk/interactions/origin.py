"""The header of an interactions file: what the effects belong to, and what they were computed from."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lk.storage.stored import plain_number, read_header, texts
from lk.storage.strict_json import damaged, parse_json

FORMAT = 2  # 1, which states no number, calls the tie-break "lean"
REMEDY = "Delete it and extract again: analyze.py extract RUN."
NUMBERS = ("step", "epoch", "kappa", "gap", "salience_ratio")
PER_SAMPLE = ("labels", "samples", "correct")
FIELDS = (*NUMBERS, "tie_break", "players", *PER_SAMPLE)  # of Interactions


@dataclass(frozen=True)
class Origin:
    """How interactions were computed: for the record, and to notice when they are out of date.

    Attributes:
        seconds: Wall time by part of the work: `play`, `decompose`, `all`.
        versions: Version by package.
        threads: Threads of torch; None where not recorded.
        made_from: Digest by input: weights, probes, samples, game, decomposition; None where not recorded.
        control: Name of the control of a study; None for the network as it is.
        recipe: Recipe of a control's probes, as plain data.
        accuracy: Accuracy by layer of a control's probes.
        settings: Settings of the study that computed them, as plain data; None outside of studies and where not
            recorded.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    made_from: Mapping[str, str] | None = None
    control: str | None = None
    recipe: Any = None
    accuracy: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] | None = None


def listed(value: object, kind: type) -> bool:
    """Whether a value is a list of one kind; of whole numbers, of such as a tensor holds."""
    return isinstance(value, list) and all(
        type(item) is kind and (kind is not int or plain_number(item)) for item in value
    )


def named(value: object, right: Callable[[object], bool]) -> bool:
    """Whether a value is a mapping by name to right ones."""
    return isinstance(value, dict) and all(map(right, value.values()))


def text(value: object) -> bool:
    """Whether a value is a text."""
    return isinstance(value, str)


RIGHT: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys((*NUMBERS, "threads"), plain_number),
    **dict.fromkeys(("tie_break", "control"), text),
    **dict.fromkeys(("seconds", "accuracy"), partial(named, right=plain_number)),
    **dict.fromkeys(("versions", "made_from"), partial(named, right=text)),
    **dict.fromkeys(("labels", "samples"), partial(listed, kind=int)),
    "correct": partial(listed, kind=bool),
    "players": partial(listed, kind=str),
}


def header_of(layers: tuple[str, ...], fields: Mapping[str, Any], origin: Origin) -> dict[str, str]:
    """The header of a file: `fields` are those of `Interactions`, None where unknown."""
    plain = {key: value.tolist() if isinstance(value, torch.Tensor) else value for key, value in fields.items()}
    about = {key: value for key, value in {**plain, **asdict(origin)}.items() if value is not None}
    return {"format": str(FORMAT), "layers": json.dumps(layers), "about": json.dumps(about)}


def about(header: Mapping[str, str], samples: int | None = None) -> dict[str, Any]:
    """The checked entries of a header, by the names of today.

    Args:
        header: Of a file of this version or an earlier one.
        samples: The number of samples that lists have an entry for, where it is known.

    Raises:
        ValueError: An entry is of another kind or length, or the format is one of a later version.
        KeyError: There are no entries.
    """
    if header.get("format", "1") not in ("1", str(FORMAT)):
        raise ValueError(f"expected format 1 to {FORMAT}, got format={header['format']!r}; it is of a later version")
    found = parse_json(header["about"])
    if not isinstance(found, dict):
        raise ValueError(f"expected metadata by name, got {type(found).__name__}")
    if "lean" in found:
        found["tie_break"] = found.pop("lean")
    found = {key: value for key, value in found.items() if value is not None}
    wrong = [key for key, right in RIGHT.items() if key in found and not right(found[key])]
    wrong += [key for key in PER_SAMPLE if samples is not None and len(found.get(key, ())) not in (0, samples)]
    if wrong:
        raise ValueError(
            f"expected metadata of the stored kinds and lengths, got another kind or length of {wrong[0]!r}"
        )
    return found


def origin_of(entries: Mapping[str, Any]) -> Origin:
    """The origin among the entries of a header."""
    return Origin(**{key: entries[key] for key in Origin.__dataclass_fields__ if key in entries})


def read_about(header: Mapping[str, str], samples: int) -> dict[str, Any]:
    """The arguments of `Interactions` that a header holds, beside the tensors.

    Raises:
        ValueError: An entry is of another kind or length.
        KeyError: There are no layers or entries.
    """
    entries = about(header, samples)
    fields = {key: entries[key] for key in FIELDS if key in entries}
    for key in PER_SAMPLE:
        given = fields.pop(key, None)
        if given or (given is not None and samples == 0):
            fields[key] = torch.tensor(given, dtype=torch.bool if key == "correct" else torch.int64)
    kinds = {"step": int, "epoch": float, "players": tuple}
    fields |= {key: kind(fields[key]) for key, kind in kinds.items() if key in fields}
    return {**fields, "layers": texts(parse_json(header["layers"]), "layers"), "origin": origin_of(entries)}


def read_origin(path: Path) -> Origin:
    """The origin of a stored file, without its tensors.

    Raises:
        ValueError: The file is truncated or holds no interactions.
    """
    try:
        return origin_of(about(read_header(path, "holds no interactions", REMEDY)))
    except (ValueError, KeyError) as error:
        raise damaged(path, "holds no interactions", error, REMEDY) from error
