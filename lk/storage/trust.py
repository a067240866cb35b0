"""What may be rebuilt from a run folder.

A folder is data from somebody: importing a module and making an object both run code.

Names from files are imported here and nowhere else, and only after the name itself was checked. Without trust, a name
must lie in lk, torchvision or torch.nn, must lead to something *defined* there, and to a class of an extension point of
lk or a module of torch: other classes of these packages (data sets that download and unpack, commands that train) are
no parts of a run.
"""

import importlib
import inspect
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from torch import nn

from lk.storage.describe import Recorded, describe, takes_function

TRUSTED = ("lk.", "torchvision.", "torch.nn.")
RENAMED = {  # where classes lay that files of earlier versions name by another path than today's
    "lk.probes.Optimum": "lk.probes.optimum.Optimum",
    "lk.probes.PaperSGD": "lk.probes.published.PaperSGD",
    "lk.studies.controls.RandomLabels": "lk.paper.controls.RandomLabels",
}
FUNCTIONS = ("lk.scores.",)  # what a score may be a function of: nothing else of a run is a function


class ForeignClassError(ValueError):
    """A file of a run names a class that is none of lk, torchvision or torch.nn."""


def check_name(path: object, allowed: tuple[str, ...] = TRUSTED) -> None:
    """Refuse a dotted name outside the allowed packages, before anything is imported.

    Raises:
        ForeignClassError: Names the class or function.
    """
    if (
        not isinstance(path, str)
        or not path.startswith(allowed)
        or not all(part.isidentifier() for part in path.split("."))
    ):
        raise ForeignClassError(
            f"expected a class of lk or torchvision in the run's config, got {path!r}. Building a class runs its code: "
            "pass --trust true if you know where this run comes from."
        )


def check_trusted(config: object) -> None:
    """Refuse a configuration that would import or call anything outside lk, torchvision and torch.nn.

    Raises:
        ForeignClassError: Names the class or function.
    """
    if isinstance(config, Mapping):
        for key, value in config.items():
            if key == "class_path" or (key == "function" and isinstance(value, str)):
                check_name(value)
            check_trusted(value)
    elif isinstance(config, list | tuple):
        for item in config:
            check_trusted(item)


def renamed(config: Any) -> Any:
    """A configuration with the classes that earlier versions kept elsewhere under the names of today.

    Example:
        >>> renamed({"class_path": "lk.studies.controls.RandomLabels"})
        {'class_path': 'lk.paper.controls.RandomLabels'}
    """
    if isinstance(config, Mapping):
        return {
            key: RENAMED.get(value, value) if key == "class_path" and isinstance(value, str) else renamed(value)
            for key, value in config.items()
        }
    return [renamed(item) for item in config] if isinstance(config, list) else config


def find(path: str, trust: bool) -> Any:
    """The class or function at a dotted path.

    Without `trust` its name is checked before the import, and where it is defined after it.

    Raises:
        ForeignClassError: It lies outside of, or was defined outside of, lk, torchvision and torch.nn.
        ValueError: It cannot be imported.
    """
    if not trust:
        check_name(path)
    module, _, name = RENAMED.get(path, path).rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # a module that is imported may raise anything
        raise ValueError(
            f"expected a class that can be imported in the run's config, got {path!r} ({error}). Install its package, "
            "or correct the path."
        ) from error
    if not trust and not f"{getattr(found, '__module__', '')}.".startswith(TRUSTED):
        raise ForeignClassError(
            f"expected a class of lk or torchvision in the run's config, got {path!r}, which is defined in "
            f"{getattr(found, '__module__', 'an unknown place')!r}. Pass --trust true if you know where this run comes "
            "from."
        )
    return found


def find_class(path: object, trust: bool, expected: type | None = None) -> Any:
    """The class at a dotted path.

    Args:
        path: As a file names it.
        trust: Allow classes outside lk, torchvision and torch.nn, and functions that return an object.
        expected: The base class that is expected here.

    Raises:
        ForeignClassError: It is foreign, or no part of a run, and `trust` is off.
        ValueError: It cannot be imported, or is of another kind than expected.
    """
    if not isinstance(path, str):
        raise ValueError(f"expected a dotted path as class_path, got {path!r}.")
    found = find(path, trust)
    if not trust and not isinstance(found, type):
        raise ForeignClassError(
            f"expected a class in the run's config, got {path!r}. Pass --trust true if you know where this run comes "
            "from."
        )
    if not trust and not isinstance(found, Recorded) and not issubclass(found, nn.Module):
        raise ForeignClassError(
            f"expected a part of a run (data, a network, players, a masker, a score, ...) in its config, got {path!r}. "
            "Pass --trust true if you know where this run comes from."
        )
    if expected is not None and isinstance(found, type) and not issubclass(found, expected):
        raise ValueError(f"expected a subclass of {expected.__module__}.{expected.__name__}, got class_path={path!r}.")
    return found


def build(config: object, trust: bool = False, expected: type | None = None, **linked: Any) -> Any:
    """Instantiate `{class_path, init_args}`, nested ones first.

    Args:
        config: As in a run's config.yaml.
        trust: Allow classes outside lk, torchvision and torch.nn.
        expected: The base class that is expected here.
        **linked: Arguments that the command line links between parts, such as `num_classes`.

    Raises:
        ForeignClassError: A class is foreign and `trust` is off.
        ValueError: The configuration is of another form, a class cannot be imported, or does not take the arguments.

    Example:
        >>> build({"class_path": "lk.games.Grid", "init_args": {"patch": 2}}).patch
        2
    """
    if (
        not isinstance(config, Mapping)
        or "class_path" not in config
        or not isinstance(config.get("init_args") or {}, Mapping)
    ):
        raise ValueError(f"expected a class_path with init_args, got {shortened(config)}.")
    if not trust:
        check_trusted(config)
    path = config["class_path"]
    found = find_class(path, trust, expected)
    signature = inspect.signature(found)
    given = {
        str(key): argument(value, trust, takes_function(signature, str(key)))
        for key, value in (config.get("init_args") or {}).items()
    }
    if not trust and isinstance(found, Recorded):
        check_types(found, given)
    try:
        return found(**{**given, **linked})
    except (ValueError, OSError, ImportError):
        raise
    except Exception as error:  # of the wrong type of an argument, a constructor may make anything
        raise ValueError(
            f"expected arguments that {path} can be made with, got {shortened(dict(given))} ({type(error).__name__}: "
            f"{error}). Correct the settings."
        ) from error


def check_types(found: Any, given: Mapping[str, Any]) -> None:
    """Refuse arguments of another type than annotated.

    A constructor keeps what it is given, and the error would come from far away.

    Raises:
        ValueError: Names the argument.
    """
    hints = get_type_hints(found.__init__)
    for name, value in given.items():
        if name in hints and not fits(value, hints[name]):
            wanted = getattr(hints[name], "__name__", None) if get_origin(hints[name]) is None else None
            raise ValueError(f"expected {name} of {found.__name__} as {wanted or hints[name]}, got {shortened(value)}.")


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is of an annotated type; unknown kinds of annotations take everything.

    Example:
        >>> fits([1, 2], list[int]), fits("1", int | None), fits(True, float)
        (True, False, False)
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return True
    if origin in (Union, UnionType):
        return any(fits(value, choice) for choice in inner)
    if annotation in (int, float):
        whole = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
        return whole or (annotation is float and isinstance(value, float))
    if origin in (list, Sequence):
        return isinstance(value, list | tuple) and all(fits(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, Mapping) and all(fits(item, inner[1]) for item in value.values())
    return isinstance(value, annotation) if isinstance(annotation, type) else True


def rebuilt(thing: Any, **changes: Any) -> Any:
    """An object of the same class with the attributes of its arguments, some of them changed.

    Example:
        >>> from lk.games import Grid
        >>> rebuilt(Grid(2), patch=3).patch
        3
    """
    return build(describe(thing), trust=True, **changes)


def argument(value: Any, trust: bool, function: bool) -> Any:
    """An argument with the objects in it made, and a name turned into its function where one is expected."""
    if isinstance(value, Mapping):
        return (
            build(value, trust)
            if "class_path" in value
            else {key: argument(item, trust, False) for key, item in value.items()}
        )
    if isinstance(value, list):
        return [argument(item, trust, False) for item in value]
    if function and isinstance(value, str):
        if not trust:
            check_name(value, FUNCTIONS)
        return find(value, trust)
    return value


def shortened(value: object, most: int = 120) -> str:
    """A value as text, cut: a file may hold anything."""
    try:
        text = repr(value)
    except Exception:  # nested too deep, or an object that cannot be shown
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= most else f"{text[:most]}..."
