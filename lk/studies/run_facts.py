"""Facts about one run from its configuration, checkpoints and tables."""

from collections.abc import Mapping

import pandas as pd

from lk.games import OUTPUT
from lk.runs import Run
from lk.storage.stored import load_checkpoint, network_weights


def class_name(config: object) -> str:
    """Last part of a config entry's class path."""
    return (
        str(config["class_path"]).rsplit(".", 1)[-1] if isinstance(config, Mapping) and "class_path" in config else "–"
    )


def arguments(config: object) -> str:
    """A config entry as `Class(argument=value, ...)`, without arguments that are not set."""
    if not isinstance(config, Mapping) or "class_path" not in config:
        return "–"
    given = {
        key: value for key, value in (config.get("init_args") or {}).items() if value is not None and value is not False
    }
    inner = (
        f"{key}={arguments(value) if isinstance(value, Mapping) and 'class_path' in value else value}"
        for key, value in given.items()
    )
    return f"{class_name(config)}({', '.join(inner)})"


def architecture(run: Run) -> str:
    """The network of a run with its arguments."""
    return arguments(run.config["model"].get("network"))


def parameters(run: Run) -> int | None:
    """Trainable numbers of the network, counted in the last checkpoint; running statistics are left out."""
    if not run.checkpoints:
        return None
    try:
        weights = network_weights(load_checkpoint(list(run.checkpoints.values())[-1]))
    except ValueError:  # a damaged checkpoint is no reason to go without a report
        return None
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    return sum(int(value.numel()) for key, value in weights.items() if not key.endswith(statistics))


def optional_table(run: Run, name: str) -> pd.DataFrame | None:
    """A table, or none where the run has none."""
    return run.read_table(name) if run.table(name).is_file() else None


def test_accuracy(run: Run) -> tuple[float, str] | None:
    """The finished network's test accuracy, and on what."""
    training, probes = optional_table(run, "training"), optional_table(run, "probes")
    if training is not None:
        rows = training[training["quantity"] == "test/accuracy"]
        if len(rows):
            return float(rows.sort_values("step")["value"].iloc[-1]), "test split"
    if probes is not None:
        rows = probes[(probes["layer"] == OUTPUT) & (probes["step"] == probes["step"].max())]
        if len(rows):
            return float(rows["accuracy"].iloc[-1]), f"{int(rows['samples'].iloc[-1]):,} test samples"
    return None


def highest_order(n: int) -> int:
    """Highest order on figures by order: the four highest hold next to nothing and are left out, as in the paper."""
    return n if n <= 4 else max(3, n - 4)


def low_orders(n: int) -> list[int]:
    """The lower half of the orders shown.

    Example:
        >>> low_orders(10), high_orders(10)
        ([1, 2, 3], [4, 5, 6])
    """
    return list(range(1, highest_order(n) // 2 + 1))


def high_orders(n: int) -> list[int]:
    """The upper half of the orders shown."""
    return list(range(highest_order(n) // 2 + 1, highest_order(n) + 1))


def data_name(run: Run) -> str:
    """The data set, a group table by its group."""
    group = (run.config["data"].get("init_args") or {}).get("group")
    return class_name(run.config["data"]) if group is None else f"the multiplication table of {arguments(group)}"
