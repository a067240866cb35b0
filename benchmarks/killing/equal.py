"""What must be equal in the folders of two jobs: everything but times, and names of the folder."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from safetensors import safe_open


def content(path: Path) -> Any:
    """What a file says, without times."""
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys() if key != "seconds"}  # noqa: SIM118
        return {
            "about": timeless({key: parsed(value) for key, value in about.items()}),
            **{k: v.tolist() for k, v in tensors.items()},
        }
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path)
        return json.loads(
            frame.drop(columns=[c for c in frame if "seconds" in str(c)]).to_json(orient="split", double_precision=15)
        )
    if path.suffix == ".ckpt":
        stored = torch.load(path, map_location="cpu", weights_only=True)
        return {key: value.tolist() for key, value in stored["state_dict"].items() if key.startswith("network.")}
    if path.suffix in (".yaml", ".json"):
        return timeless(yaml.safe_load(path.read_text()))
    return None  # figures and pages are drawn from the tables


def parsed(text: str) -> Any:
    """A header entry as data, where it is JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def timeless(thing: Any) -> Any:
    """Nested data without measured times and digests of files that hold some."""
    if isinstance(thing, dict):
        if "tiers" in thing:  # name, bound, operations, seconds
            thing = {**thing, "tiers": [tier[:3] for tier in thing["tiers"]]}
        return {
            key: timeless(value)
            for key, value in thing.items()
            if "seconds" not in key and key not in ("digest", "started")
        }
    return [timeless(item) for item in thing] if isinstance(thing, list) else thing


# The configuration names its own folder and id, the heartbeat its process and the time.
IGNORED = ("wandb", "segments.yaml", "heartbeat.json", ".lock", "config.yaml")


def files_of(folder: Path) -> dict[str, Path]:
    """Files of a job that must be equal, by name."""
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name: path
        for name, path in found.items()
        if not set(Path(name).parts) & set(IGNORED) and "last.ckpt" not in name
    }


def differences(first: Path, second: Path) -> list[str]:
    """Files that are in one folder only, or say different things."""
    one, two = files_of(first), files_of(second)
    found = [f"only once: {name}" for name in sorted(set(one) ^ set(two))]

    def said(path: Path, folder: Path) -> str:  # a table may name its run
        return json.dumps(content(path), default=str, sort_keys=True).replace(folder.name, "RUN")

    return found + [
        f"differs: {name}" for name in sorted(set(one) & set(two)) if said(one[name], first) != said(two[name], second)
    ]
