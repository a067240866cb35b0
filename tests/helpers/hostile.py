"""Run folders that try to run code.

One payload module, named at every place of a run folder where a class could stand, in every form.
"""

import copy
import json
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file, save_file

PAYLOAD = '''
"""Importing this is running it: the marker tells."""
import pathlib
pathlib.Path(__file__).with_name("executed").write_text("executed")
from lk.data import Digits as Data
from lk.games import Grid as Players
from lk.games.maskers import Zero as Masker
from lk.networks import MLP as Network
from lk.probes import Optimum as Probes
from lk.scores import Logit as Score
Class = Players
def function(*args, **kwargs):
    return args[0]
'''
MODULE = "hostile_payload"
# An allowed class for each part, and an argument of it.
ALLOWED = {
    "players": ("lk.games.Columns", "groups"),
    "masker": ("lk.games.maskers.Given", "path"),
    "score": ("lk.scores.OfActivation", "function"),
    "probes": ("lk.paper.controls.RandomLabels", "recipe"),
    "data": ("lk.data.GroupTable", "group"),
    "network": ("lk.networks.Wrapped", "module"),
}


class Tagged(str):
    """Text that is written without quotes, as YAML with a tag."""


def forms(part):
    """Name to what stands in place of a part."""
    name = f"{MODULE}.{part.capitalize()}"
    allowed, argument = ALLOWED[part]
    inner = {"class_path": allowed, "init_args": {argument: None}}

    def nested(value):
        made = copy.deepcopy(inner)
        made["init_args"][argument] = value
        return made

    return {
        "text": name,
        "a module": MODULE,
        "text in a list": [name],
        "mapping": {"class_path": name},
        "mapping with arguments": {"class_path": name, "init_args": {"x": 1}},
        "mapping in a list": [{"class_path": name}],
        "nested text": nested(name),
        "nested mapping": nested({"class_path": name, "init_args": {}}),
        "nested in lists": nested([[{"class_path": name}], name]),
        "nested in a mapping": nested({"a": {"b": {"class_path": name}}}),
        "more arguments": {"class_path": allowed, "init_args": {}, "dict_kwargs": {"x": {"class_path": name}}},
        "a list as path": {"class_path": [name]},
        "a mapping as path": {"class_path": {"class_path": name}},
        "through importlib": {"class_path": "lk.storage.trust.importlib.import_module", "init_args": {"name": MODULE}},
        "through find": {"class_path": "lk.storage.trust.find", "init_args": {"path": name, "trust": True}},
        "through build": {
            "class_path": "lk.storage.trust.build",
            "init_args": {"config": {"function": name}, "trust": True},
        },
        "through an extra": {"class_path": "lk.extras.extra", "init_args": {"package": MODULE}},
        "a function of ours": nested("lk.extras.extra"),
        "a function of theirs": {
            "class_path": "lk.scores.OfActivation",
            "init_args": {"function": f"{MODULE}.function"},
        },
        "a function of torchvision": {"class_path": "torchvision.io.read_file", "init_args": {"path": "/etc/hostname"}},
        "a class of torchvision": {"class_path": "torchvision.datasets.FakeData", "init_args": {"size": 1}},
        "a command": {"class_path": "lk.cli.TrainCLI", "init_args": {"args": ["fit"]}},
        "like ours": {"class_path": f"lk.{MODULE}.Class"},
        "below a package": {"class_path": f"torch.nn.modules.{MODULE}.Class"},
        "dots": {"class_path": f"lk.games..{MODULE}.Class"},
        "an error message": f"Problem with given class_path '{name}':\n  Option 'x' is not accepted",
        "another error message": nested(f"module '{MODULE}' has no attribute 'x'"),
        "a tag": Tagged(f"!!python/object/apply:{MODULE}.function [1]"),
        "a name tag": Tagged(f"!!python/name:{MODULE}.function"),
    }


def set_at(config, place, value):
    *parents, last = place
    for key in parents:
        config = config[key]
    config[last] = value


def dumped(config):
    """YAML, with tagged text as it is."""
    yaml.SafeDumper.add_representer(Tagged, lambda dumper, text: dumper.represent_str(f"TAGGED{text}"))
    lines = yaml.safe_dump(config, sort_keys=False, width=10**6).splitlines()
    return "\n".join(
        line.replace("'TAGGED", "").rstrip("'") if "'TAGGED" in line else line.replace("TAGGED", "") for line in lines
    )


def folders():
    """(name, change) of every hostile folder; `change(run)` writes it into a folder as training leaves it."""
    callback = ("trainer", "callbacks", 1, "init_args", "extraction")
    places = {
        "config.yaml": {
            "data": ("data",),
            "network": ("model", "network"),
            **{part: (*callback, "init_args", part) for part in ("players", "masker", "score", "probes")},
        },
        "extractions/default/settings.yaml": {part: (part,) for part in ("players", "masker", "score", "probes")},
    }
    for file, parts in places.items():
        for part, place in parts.items():
            for form, value in forms(part).items():
                yield f"{file}: {part}, {form}", in_yaml(file, place, value)
    other = f"{MODULE}.Class"
    for form, value in {
        "text": other,
        "mapping": {"class_path": other},
        "list": [other, {"class_path": other}],
    }.items():
        for place in (
            ("trainer", "callbacks"),
            ("trainer", "logger"),
            ("trainer", "strategy"),
            ("trainer", "plugins"),
            callback,
            (*callback, "init_args"),
            ("model",),
            ("optimizer",),
            ("lr_scheduler",),
            ("trainer",),
        ):
            yield f"config.yaml: {'.'.join(map(str, place))}, {form}", in_yaml("config.yaml", place, value)
        for key in ("name", "layers", "background", "kappa", "config", "__path__", other):
            yield f"settings.yaml: {key}, {form}", in_yaml("extractions/default/settings.yaml", (key,), value)
    for form, value in forms("probes").items():
        if not isinstance(value, Tagged):
            yield f"probes: recipe, {form}", in_probes(value)
    yield "checkpoint: pickled", in_checkpoints


def in_yaml(file, place, value):
    def change(run):
        config = yaml.safe_load((run / file).read_text())
        set_at(config, place, value)
        (run / file).write_text(dumped(config))

    return change


def in_probes(recipe):
    def change(run):
        from safetensors import safe_open

        for path in sorted((run / "probes").glob("*.safetensors")):
            with safe_open(path, "pt") as file:
                about = dict(file.metadata())
            save_file(load_file(path), path, {**about, "recipe": json.dumps(recipe)})

    return change


class Runs:
    """What a pickle may call."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def in_checkpoints(run):
    marker = run.parent / "payload" / "executed"
    for path in sorted((run / "checkpoints").glob("*.ckpt")):
        torch.save({**torch.load(path, weights_only=True), "callbacks": Runs(marker)}, path)
