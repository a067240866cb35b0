"""YAML files of a run: read with limits, written without aliases.

A file may be hostile or damaged. Its events are counted before anything is built from it, so that neither depth, nor
size, nor aliases that unfold to more than fits (or that contain themselves) cost more than reading it once. Of a key
that stands twice, YAML takes the last without a word; here it is refused.
"""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

BYTES = 8_000_000  # the words of some 50 000 sentences
NODES = 500_000  # with aliases unfolded
DEPTH = 50  # nested class paths need four levels each

Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where PyYAML was built with it: ten times as fast


class Loader(Base):  # type: ignore[misc, valid-type]
    """PyYAML's safe loader, which refuses keys that stand twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if (key.tag, key.value) in seen:
                    raise ValueError(
                        f"expected each key once, got {key.value!r} twice, again in line {key.start_mark.line + 1}"
                    )
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)  # type: ignore[no-any-return]


# 1e-3 is a number, as it is for the command line; YAML 1.1 asks for a point.
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


class Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper; an object that occurs twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """No aliases."""
        return True


def check_events(text: str) -> None:
    """Refuse what would take more than one reading.

    Raises:
        ValueError: Too deep, too large, or an alias inside of what it stands for.
    """
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []  # anchors of the collections around, and the nodes before them
    total = 0
    for event in yaml.parse(text, Loader=Base):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ValueError(f"expected aliases outside of what they stand for, got *{event.anchor} inside")
            total += sizes[event.anchor]
        elif isinstance(event, yaml.NodeEvent):
            total += 1
            if isinstance(event, yaml.CollectionStartEvent):
                open_.append((event.anchor, total))
                sizes.pop(event.anchor or "", None)
            elif event.anchor is not None:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor is not None:
                sizes[anchor] = total - before + 1
        if total > NODES or len(open_) > DEPTH:
            raise ValueError(
                f"expected at most {NODES:,} entries, got more"
                if total > NODES
                else f"expected at most {DEPTH} levels, got one that is nested deeper"
            )


def read_yaml(path: Path, remedy: str) -> dict[str, Any]:
    """The mapping in a YAML file.

    Args:
        path: The file.
        remedy: What to do where it cannot be read.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no mapping, damaged, or hostile; names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No file {path}. {remedy}")
    try:
        if path.stat().st_size > BYTES:
            raise ValueError(f"expected at most {BYTES:,} bytes, got {path.stat().st_size:,}")
        text = path.read_bytes().decode("utf-8")
        check_events(text)
        loaded = yaml.load(text, Loader=Loader)  # safe: a subclass of SafeLoader
    except Exception as error:  # PyYAML's constructors raise many types for damaged numbers, dates and tags
        raise ValueError(f"{path} is no valid YAML: {error}. {remedy}") from error
    loaded = {} if loaded is None else loaded  # an empty file
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise ValueError(f"expected a mapping with text as keys in {path}, got {type(loaded).__name__}. {remedy}")
    return loaded


def dump_yaml(data: object) -> str:
    """Plain data as YAML, keys in their order."""
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True)
