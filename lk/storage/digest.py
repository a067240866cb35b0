"""Digests: what results were made from, in a few characters.

So that results of something else are not taken for them.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

LENGTH = 32  # hexadecimal digits: 128 bits


def digest_tensors(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and bytes, in the order of the names; cut to 128 bits.

    Half precision counts as the single precision that it equals: a network is trained in one and read from its file in
    the other.

    Example:
        >>> a, b = torch.zeros(2), torch.zeros(2, 1)
        >>> [digest_tensors({"a": a}) == digest_tensors({"a": other}) for other in (a.clone(), b)]
        [True, False]
    """
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        tensor = tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
        total.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        if tensor.numel():
            total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()[:LENGTH]


def digest_content(data: object) -> str:
    """SHA-256 of nested mappings, lists, tensors and plain values, in their order: what a checkpoint holds.

    Example:
        >>> first, second = {"a": [torch.ones(2), 1.0]}, {"a": [torch.ones(2), 1]}
        >>> [digest_content(first) == digest_content(other) for other in ({"a": [torch.ones(2), 1.0]}, second)]
        [True, False]
    """
    total = hashlib.sha256()

    def add(thing: object) -> None:
        if isinstance(thing, Tensor):
            whole = (thing.detach() if thing.layout == torch.strided else thing.detach().to_dense()).cpu().contiguous()
            total.update(f"tensor|{whole.dtype}|{tuple(whole.shape)}|".encode())
            if whole.numel():
                total.update(whole.reshape(-1).view(torch.uint8).numpy().data)
        elif isinstance(thing, Mapping | list | tuple):
            total.update(f"{'mapping' if isinstance(thing, Mapping) else 'list'}|{len(thing)}|".encode())
            for part in thing.items() if isinstance(thing, Mapping) else thing:
                add(part)
        else:
            total.update(f"{thing!r}|".encode())

    add(data)
    return total.hexdigest()[:LENGTH]


def digest_plain(data: object) -> str:
    """SHA-256 of plain data as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:LENGTH]


def digest_files(data: object) -> dict[str, str]:
    """Path to SHA-256 of every file that a description names, wherever in it.

    A path says nothing of what the file holds.
    """
    if isinstance(data, Mapping):
        parts = [digest_files(value) for value in data.values()]
    elif isinstance(data, list):
        parts = [digest_files(value) for value in data]
    elif isinstance(data, str) and names_file(data):
        with Path(data).open("rb") as file:
            return {data: hashlib.file_digest(file, "sha256").hexdigest()[:LENGTH]}
    else:
        parts = []
    return {path: found for part in parts for path, found in part.items()}


def names_file(text: str) -> bool:
    """Whether a text is the path of a file."""
    try:
        return 0 < len(text) < 1000 and Path(text).is_file()
    except (OSError, ValueError):  # no path at all
        return False
