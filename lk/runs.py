"""A run folder: the only code that knows the paths inside it.

runs/<id>/config.yaml  checkpoints/step=0001234.ckpt  probes/step=0001234.safetensors
extractions/<name>/{settings.yaml, samples.safetensors, step=0001234/{values,interactions}.safetensors}
certificates/step=0001234/seed=0007/<verifier>/{certificate.json, slack.safetensors, explanation.json, explanation.safetensors}
tables/<name>/*.parquet  tables/{probes,training}.parquet  figures/  report.html  wandb/
"""

import importlib
import inspect
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from torch import nn

from lk.files import writing

TRUSTED = ("lk.", "torchvision.", "torch.nn.")


def step_name(step: int) -> str:
    """`step=0001234`: sorts as text the way it sorts as a number."""
    return f"step={step:07d}"


def numbered(folder: Path, ending: str) -> dict[int, Path]:
    """Files or folders called `step=<number><ending>`, by number."""
    found = {}
    for path in folder.glob(f"step=*{ending}") if folder.is_dir() else []:
        match = re.fullmatch(rf"step=(\d+){re.escape(ending)}", path.name)
        if match:
            found[int(match[1])] = path
    return dict(sorted(found.items()))


class ForeignClassError(ValueError):
    """A run's config names a class that is neither of lk nor of torchvision."""


def check_trusted(config: object) -> None:
    """Refuse a configuration that would import or call anything outside lk, torchvision and torch.nn.

    Raises:
        ForeignClassError: Names the class or function. A run folder is data from somebody.
    """
    if isinstance(config, Mapping):
        for key, value in config.items():
            if key in ("class_path", "function") and isinstance(value, str) and not value.startswith(TRUSTED):
                raise ForeignClassError(
                    f"The run's config names {value!r}. Only classes of lk and torchvision are built from a run folder, because building "
                    "a class runs its code. Pass --trust true if you know where this run comes from."
                )
            check_trusted(value)
    elif isinstance(config, list | tuple):
        for item in config:
            check_trusted(item)


def find(path: str, trust: bool) -> Any:
    """Import a class or function by its dotted path; without `trust` it must also be *defined* in lk, torchvision or torch.nn."""
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"The run's config names {path!r}, which cannot be imported ({error}).") from error
    if not trust and not f"{getattr(found, '__module__', '')}.".startswith(TRUSTED):
        raise ForeignClassError(
            f"The run's config names {path!r}, which is defined in {getattr(found, '__module__', 'an unknown place')!r}."
        )
    return found


def build(config: Mapping[str, Any], trust: bool = False, **linked: Any) -> Any:
    """Instantiate `{class_path, init_args}`, nested ones first.

    Args:
        config: As in a run's config.yaml.
        trust: Allow classes outside lk, torchvision and torch.nn.
        **linked: Arguments that the command line links between parts, such as `num_classes`.

    Raises:
        ForeignClassError: A class is foreign and `trust` is off.
        ValueError: A class cannot be imported.

    Example:
        >>> build({"class_path": "lk.games.Grid", "init_args": {"patch": 2}}).patch
        2
    """
    if not trust:
        check_trusted(config)
    path = str(config["class_path"])
    arguments = {
        key: build(value, trust) if isinstance(value, Mapping) and "class_path" in value else value
        for key, value in (config.get("init_args") or {}).items()
    }
    if isinstance(arguments.get("function"), str):
        arguments["function"] = find(arguments["function"], trust)
    found = find(path, trust)
    if not trust and not isinstance(found, type):
        raise ForeignClassError(f"The run's config names {path!r} where a class is expected.")
    return found(**{**arguments, **linked})


def describe(thing: Any) -> Any:
    """The inverse of `build`: class path and the arguments that an object keeps under their own names, as plain data.

    Example:
        >>> from lk.games import Grid
        >>> describe(Grid(2))
        {'class_path': 'lk.games.players.Grid', 'init_args': {'patch': 2}}
    """
    if isinstance(thing, str | int | float | bool | type(None)):
        return thing
    if isinstance(thing, list | tuple):
        return [describe(item) for item in thing]
    if callable(thing) and hasattr(thing, "__qualname__"):
        return f"{thing.__module__}.{thing.__qualname__}"
    names = [name for name in inspect.signature(type(thing)).parameters if hasattr(thing, name)]
    return {
        "class_path": f"{type(thing).__module__}.{type(thing).__qualname__}",
        "init_args": {n: describe(getattr(thing, n)) for n in names},
    }


class Run:
    """One run folder.

    Args:
        path: The folder.

    Raises:
        FileNotFoundError: There is no run in the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.config_file.is_file():
            others = sorted(p.parent.name for p in self.path.parent.glob("*/config.yaml"))
            known = f" Runs there: {', '.join(others)}." if others else ""
            raise FileNotFoundError(f"No run in {str(self.path)!r}: expected a folder with config.yaml, as train.py writes it.{known}")

    @property
    def id(self) -> str:
        """The run's id, which is also that of its W&B run."""
        return self.path.resolve().name

    @property
    def config_file(self) -> Path:
        """The complete configuration."""
        return self.path / "config.yaml"

    @cached_property
    def config(self) -> dict[str, Any]:
        """The complete configuration, as a plain dict."""
        try:
            loaded = yaml.safe_load(self.config_file.read_text())
        except yaml.YAMLError as error:
            raise ValueError(f"{self.config_file} is no valid YAML: {error}") from error
        if not isinstance(loaded, dict) or "model" not in loaded or "data" not in loaded:
            raise ValueError(f"{self.config_file} has no `model` and `data` entries; expected a file written by train.py.")
        return loaded

    # ---- folders and files
    @property
    def checkpoints(self) -> dict[int, Path]:
        """Step to checkpoint file."""
        return numbered(self.path / "checkpoints", ".ckpt")

    def checkpoint(self, step: int) -> Path:
        """File of one checkpoint."""
        return self.path / "checkpoints" / f"{step_name(step)}.ckpt"

    def probes(self, step: int) -> Path:
        """File of the probes of one checkpoint."""
        return self.path / "probes" / f"{step_name(step)}.safetensors"

    @property
    def extractions(self) -> dict[str, Path]:
        """Name to folder of every extraction."""
        return {p.parent.name: p.parent for p in sorted((self.path / "extractions").glob("*/settings.yaml"))}

    def extraction(self, name: str) -> Path:
        """Folder of one extraction."""
        return self.path / "extractions" / name

    def extracted(self, name: str) -> dict[int, Path]:
        """Step to file of the interactions of one extraction."""
        steps = numbered(self.extraction(name), "")
        return {step: p / "interactions.safetensors" for step, p in steps.items() if (p / "interactions.safetensors").is_file()}

    def certificates(self, step: int, seed: int) -> Path:
        """Folder of the explanations and certificates of one seed at one checkpoint."""
        return self.path / "certificates" / step_name(step) / f"seed={seed:04d}"

    @property
    def certified(self) -> dict[int, dict[int, Path]]:
        """Step to seed to folder of the stored explanations and certificates."""
        return {
            step: {int(p.name.removeprefix("seed=")): p for p in sorted(folder.glob("seed=*"))}
            for step, folder in numbered(self.path / "certificates", "").items()
        }

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.path / "figures"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    def table(self, name: str) -> Path:
        """File of a table; `name` may contain the extraction's folder, as in `default/strength`."""
        return self.path / "tables" / f"{name}.parquet"

    def write_table(self, name: str, frame: pd.DataFrame) -> None:
        """Write a table to a temporary name, then rename."""
        with writing(self.table(name)) as temporary:
            frame.to_parquet(temporary, index=False)

    def read_table(self, name: str) -> pd.DataFrame:
        """Read a table."""
        if not self.table(name).is_file():
            raise FileNotFoundError(f"Run {self.id} has no table {name!r} ({self.table(name)}); make it first with train.py or analyze.py.")
        return pd.read_parquet(self.table(name))

    # ---- rebuilding
    def data(self, trust: bool = False, data_dir: str | None = None) -> Any:
        """The data module of the config; `data_dir` replaces its folder, for a run that was made elsewhere."""
        config = self.config["data"]
        if data_dir is not None:
            config = {**config, "init_args": {**(config.get("init_args") or {}), "data_dir": data_dir}}
        return build(config, trust)

    def extraction_config(self, name: str | None = None) -> dict[str, Any]:
        """Settings of an extraction: of a stored one by its name, else those that training used; empty if there are none."""
        if name is not None and (self.extraction(name) / "settings.yaml").is_file():
            return yaml.safe_load((self.extraction(name) / "settings.yaml").read_text())  # type: ignore[no-any-return]
        for callback in self.config.get("trainer", {}).get("callbacks") or []:
            if callback.get("class_path", "").endswith("ExtractInteractions"):
                found: dict[str, Any] = callback["init_args"]["extraction"]
                settings: dict[str, Any] = found.get("init_args", found)
                return settings
        return {}

    def network(self, data: Any, trust: bool = False) -> nn.Module:
        """The network of the config with fresh weights."""
        shape = {"num_classes": data.num_classes, "input_shape": data.input_shape}
        return build(self.config["model"]["network"], trust, **shape)  # type: ignore[no-any-return]

    def load(self, network: nn.Module, step: int) -> dict[str, Any]:
        """Load a checkpoint's weights into the network; returns its `lk` entry (step and epoch).

        Raises:
            ValueError: The file is truncated, or belongs to another network.
        """
        path = self.checkpoint(step)
        if not path.is_file():
            raise FileNotFoundError(
                f"Run {self.id} has no checkpoint of step {step}. Known: {', '.join(map(str, self.checkpoints)) or 'none'}."
            )
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)
            weights = {key.removeprefix("network."): value for key, value in stored["state_dict"].items() if key.startswith("network.")}
            epoch = float(stored["epoch"])
        except Exception as error:  # torch raises many types for a damaged file
            raise ValueError(
                f"{path} is truncated or no checkpoint ({type(error).__name__}: {error}). Delete it; other checkpoints are usable."
            ) from error
        own = network.state_dict()
        wrong = [
            key for key in sorted(set(own) | set(weights)) if key not in own or key not in weights or own[key].shape != weights[key].shape
        ]
        if wrong:
            sizes = f"{tuple(weights[wrong[0]].shape) if wrong[0] in weights else 'missing'} in the file, "
            sizes += f"{tuple(own[wrong[0]].shape) if wrong[0] in own else 'missing'} in the network"
            raise ValueError(f"{path} is a checkpoint of another network: {len(wrong)} tensors differ, first {wrong[0]!r} ({sizes}).")
        precisions = {value.dtype for value in weights.values() if value.is_floating_point()}
        if len(precisions) == 1:  # --trainer.precision 64-true: read in what it was trained in
            network.to(precisions.pop())
        network.load_state_dict(weights)
        return {"step": step, "epoch": epoch, **stored.get("lk", {})}
