"""`analyze.py sweep`: the user's own door."""

import gc
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import yaml

from lk.cli import analyze
from lk.cli.start import RUN_ID, run_id
from lk.cli.sweep import covering
from lk.runs import Run
from lk.runs.heartbeat import beat, read_heartbeat, state
from lk.sweeps.processes import LOG

ROOT = Path(__file__).parents[2]
COMMAND = ["${env}", "${interpreter}", "${program}", "fit", "--config", "{config}", "${args}"]
# What train.py does to a run folder, as far as a sweep sees it; its own training takes seconds to import.
PROGRAM = """
import sys
from pathlib import Path
from lk.runs.heartbeat import beat
options = dict(word[2:].split("=") for word in sys.argv[4:])
folder = Path(options["runs_dir"]) / options["id"]
print(sys.argv[1:])
if options["seed_everything"] == "2" and not (folder / "second").exists():
    (folder / "second").touch()
    sys.exit(2)
beat(folder, {"network": "MLP", "data": "Digits", "step": 1, "epoch": 1.0}, "finished")
"""


def sweep_file(tmp_path, config, **parameters):
    command = [word.format(config=config) if word == "{config}" else word for word in COMMAND]
    path = tmp_path / "mine.yaml"
    content = {"program": "train.py", "method": "grid", "parameters": parameters, "command": command}
    path.write_text(yaml.safe_dump(content))
    return str(path)


@pytest.fixture
def programmed(tmp_path, monkeypatch):
    """A folder with a quick train.py."""
    (tmp_path / "train.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return tmp_path


def test_a_sweep_goes_on_where_it_was_stopped(programmed, tiny_config, capsys):
    file = sweep_file(programmed, tiny_config, seed_everything={"values": [0, 1, 2]})
    (programmed / "runs" / "mine-1").mkdir(parents=True)
    beat(programmed / "runs" / "mine-1", {"network": "MLP", "data": "Digits", "step": 1, "epoch": 1.0}, "finished")
    with pytest.raises(SystemExit) as stop:
        analyze(["sweep", file, "--processes", "2"])
    assert stop.value.code == 1
    said = capsys.readouterr().err
    assert "Sweep mine: 3 runs (1 finished), 2 to train." in said
    assert "mine-2: failed with exit code 2, see runs/mine-2/train.log" in said
    assert not (programmed / "runs" / "mine-1" / LOG).exists()
    words = (programmed / "runs" / "mine-0" / LOG).read_text()
    assert "'--id=mine-0', '--runs_dir=runs', '--resume=true'" in words
    analyze(["sweep", file])
    assert "3 runs (2 finished), 1 to train" in capsys.readouterr().err
    assert state(read_heartbeat(programmed / "runs" / "mine-2")) == "finished"
    analyze(["sweep", file])
    assert "3 runs (3 finished), 0 to train" in capsys.readouterr().err


def test_jobs_of_a_cluster_train_the_same_runs(programmed, tiny_config, capsys):
    file = sweep_file(programmed, tiny_config, seed_everything={"values": [0]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the job outlives the command that submitted it
        analyze(["sweep", file, "--submit", "{cluster: local, timeout_min: 5}"])
        gc.collect()
    assert "mine-0" in capsys.readouterr().err
    heartbeat = programmed / "runs" / "mine-0" / "heartbeat.json"
    while not heartbeat.exists():
        time.sleep(0.1)
    assert state(read_heartbeat(heartbeat.parent)) == "finished"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"optimizer.init_args.lrr": {"values": [0.1]}}, "lrr"),
        ({"trainer.max_epochs": {"values": [1, "many"]}}, "mine-many: .*many"),
    ],
)
def test_a_wrong_setting_is_refused_before_the_first_training(programmed, tiny_config, parameters, message):
    with pytest.raises(ValueError, match=message):
        analyze(["sweep", sweep_file(programmed, tiny_config, **parameters)])
    assert not any((programmed / "runs").iterdir())


def test_a_folder_or_program_that_cannot_be_used_is_named(programmed, tiny_config):
    file = sweep_file(programmed, tiny_config, seed_everything={"values": [0]})
    (programmed / "taken").touch()
    with pytest.raises(ValueError, match="expected a folder that can be written to, got taken"):
        analyze(["sweep", file, "--runs_dir", "taken/runs"])
    (programmed / "train.py").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected program train.py in .*, got program='train.py'"):
        analyze(["sweep", file])


def test_every_value_is_read_once():
    words = {f"{a}{b}": [f"--a={a}", f"--b={b}"] for a in "xyz" for b in "01"}
    assert list(covering(words)) == ["x0", "x1", "y0", "z0"]


def test_the_agent_of_wandb_names_the_run(monkeypatch):
    for name, value in {RUN_ID: "", "WANDB_SWEEP_ID": "swept", "WANDB_RUN_ID": "abc123"}.items():
        monkeypatch.setenv(name, value)  # monkeypatch removes afterwards what run_id sets
    monkeypatch.delenv(RUN_ID)
    assert run_id(None, "digits-mlp", False, None) == "abc123"
    monkeypatch.delenv(RUN_ID)
    assert run_id("mine", "digits-mlp", False, None) == "mine"


@pytest.mark.slow
def test_a_killed_sweep_ends_as_an_uninterrupted_one(tiny_config, tmp_path, monkeypatch):
    """Real trainings, two at a time; the sweep is stopped once the first has a checkpoint."""
    monkeypatch.chdir(ROOT)
    file = sweep_file(tmp_path, tiny_config, seed_everything={"values": [0, 1]})
    words = [sys.executable, "analyze.py", "sweep", file, "--processes", "2", "--runs_dir"]
    process = subprocess.Popen([*words, str(tmp_path / "stopped")])
    while not list((tmp_path / "stopped").glob("*/checkpoints/step=0000006.ckpt")):
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    for folder in ("stopped", "whole"):
        assert subprocess.run([*words, str(tmp_path / folder)]).returncode == 0
    for run in ("mine-0", "mine-1"):
        tables = [Run(tmp_path / folder / run).read_table("training") for folder in ("stopped", "whole")]
        assert tables[0].equals(tables[1])
