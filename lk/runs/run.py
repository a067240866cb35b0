"""A run folder: the only code that knows the paths inside it.

runs/<id>/config.yaml  segments.yaml  heartbeat.json  measured.json
checkpoints/{step=0001234,last}.ckpt  probes/step=0001234.safetensors
extractions/<name>/{settings.yaml, samples.safetensors, step=0001234/{values,interactions}.safetensors}
certificates/step=0001234/seed=0007/{network.safetensors, <verifier>/{certificate.json, slack.safetensors,
explanation.json, explanation.safetensors}} tables/<name>/*.parquet  tables/{probes,training}.parquet  figures/
report.html  wandb/
"""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from torch import nn

from lk.networks import Network
from lk.storage.files import writing
from lk.storage.stored import load_checkpoint, network_weights, plain_number, read_frame
from lk.storage.strict_yaml import read_yaml
from lk.storage.trust import ForeignClassError, build, renamed, shortened

if TYPE_CHECKING:
    from lk.data import Data

# Columns that readers of a table rely on; the tables of an extraction are made again from its interactions before they
# are read.
COLUMNS = {
    "probes": (
        "step",
        "epoch",
        "layer",
        "depth",
        "accuracy",
        "calibration_error",
        "loss",
        "chance",
        "at_chance",
        "samples",
        "gradient_norm",
        "iterations",
    ),
    "training": ("step", "epoch", "quantity", "value"),
    "certificates": (
        "step",
        "epoch",
        "seed",
        "verifier",
        "tier",
        "bound",
        "cost",
        "operations",
        "seconds",
        "loss_bound",
        "margin",
        "error_50",
        "error_90",
        "unexplained",
        "failed",
        "reason",
        "accuracy",
    ),
    "circuits": (),
    "data": ("note",),
    "environment": ("what", "step"),
    "progress": ("step", "epoch", "seed", "quantity", "irrep", "value"),
    "stability": ("step", "layer", "place", "kind", "order", "sample", "stability"),
}

TEXT = {"layer", "quantity", "place", "kind", "verifier", "tier", "reason", "irrep", "note", "what"}
BOOL = {"at_chance", "failed"}


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


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of an extraction.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A setting is of another kind; names the file.
    """
    remedy = f"Delete the folder {path.parent} and extract again: analyze.py extract RUN."
    found: dict[str, Any] = renamed(read_yaml(path, remedy))
    for key in ("players", "masker", "score", "probes"):
        part = found.get(key)
        if part is not None and not is_part(part):
            raise ValueError(f"expected {key} as class_path with init_args in {path}, got {shortened(part)}. {remedy}")
    for key in ("kappa", "gap", "salience_ratio", "batch_size"):
        if found.get(key) is not None and not plain_number(found[key]):
            raise ValueError(f"expected {key} as a number in {path}, got {shortened(found[key])}. {remedy}")
    for key in ("name", "background"):
        if not isinstance(found.get(key, ""), str):
            raise ValueError(f"expected {key} as text in {path}, got {shortened(found[key])}. {remedy}")
    layers = found.get("layers")
    if layers is not None and not (isinstance(layers, list) and all(isinstance(layer, str) for layer in layers)):
        raise ValueError(f"expected layers as a list of names in {path}, got {shortened(layers)}. {remedy}")
    return found


def is_part(config: object) -> bool:
    """Whether a configuration is that of an object: a mapping with a class_path, and init_args that are one too."""
    return (
        isinstance(config, Mapping)
        and isinstance(config.get("class_path"), str)
        and isinstance(config.get("init_args") or {}, Mapping)
    )


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
            raise FileNotFoundError(
                f"expected a folder with config.yaml, as train.py writes it, got {str(self.path)!r}. Check the "
                f"path.{known}"
            )

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
        loaded = read_yaml(self.config_file, "Expected a file written by train.py.")
        if "model" not in loaded or "data" not in loaded:
            raise ValueError(
                f"{self.config_file}: expected `model` and `data` entries, got "
                f"{', '.join(map(str, loaded)) or 'none'}. Take a file written by train.py."
            )
        parts = {
            "data": loaded["data"],
            "model.network": loaded["model"].get("network") if isinstance(loaded["model"], dict) else loaded["model"],
        }
        for name, part in parts.items():
            if not is_part(part):
                raise ValueError(
                    f"expected {name} as class_path with init_args in {self.config_file}, got {shortened(part)}. "
                    "Expected a file written by train.py."
                )
        if not isinstance(loaded.get("trainer") or {}, dict):
            raise ValueError(
                f"expected trainer as settings by name in {self.config_file}, got {shortened(loaded['trainer'])}."
            )
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

    def settings(self, name: str) -> dict[str, Any]:
        """Settings of a stored extraction."""
        return read_settings(self.extraction(name) / "settings.yaml")

    def extraction(self, name: str) -> Path:
        """Folder of one extraction."""
        return self.path / "extractions" / name

    def extracted(self, name: str) -> dict[int, Path]:
        """Step to file of the interactions of one extraction."""
        steps = numbered(self.extraction(name), "")
        return {
            step: p / "interactions.safetensors"
            for step, p in steps.items()
            if (p / "interactions.safetensors").is_file()
        }

    def certificates(self, step: int, seed: int) -> Path:
        """Folder of the explanations and certificates of one seed at one checkpoint."""
        return self.path / "certificates" / step_name(step) / f"seed={seed:04d}"

    @property
    def certified(self) -> dict[int, dict[int, Path]]:
        """Step to seed to folder of the stored explanations and certificates."""
        return {
            step: {
                int(p.name.removeprefix("seed=")): p
                for p in sorted(folder.glob("seed=*"))
                if p.name.removeprefix("seed=").isdigit()
            }
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
            frame.to_parquet(temporary, index=False, write_page_checksum=True)

    def read_table(self, name: str) -> pd.DataFrame:
        """Read a table.

        Raises:
            FileNotFoundError: The run has no such table.
            ValueError: The file is damaged, unfolds to more than a table of a run holds, or lacks a column.
        """
        if not self.table(name).is_file():
            raise FileNotFoundError(
                f"expected table {name!r} of run {self.id}, got no file {self.table(name)}. Make it first with "
                "train.py or analyze.py."
            )
        columns = COLUMNS.get(name.rsplit("/", 1)[-1], ())
        kinds = {column: "text" if column in TEXT else "bool" if column in BOOL else "number" for column in columns}
        return read_frame(self.table(name), "Delete it, and make it again with train.py or analyze.py.", kinds)

    # ---- rebuilding
    def data(self, trust: bool = False, data_dir: str | None = None) -> "Data":
        """The data module of the config; `data_dir` replaces its folder, for a run that was made elsewhere."""
        config = self.config["data"]
        if data_dir is not None:
            config = {**config, "init_args": {**(config.get("init_args") or {}), "data_dir": data_dir}}
        from lk.data import Data  # Lightning takes seconds to import

        return self.built(config, trust, Data)  # type: ignore[no-any-return]

    def extraction_config(self, name: str | None = None) -> dict[str, Any]:
        """Settings of an extraction: of a stored one by its name, else those that training used.

        Empty if there are none.
        """
        if name is not None and (self.extraction(name) / "settings.yaml").is_file():
            return self.settings(name)
        callbacks = (self.config.get("trainer") or {}).get("callbacks") or []
        for callback in callbacks if isinstance(callbacks, list) else [callbacks]:
            if is_part(callback) and callback["class_path"].endswith("ExtractInteractions"):
                found = (callback.get("init_args") or {}).get("extraction")
                settings = found.get("init_args", found) if isinstance(found, dict) else found
                if not isinstance(settings, dict) or not all(isinstance(key, str) for key in settings):
                    raise ValueError(
                        f"expected the settings of an extraction in {self.config_file}, got {shortened(found)}."
                    )
                return settings
        return {}

    def network(self, data: "Data", trust: bool = False) -> Network:
        """The network of the config with fresh weights."""
        shape = {"num_classes": data.num_classes, "input_shape": data.input_shape}
        return self.built(self.config["model"]["network"], trust, Network, **shape)  # type: ignore[no-any-return]

    def built(self, config: object, trust: bool, expected: type, **linked: Any) -> Any:
        """An object of the config; errors name the file."""
        try:
            return build(config, trust, expected, **linked)
        except ForeignClassError:
            raise
        except ValueError as error:
            raise ValueError(f"{self.config_file}: {error}") from error

    def load(self, network: nn.Module, step: int) -> dict[str, Any]:
        """Load a checkpoint's weights into the network; returns its step and its epoch (a fraction inside an epoch).

        Raises:
            ValueError: The file is truncated, or belongs to another network.
        """
        path = self.checkpoint(step)
        if not path.is_file():
            raise FileNotFoundError(
                f"expected a checkpoint of run {self.id}, got step={step}. Known: "
                f"{', '.join(map(str, self.checkpoints)) or 'none'}."
            )
        stored = load_checkpoint(path)
        weights = network_weights(stored)
        own = network.state_dict()
        wrong = [
            key
            for key in sorted(set(own) | set(weights))
            if key not in own or key not in weights or own[key].shape != weights[key].shape
        ]
        if wrong:
            sizes = f"{tuple(weights[wrong[0]].shape) if wrong[0] in weights else 'missing'} in the file, "
            sizes += f"{tuple(own[wrong[0]].shape) if wrong[0] in own else 'missing'} in the network"
            raise ValueError(
                f"{path}: expected a checkpoint of this network, got {len(wrong)} tensors that differ, first "
                f"{wrong[0]!r} ({sizes}). Take the config and the checkpoint of one run."
            )
        precisions = {value.dtype for value in weights.values() if value.is_floating_point()}
        if len(precisions) == 1:  # --trainer.precision 64-true: read in what it was trained in
            network.to(precisions.pop())
        network.load_state_dict(weights)
        return {"step": step, "epoch": float(stored.get("lk", {}).get("epoch", stored["epoch"]))}
