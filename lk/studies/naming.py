"""Names of compared runs: architecture and seed, and more only where that does not tell them apart."""

from collections import Counter
from collections.abc import Sequence

from lk.runs import Run
from lk.studies.run_facts import architecture, class_name


def run_ids(runs: Sequence[Run]) -> tuple[str, ...]:
    """The ids of runs, with as many parent folders as tell equal ids apart.

    Example:
        >>> from pathlib import Path
        >>> from types import SimpleNamespace
        >>> run_ids([SimpleNamespace(path=Path("/a/digits")), SimpleNamespace(path=Path("/b/digits"))])
        ('a/digits', 'b/digits')
    """
    parts = [run.path.resolve().parts for run in runs]
    depth = 1
    while len({part[-depth:] for part in parts}) < len({*parts}) and depth < max(map(len, parts)):
        depth += 1
    again = Counter(part[-1] for part in parts)
    return tuple("/".join(part[-depth:]) if again[part[-1]] > 1 else part[-1] for part in parts)


def network_names(runs: Sequence[Run]) -> list[str]:
    """Names of the runs' networks: the class alone where that is enough, with arguments where two share the class."""
    classes, whole = [short_class(run) for run in runs], [architecture(run) for run in runs]
    versions = {name: {w for n, w in zip(classes, whole, strict=True) if n == name} for name in classes}
    return [name if len(versions[name]) == 1 else w for name, w in zip(classes, whole, strict=True)]


def architecture_names(runs: Sequence[Run], layers: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Names of what is averaged over seeds: two runs have the same name exactly if network and layers are equal.

    Layers are named where runs of one network differ in them, for they are measured at other depths.

    Args:
        runs: The runs.
        layers: Layers that each run reads.
    """
    names = network_names(runs)
    read = {name: {own for n, own in zip(names, layers, strict=True) if n == name} for name in names}
    return tuple(
        name if len(read[name]) == 1 else f"{name} reading {', '.join(own[:-1])}"
        for name, own in zip(names, layers, strict=True)
    )


def short_class(run: Run) -> str:
    """The class of a run's network; of a wrapped module, the module's own."""
    network = run.config["model"]["network"]
    inner = (network.get("init_args") or {}).get("module")
    return class_name(network if class_name(inner) == class_name(None) else inner)


def seed_of(run: Run) -> object:
    """The training seed of a run; None where it has none."""
    return run.config.get("seed_everything")


def run_names(runs: Sequence[Run]) -> tuple[str, ...]:
    """What figures and sentences call each run: network and seed, with the id where these are not enough."""
    seeds, ids = [seed_of(run) for run in runs], run_ids(runs)
    names = [
        name if seed is None else f"{name} seed {seed}" for name, seed in zip(network_names(runs), seeds, strict=True)
    ]
    again = Counter(names)
    return tuple(
        f"{name} ({own})" if again[name] > 1 or seed is None else name
        for name, seed, own in zip(names, seeds, ids, strict=True)
    )
