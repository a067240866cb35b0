"""A sweep file: which trainings it asks for, and the words of their commands.

The format is that of `wandb sweep` (https://docs.wandb.ai/models/sweeps/sweep-config-keys). Methods `grid` and `random`
need no account.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lk.storage.strict_yaml import read_yaml
from lk.sweeps.combinations import combinations
from lk.text import nearest

KEYS = ("program", "method", "name", "description", "metric", "parameters", "command", "project", "entity", "run_cap")
REMEDY = "See configs/sweeps/seeds.yaml."
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
BEFORE = ["${env}", "${interpreter}", "${program}"]  # how the command of a sweep file begins
ARGUMENTS = "${args}"


@dataclass(frozen=True)
class Sweep:
    """The trainings of a sweep.

    Attributes:
        name: Beginning of every run's id.
        program: The command's file, `train.py`.
        words: Words of each training after the program, by the run's id.
    """

    name: str
    program: str
    words: Mapping[str, list[str]]


def read_sweep(path: Path) -> Sweep:
    r"""The trainings that a sweep file asks for, everything checked.

    A run's id is the sweep's name and the values of what varies; of a random sweep, the number of the draw. It stays
    the same when values are added.

    Raises:
        FileNotFoundError: The file, the program or a `--config` is missing.
        ValueError: A key is unknown, a grid is empty, two runs have one id, or the method needs W&B's server.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> command = "command: ['${env}', '${interpreter}', '${program}', fit, '${args}']"
        >>> text = "method: grid\nprogram: train.py\nparameters: {seed_everything: {values: [0, 1]}}\n" + command
        >>> _ = (folder / "seeds.yaml").write_text(text)
        >>> read_sweep(folder / "seeds.yaml").words
        {'seeds-0': ['fit', '--seed_everything=0'], 'seeds-1': ['fit', '--seed_everything=1']}
    """
    found = read_yaml(path, REMEDY)
    if unknown := [key for key in found if key not in KEYS]:
        raise ValueError(f"expected keys of a sweep in {path}, got {unknown[0]!r}. {nearest(unknown[0], KEYS)}")
    if found.get("method") == "bayes":
        raise ValueError(
            f"expected method grid or random in {path}, got method='bayes', which W&B's server draws. "
            "Use `wandb sweep` and `wandb agent`."
        )
    try:
        drawn = combinations(found.get("method"), found.get("parameters"), found.get("run_cap"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    name = str(found.get("name") or path.stem)
    words = {}
    for label, values in drawn.items():
        identity = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{name}-{label}" if label else name)
        if identity in words or not ID.fullmatch(identity):
            raise ValueError(
                f"expected values in {path} that give each run an id of its own, of at most 128 letters, got "
                f"{identity!r}. Name files by what tells them apart, or shorten the sweep's name."
            )
        words[identity] = words_of(path, found.get("command"), values)
    check_configs(words)
    return Sweep(name, str(found.get("program")), words)


def words_of(path: Path, command: object, values: Mapping[str, Any]) -> list[str]:
    """The words after the program, as W&B's agent fills them in: `${args}` becomes `--key=value` for each key.

    Raises:
        ValueError: The command has another form.
    """
    if (
        not isinstance(command, list)
        or command[:3] != BEFORE
        or command.count(ARGUMENTS) != 1
        or any("${" in str(word) for word in command[3:] if word != ARGUMENTS)
    ):
        raise ValueError(
            f"expected command as [{', '.join(BEFORE)}, fit, ..., {ARGUMENTS}] in {path}, got {command!r}. {REMEDY}"
        )
    place = command.index(ARGUMENTS)
    given = [f"--{key}={value}" for key, value in values.items()]
    return [*map(str, command[3:place]), *given, *map(str, command[place + 1 :])]


def check_configs(words: Mapping[str, list[str]]) -> None:
    """Refuse a run that names a configuration that is not there.

    Raises:
        FileNotFoundError: Names run and file.
    """
    for run, own in words.items():
        pairs = [word.split("=", 1) if "=" in word else [word, *own[i + 1 : i + 2]] for i, word in enumerate(own)]
        for path in [pair[1] for pair in pairs if pair[0] == "--config" and len(pair) == 2]:
            if not Path(path).is_file():
                raise FileNotFoundError(
                    f"expected the file of --config for run {run}, got {path!r}, which is missing from {Path.cwd()}."
                )
