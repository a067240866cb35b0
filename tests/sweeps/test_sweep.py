"""Sweep files: those of the repository, and bad ones."""

import subprocess
from pathlib import Path

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

from lk.sweeps import read_sweep
from lk.sweeps.combinations import combinations

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "configs" / "sweeps").glob("*.yaml"))
GOOD = {
    "program": "train.py",
    "method": "grid",
    "parameters": {"seed_everything": {"values": [0, 1]}},
    "command": ["${env}", "${interpreter}", "${program}", "fit", "--config", "base.yaml", "${args}", "--x", "1"],
}


def written(tmp_path, **changes):
    (tmp_path / "base.yaml").touch()
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **changes}))
    return path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_words_are_those_of_the_agent_of_wandb(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    found, config = read_sweep(path), yaml.safe_load(path.read_text())  # as W&B reads it
    assert len(path.read_text().splitlines()) <= 15
    drawn = combinations(config["method"], config["parameters"], config.get("run_cap"))
    assert len(drawn) == len(found.words) > 1
    for values, words in zip(drawn.values(), found.words.values(), strict=True):
        args = create_sweep_command_args({"args": {key: {"value": value} for key, value in values.items()}})["args"]
        command = create_sweep_command(list(config["command"]))
        place = command.index("${args}")
        assert command[:3] == ["${env}", "${interpreter}", "${program}"]
        assert words == [*command[3:place], *args, *command[place + 1 :]]
    assert found.program == config["program"] == "train.py"


def test_ids_do_not_change_when_values_are_added(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    few = read_sweep(written(tmp_path)).words
    more = read_sweep(written(tmp_path, parameters={"seed_everything": {"values": [5, 1, 0]}})).words
    assert few == {
        f"mine-{seed}": ["fit", "--config", "base.yaml", f"--seed_everything={seed}", "--x", "1"] for seed in (0, 1)
    }
    assert {key: more[key] for key in few} == few


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"paramters": {}}, r"got 'paramters'. Did you mean 'parameters'"),
        ({"early_terminate": {"type": "hyperband"}}, "got 'early_terminate'"),
        ({"method": "bayes"}, "which W&B's server draws. Use `wandb sweep` and `wandb agent`"),
        ({"parameters": {"a": {"values": []}}}, r"mine.yaml: expected at least one of the values of a"),
        ({"command": None}, "expected command as"),
        ({"command": ["${env}", "${interpreter}", "${program}", "fit"]}, "expected command as"),
        ({"command": [*GOOD["command"], "${args_json}"]}, "expected command as"),
        ({"name": "x" * 127}, "at most 128 letters"),
        ({"parameters": {"a": {"values": ["x y", "x+y"]}}}, "an id of its own"),
    ],
)
def test_a_bad_file_is_refused(tmp_path, monkeypatch, changes, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        read_sweep(written(tmp_path, **changes))


@pytest.mark.parametrize("form", [["--config=none.yaml"], ["--config", "none.yaml"]])
def test_a_missing_config_is_named(tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"--config for run mine-0, got 'none.yaml'"):
        read_sweep(written(tmp_path, command=[*GOOD["command"], *form]))
    with pytest.raises(FileNotFoundError, match=r"No file .*other.yaml"):
        read_sweep(tmp_path / "other.yaml")


@pytest.mark.slow
def test_the_schema_of_wandb_accepts_every_file():
    """W&B's package sweeps needs NumPy 1, and with it an environment of its own."""
    code = "import sys, yaml; from sweeps.config import schema_violations_from_proposed_config as violations; "
    code += "print([v for f in sys.argv[1:] for v in violations(yaml.safe_load(open(f)))])"
    words = ["uv", "run", "--no-project", "--isolated", "--python", "3.11", "--with", "sweeps==0.3.0"]
    words += ["--with", "setuptools", "python", "-c", code, *map(str, FILES)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=FILES[0].parent)
    assert done.stdout == "[]\n"
