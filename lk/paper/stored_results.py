"""Results of the paper's studies, stored in the run: computed once for each checkpoint and setting."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from lk.paper.final_checkpoint import FinalCheckpoint
from lk.runs import step_name
from lk.storage.files import writing
from lk.storage.stored import read_tensors, write_tensors
from lk.storage.strict_json import damaged, parse_json
from lk.storage.trust import renamed

WHAT, REMEDY = "holds no result of a study", "Delete it; the same command makes it again."


class Result(NamedTuple):
    """A table of a study, and what it took.

    Attributes:
        table: The table.
        seconds: Wall time by part of the work, `all` for the whole.
    """

    table: pd.DataFrame
    seconds: Mapping[str, float]


def stored_table(
    final: FinalCheckpoint, name: str, settings: Mapping[str, Any], compute: Callable[[], Result]
) -> Result:
    """A table of the run: read if computed with these settings at this checkpoint, otherwise computed and written.

    Args:
        final: The checkpoint.
        name: Name of the table inside the extraction's folder.
        settings: All that decides it beside the extraction, as plain data; stored in the file.
        compute: Computes it, with the seconds of its parts.
    """
    path, settings = f"{final.extraction.name}/{name}", {**settings, **final.identity}
    if final.run.table(path).is_file():
        table = final.run.read_table(path)
        table.attrs.clear()  # where earlier versions kept what `read_about` reads
        about = read_about(final.run.table(path))
        if same(about["settings"], settings):
            return Result(table, about["seconds"])
    start = time.perf_counter()
    table, seconds = compute()
    seconds = {**seconds, "all": time.perf_counter() - start}
    write_table(final.run.table(path), table, {"settings": settings, "seconds": seconds})
    return Result(table, seconds)


def write_table(path: Path, table: pd.DataFrame, about: Mapping[str, Any]) -> None:
    """Write a table, with plain data about it in the metadata of the file."""
    stored = pa.Table.from_pandas(table, preserve_index=False)
    metadata = {**(stored.schema.metadata or {}), **{key: json.dumps(value) for key, value in about.items()}}
    with writing(path) as temporary:
        pq.write_table(stored.replace_schema_metadata(metadata), temporary, write_page_checksum=True)


def read_about(path: Path) -> dict[str, Any]:
    """Settings and seconds of a stored table; None and empty where an earlier version stored none.

    Raises:
        ValueError: They are no JSON; names the file.
    """
    metadata = pq.read_schema(path).metadata or {}
    try:
        if b"settings" in metadata:
            about = {key: parse_json(metadata[key.encode()].decode()) for key in ("settings", "seconds")}
        else:
            about = {"settings": None, "seconds": {}, **parse_json(metadata.get(b"PANDAS_ATTRS", b"{}").decode())}
        if not isinstance(about["seconds"], dict):
            raise ValueError(f"expected seconds by part of the work, got {about['seconds']!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, WHAT, error, REMEDY) from error
    return about


def stored_tensors(
    final: FinalCheckpoint, name: str, settings: Mapping[str, Any], compute: Callable[[], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """Tensors of the run: read if computed with these settings at this checkpoint, otherwise computed and written.

    Args:
        final: The checkpoint.
        name: Name of the file inside the extraction's folder of the checkpoint.
        settings: All that decides them beside the extraction, as plain data; stored in the file.
        compute: Computes them.
    """
    path = final.run.extraction(final.extraction.name) / step_name(final.step) / name
    settings = {**settings, **final.identity}
    if path.is_file():
        tensors, about = read_tensors(path, WHAT, REMEDY)
        # Files without settings are older than these; their names say what decides them.
        try:
            stored = parse_json(about["settings"]) if "settings" in about else {**settings, "made_from": None}
        except ValueError as error:
            raise damaged(path, WHAT, error, REMEDY) from error
        if same(stored, settings):
            return tensors
    write_tensors(path, compute(), {"settings": json.dumps(settings)})
    return read_tensors(path, WHAT, REMEDY)[0]


def same(stored: object, settings: Mapping[str, Any]) -> bool:
    """Whether stored settings are these.

    Results that were stored before digests were kept belong to checkpoints without them.
    """
    return isinstance(stored, dict) and renamed({"made_from": None, **stored}) == json.loads(json.dumps(settings))
