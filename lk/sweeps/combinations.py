"""Combinations of settings: all of a grid, or some drawn at random."""

import itertools
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lk.text import nearest

MOST = 10_000  # trainings of one sweep
KEYS = ("value", "values", "min", "max", "distribution")
DRAWN = ("constant", "categorical", "int_uniform", "uniform", "log_uniform_values")
Combination = dict[str, Any]


def combinations(method: object, parameters: object, cap: object = None) -> dict[str, Combination]:
    """Value of each parameter, by a label of the combination.

    Args:
        method: `grid`, all combinations of the values; or `random`, as many as `cap`, drawn by a fixed seed, so that a
            sweep that goes on draws the same.
        parameters: By name a mapping with `value`, `values`, or `min` and `max` with a `distribution`, as W&B has them.
        cap: At most so many combinations.

    Raises:
        ValueError: The method is another, a parameter has another form or no value, or there is no end.

    Example:
        >>> varied = {"config": {"values": ["a/mlp.yaml", "a/lenet.yaml"]}, "seed": {"values": [0, 1]}}
        >>> list(combinations("grid", varied))
        ['mlp-0', 'mlp-1', 'lenet-0', 'lenet-1']
    """
    if not isinstance(parameters, dict) or not parameters:
        raise ValueError(f"expected parameters by name, got {parameters!r}. Name at least one.")
    for name, parameter in parameters.items():
        check(name, parameter)
    if cap is not None and (not isinstance(cap, int) or isinstance(cap, bool) or cap < 1):
        raise ValueError(f"expected run_cap as a number of runs, got run_cap={cap!r}.")
    if method == "grid":
        return dict(itertools.islice(grid(parameters).items(), cap))
    if method != "random":
        raise ValueError(f"expected method grid or random, got method={method!r}.")
    if cap is None:
        raise ValueError("expected run_cap, the number of runs to draw at random, got none.")
    generator = random.Random(0)
    drawn = [{name: draw(parameter, generator) for name, parameter in parameters.items()} for _ in range(cap)]
    return {f"{number:03d}": values for number, values in enumerate(drawn)}


def check(name: str, parameter: object) -> None:
    """Refuse a parameter of a form that cannot be drawn here.

    Raises:
        ValueError: Says what is wrong.
    """
    if not isinstance(parameter, dict):
        raise ValueError(f"expected parameter {name} as a mapping with value or values, got {parameter!r}.")
    if unknown := [key for key in parameter if key not in KEYS]:
        raise ValueError(
            f"expected keys of parameter {name}, got {unknown[0]!r}. {nearest(str(unknown[0]), KEYS)} "
            "Other forms need `wandb agent`."
        )
    if "value" in parameter or "values" in parameter:
        values = parameter.get("values", [None])
        if not isinstance(values, list) or not values:
            raise ValueError(f"expected at least one of the values of {name}, got values={values!r}.")
        return
    low, high = parameter.get("min"), parameter.get("max")
    if (
        not isinstance(low, (int, float))
        or not isinstance(high, (int, float))
        or not -math.inf < low <= high < math.inf
    ):
        raise ValueError(f"expected value, values, or min <= max for parameter {name}, got {parameter!r}.")
    if distribution(parameter) not in DRAWN or (distribution(parameter) == "log_uniform_values" and low <= 0):
        raise ValueError(
            f"expected one of {', '.join(DRAWN)} (the last above 0) as distribution of {name}, got "
            f"{parameter.get('distribution')!r} from {low}. Others need `wandb agent`."
        )


def distribution(parameter: Mapping[str, Any]) -> str:
    """Distribution of a parameter with bounds; by default, that of W&B."""
    whole = all(isinstance(parameter[key], int) for key in ("min", "max"))
    return str(parameter.get("distribution", "int_uniform" if whole else "uniform"))


def values_of(name: str, parameter: Mapping[str, Any]) -> list[Any]:
    """The values of a parameter of a grid.

    Raises:
        ValueError: It is a range.
    """
    if "value" in parameter:
        return [parameter["value"]]
    if "values" not in parameter:
        raise ValueError(f"expected value or values for parameter {name} of a grid, got a range. Use method: random.")
    return list(parameter["values"])


def grid(parameters: Mapping[str, Any]) -> dict[str, Combination]:
    """All combinations of the values, the last parameter changing fastest.

    Raises:
        ValueError: There are more than 10 000, or two have one label.
    """
    values = {name: values_of(name, parameter) for name, parameter in parameters.items()}
    if (number := math.prod(map(len, values.values()))) > MOST:
        raise ValueError(f"expected at most {MOST:,} runs, got {number:,}. Leave values away, or use method: random.")
    found: dict[str, Combination] = {}
    for chosen in itertools.product(*values.values()):
        label = "-".join(
            text(value) for name, value in zip(values, chosen, strict=True) if "values" in parameters[name]
        )
        if label in found:
            raise ValueError(f"expected values that can be told apart, got two runs {label!r}. Rename a file or value.")
        found[label] = dict(zip(values, chosen, strict=True))
    return found


def text(value: object) -> str:
    """A value as part of an id: of the path of a file its name, of a list its entries."""
    if isinstance(value, list):
        return "-".join(map(text, value))
    return Path(value).stem if isinstance(value, str) and value.endswith((".yaml", ".yml")) else str(value)


def draw(parameter: Mapping[str, Any], generator: random.Random) -> Any:
    """One value of a parameter."""
    if "value" in parameter:
        return parameter["value"]
    if "values" in parameter:
        return generator.choice(parameter["values"])
    low, high = parameter["min"], parameter["max"]
    if distribution(parameter) == "int_uniform":
        return generator.randint(low, high)
    if distribution(parameter) == "uniform":
        return generator.uniform(low, high)
    return math.exp(generator.uniform(math.log(low), math.log(high)))
