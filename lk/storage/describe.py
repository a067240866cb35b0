"""Descriptions of objects as plain data: their class and the arguments that they were made with.

A description is what `settings.yaml` holds and what decides whether stored results belong to the settings of today. It
must therefore not lose an argument. Arguments are recorded when an object is made, by the metaclass `Recorded` of all
extension points, and not read from attributes afterwards: an argument that a class keeps as `self._value`, as
`2 * value` or not at all is described like any other. The metaclass is called for every way to define a class (an own
`__init__`, a dataclass, an own `__new__`, none at all); wrapping `__init__` misses dataclasses, and a `__new__` of the
base misses classes that define another.

What a record alone would get wrong is an object that is changed after it was made. Attributes under an argument's own
name are therefore compared with what they were; a difference is refused. What a class changes under other names is its
own affair.
"""

import copy
import inspect
import math
import sys
from abc import ABCMeta
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

PLAIN = (str, int, float, bool, type(None))
REMEDY = "Pass numbers, text, lists of them, a function or class at the top of a module, or the path of a file"


class Undescribed:
    """An argument that has no description, and why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Recorded(ABCMeta):
    """Metaclass of the extension points.

    Keeps the arguments of every object, described before `__init__` can change them.
    """

    @property
    def __signature__(cls) -> inspect.Signature:
        """That of the constructor: `help` and completion would show `__call__` below."""
        init, new = (getattr(cls, name) for name in ("__init__", "__new__"))
        if init is object.__init__ and new is object.__new__:
            return inspect.Signature()
        own = inspect.signature(new if init is object.__init__ else init)
        return own.replace(parameters=list(own.parameters.values())[1:], return_annotation=inspect.Signature.empty)

    def __call__(cls, /, *args: Any, **kwargs: Any) -> Any:
        """Make an object and record what it was made with."""
        given = record(cls.__signature__, args, kwargs)
        thing = super().__call__(*args, **kwargs)
        if type(thing) is cls:
            # Not by assignment: a frozen dataclass and a module of torch have ways of their own.
            own = vars(thing)
            own["_made_with"] = given
            own["_kept"] = {
                name: recorded(own[name], takes_function(cls.__signature__, name)) for name in given if name in own
            }
        return thing


def record(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Descriptions of all arguments by name, defaults included; `Undescribed` where there is none."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return {}  # the constructor itself will say what is wrong
    bound.apply_defaults()
    given: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            given |= {key: recorded(item) for key, item in value.items()}
        elif kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY):
            if value != ():
                given[name] = Undescribed(f"{name!r} has no name to pass it by; make it an argument of its own")
        else:
            given[name] = recorded(value, takes_function(signature, name))
    return given


def is_function(value: Any) -> bool:
    """Whether a value is a function or class, which a file names by its path."""
    return callable(value) and hasattr(value, "__qualname__")


def takes_function(signature: inspect.Signature, name: str) -> bool:
    """Whether an argument is annotated as a function, so that a name in a file stands for one."""
    parameter = signature.parameters.get(name)
    return parameter is not None and "Callable" in str(parameter.annotation)


def recorded(value: Any, function: bool = False) -> Any:
    """The description of an argument, a function as its name where one is expected; or the reason why there is none."""
    try:
        return name_of(value) if function and is_function(value) else describe(value)
    except ValueError as error:
        return Undescribed(str(error))


def describe(thing: Any) -> Any:
    """The inverse of `lk.storage.trust.build`: class path and arguments of an object, as plain data.

    Raises:
        ValueError: An argument cannot be described, or the object was changed after it was made; says which, and what
            to do.

    Example:
        >>> from lk.games import Grid
        >>> describe(Grid(2))
        {'class_path': 'lk.games.players.Grid', 'init_args': {'patch': 2}}
    """
    if isinstance(thing, float) and math.isnan(thing):
        raise ValueError(f"expected a value that equals itself, got NaN. {REMEDY}.")
    if isinstance(thing, np.generic):
        return describe(thing.item())
    if type(thing) in PLAIN:
        return thing
    if isinstance(thing, PLAIN):  # of a class of its own: written as what it is
        return next(kind(thing) for kind in (int, float, str) if isinstance(thing, kind))
    if isinstance(thing, Path):
        return str(thing)
    if isinstance(thing, list | tuple):
        return [describe(item) for item in thing]
    if isinstance(thing, Mapping):
        if not all(isinstance(key, str) for key in thing) or "class_path" in thing:
            raise ValueError(
                f"expected text other than 'class_path' as keys of a mapping, got {sorted(map(str, thing))}. Rename "
                "the keys."
            )
        return {str(key): describe(value) for key, value in thing.items()}
    if is_function(thing):
        raise ValueError(
            f"expected plain data, got the function {thing.__qualname__}. Annotate the argument as Callable, and pass "
            "it as that argument itself."
        )
    if not isinstance(type(thing), Recorded) or "_made_with" not in vars(thing):
        raise ValueError(
            "expected plain data or an object of an extension point, got "
            f"{type(thing).__module__}.{type(thing).__qualname__}. {REMEDY}."
        )
    return {"class_path": name_of(type(thing)), "init_args": arguments(thing)}


def arguments(thing: Any) -> dict[str, Any]:
    """Descriptions of the arguments that an object of an extension point was made with.

    Raises:
        ValueError: As `describe`.
    """
    own, given, signature = vars(thing), vars(thing)["_made_with"], type(thing).__signature__
    for name, value in given.items():
        if isinstance(value, Undescribed):
            raise ValueError(
                f"expected arguments that a settings file can hold, got {type(thing).__name__} with {name}, which "
                f"cannot be described: {value.reason}"
            )
    for name, before in own["_kept"].items():
        if name not in own or differ(before, recorded(own[name], takes_function(signature, name))):
            raise ValueError(
                f"expected {type(thing).__name__} as it was made, got another {name} than it was made with. Make a new "
                f"object with {name} as its argument; a change of an attribute is not part of the settings."
            )
    # A copy: what a caller does with the description does not change the record.
    found: dict[str, Any] = copy.deepcopy(given)
    return found


def differ(before: Any, now: Any) -> bool:
    """Whether a description changed; what has none is not compared."""
    return not isinstance(before, Undescribed) and (isinstance(now, Undescribed) or before != now)


def name_of(thing: Any) -> str:
    """The dotted path by which a class or function is found again.

    Raises:
        ValueError: It is a lambda, a method, or defined inside of something else: no path leads to it.
    """
    module, name = str(getattr(thing, "__module__", None)), str(thing.__qualname__)
    if getattr(sys.modules.get(module), name, None) is not thing:
        raise ValueError(
            f"expected a name that an import path leads to, got {name} of {module}. Define it at the top of a module, "
            "under its own name."
        )
    return f"{module}.{name}"
