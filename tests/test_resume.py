"""Watching does not change training; a killed and resumed run equals an uninterrupted one, bit for bit."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from lk.cli import analyze, probe, train
from lk.runs import Run
from lk.runs.heartbeat import read_heartbeat, state
from lk.runs.lock import locked
from lk.runs.segments import read_resume_point, read_segments

ROOT = Path(__file__).parents[1]


@pytest.fixture
def config(tiny_config, tmp_path, own_module):
    """The tiny run with a network that has dropout and batch normalisation, and two epochs more."""
    config = yaml.safe_load(tiny_config.read_text())
    module = {"class_path": f"{own_module}.Own"}
    config["model"]["network"] = {
        "class_path": "lk.networks.Wrapped",
        "init_args": {"module": module, "layers": ["body", "head"]},
    }
    config["trainer"]["max_epochs"] = 4
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def weights(folder):
    run = Run(folder)
    return torch.load(run.checkpoint(list(run.checkpoints)[-1]), weights_only=True)["state_dict"]


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for key in first:
        assert torch.equal(first[key], second[key]), key


def test_watched_equals_unwatched(config, tmp_path):
    train(["fit", "--config", str(config), "--runs_dir", str(tmp_path), "--id", "watched", "--report", "false"])
    plain = yaml.safe_load(config.read_text())
    plain["trainer"]["callbacks"] = [
        {"class_path": "lk.callbacks.SaveCheckpoints", "init_args": {"every_n_epochs": 4, "early": 0}}
    ]
    plain["trainer"]["logger"] = False
    config.write_text(yaml.safe_dump(plain))
    train(["fit", "--config", str(config), "--runs_dir", str(tmp_path), "--id", "plain", "--report", "false"])
    watched, unwatched = weights(tmp_path / "watched"), weights(tmp_path / "plain")
    assert any("running_mean" in key for key in watched)
    assert_equal(watched, unwatched)


def test_killed_and_resumed_equals_uninterrupted(config, tmp_path, own_module):
    train(["fit", "--config", str(config), "--runs_dir", str(tmp_path), "--id", "whole", "--report", "false"])
    # A callback that kills the process in the middle of the third epoch, without any chance to tidy up.
    killed = yaml.safe_load(config.read_text())
    killed["trainer"]["callbacks"].append({"class_path": f"{own_module}.Kill", "init_args": {"step": 15}})
    path = tmp_path / "killed.yaml"
    path.write_text(yaml.safe_dump(killed))
    command = [
        sys.executable,
        "train.py",
        "fit",
        "--config",
        str(path),
        "--runs_dir",
        str(tmp_path),
        "--id",
        "killed",
        "--report",
        "false",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "OMP_NUM_THREADS": "1"}
    environment.pop("WANDB_SERVICE", None)  # a process of its own, with a W&B service of its own
    assert subprocess.run(command, cwd=ROOT, env=environment, capture_output=True).returncode == -signal.SIGKILL
    assert max(Run(tmp_path / "killed").checkpoints) < 24
    assert state(read_heartbeat(tmp_path / "killed")) == "died"
    assert (tmp_path / "killed" / "checkpoints" / "last.ckpt").is_file()
    train(
        [
            "fit",
            "--config",
            str(config),
            "--runs_dir",
            str(tmp_path),
            "--id",
            "killed",
            "--ckpt_path",
            "last",
            "--report",
            "false",
        ]
    )
    assert_equal(weights(tmp_path / "whole"), weights(tmp_path / "killed"))
    assert [segment["from_step"] for segment in read_segments(tmp_path / "killed")] == [0, 12]
    assert list(Run(tmp_path / "killed").extracted("default")) == list(Run(tmp_path / "whole").extracted("default"))
    whole, resumed = (Run(tmp_path / name).read_table("training") for name in ("whole", "killed"))
    assert (whole["step"] == resumed["step"]).all()
    assert state(read_heartbeat(tmp_path / "killed")) == "finished"


def kills(tmp_path, *scenarios):
    """Fixed kills of the benchmark, each in a process of its own."""
    found = tmp_path / "kills.json"
    command = [sys.executable, "-W", "ignore", "benchmarks/kills.py", "--json", str(found), "--scenarios", *scenarios]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=3000)
    assert found.is_file(), done.stdout[-2000:] + done.stderr[-2000:]
    rows = json.loads(found.read_text())
    assert [row for row in rows if not row["ok"]] == []
    assert rows
    return rows


def test_kills_and_signals_resume_where_they_should(tmp_path):
    """Inside an epoch, at its end, by SIGKILL, SIGTERM and SIGINT.

    The step that the resumed run starts from is part of each row.
    """
    rows = kills(tmp_path, "every 4 steps", "signals")
    assert {(row["first"], row["ended"]) for row in rows} == {(-9, "finished"), (143, "finished"), (130, "finished")}


@pytest.mark.slow
def test_kills_and_signals_beside_validation_resume_where_they_should(tmp_path):
    """The gate runs it with the lowest release of Lightning, whose loops differ most."""
    kills(tmp_path, "validation inside", "validation by steps", "validation after each step")


@pytest.mark.slow
def test_kills_of_every_kind_of_training(tmp_path):
    assert len(kills(tmp_path)) > 30


def command(path, folder, *more):
    train(["fit", "--config", str(path), "--runs_dir", str(folder), "--report", "false", *more])
    return Run(folder / more[more.index("--id") + 1]) if "--id" in more else None


@pytest.fixture
def plain(tiny_config, tmp_path):
    """The tiny run without extraction and logger."""
    config = yaml.safe_load(tiny_config.read_text())
    config["trainer"] |= {"logger": False, "callbacks": config["trainer"]["callbacks"][:1]}
    path = tmp_path / "plain.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def edited(path, **changes):
    """A copy of a configuration with entries of the trainer replaced."""
    config = yaml.safe_load(path.read_text())
    config["trainer"] |= changes
    copy = path.with_name("edited.yaml")
    copy.write_text(yaml.safe_dump(config))
    return copy


def test_one_flag_starts_and_resumes(plain, tmp_path):
    command(plain, tmp_path, "--id", "a", "--resume", "true")
    command(edited(plain, max_epochs=4), tmp_path, "--id", "a", "--resume", "true")
    run = Run(tmp_path / "a")
    first, second = read_segments(run.path)
    assert (first["from_step"], first["to_step"], first["ended"]) == (0, 12, "finished")
    assert (second["from_step"], second["to_step"], second["ended"]) == (12, 24, "finished")
    assert second["changed"] == {"trainer.max_epochs": [2, 4]}
    assert run.config["trainer"]["max_epochs"] == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ckpt_path", "last"], "expected the --id of the run to resume with --ckpt_path last, got none"),
        (["--ckpt_path", "last", "--id", "nobody"], "got no run in"),
        (["--resume", "true"], "to start with --resume true, got none"),
        (["--ckpt_path", "missing.ckpt", "--id", "b"], "got --ckpt_path missing.ckpt, which is no file"),
    ],
)
def test_resume_needs_a_run(plain, tmp_path, words, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        command(plain, tmp_path, *words)
    assert not (tmp_path / "nobody").exists()


def test_a_new_run_may_go_on_from_a_checkpoint_of_another(plain, tmp_path):
    first = command(plain, tmp_path, "--id", "a")
    second = command(
        edited(plain, max_epochs=4), tmp_path, "--id", "b", "--ckpt_path", str(first.path / "checkpoints" / "last.ckpt")
    )
    assert read_segments(second.path)[0]["from_step"] == 12
    assert second.config["trainer"]["max_epochs"] == 4
    assert first.config["trainer"]["max_epochs"] == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--model.network.init_args.widths", "[8]", "--trainer.max_epochs", "3"],
        ["--optimizer.init_args.lr", "0.5"],
        ["--seed_everything", "4"],
        ["--data.init_args.batch_size", "64"],
        ["--trainer.precision", "bf16-mixed"],
    ],
)
def test_a_refused_resume_changes_nothing(plain, tmp_path, words):
    command(plain, tmp_path, "--id", "a")
    before = {path: path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.is_file()}
    with pytest.raises(
        ValueError, match=rf"expected the settings that run 'a' was trained with, got {re.escape(words[0][2:])}="
    ):
        command(plain, tmp_path, "--id", "a", "--ckpt_path", "last", *words)
    assert before == {path: path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.is_file()}


def test_a_run_that_exists_is_not_overwritten(plain, tmp_path):
    command(plain, tmp_path, "--id", "a")
    with pytest.raises(ValueError, match=r"exists already.*--resume true"):
        command(plain, tmp_path, "--id", "a")


def test_a_folder_without_checkpoints_never_blocks_its_id(plain, tmp_path):
    for words in ([], ["--resume", "true"], ["--ckpt_path", "last"]):
        for config in (None, "model: 3"):
            folder = tmp_path / f"a{len(words)}{config is None}{'resume' in ' '.join(words)}"
            folder.mkdir()
            (folder / ".config.yaml.123-abc.part").write_text("half")
            if config:
                (folder / "config.yaml").write_text(config)
            command(edited(plain, max_epochs=1), tmp_path, "--id", folder.name, *words)
            assert max(Run(folder).checkpoints) == 6
            assert list(folder.rglob(".*.part")) == []


@pytest.mark.parametrize("damage", ["cut", "empty", "missing"])
def test_a_damaged_resume_point_falls_back_to_an_older_checkpoint(plain, tmp_path, damage, capsys):
    longer = edited(plain, max_epochs=3)
    config = yaml.safe_load(longer.read_text())
    config["trainer"]["callbacks"].append(
        {"class_path": "lk.callbacks.SaveCheckpoints", "init_args": {"log_spaced": 6, "early": 0}}
    )
    config["trainer"]["callbacks"].pop(0)
    longer.write_text(yaml.safe_dump(config))
    run = command(longer, tmp_path, "--id", "a")
    whole, last = weights(run.path), run.path / "checkpoints" / "last.ckpt"
    last.unlink() if damage == "missing" else last.write_bytes(last.read_bytes()[: 2000 if damage == "cut" else 0])
    run.checkpoint(18).unlink()
    command(longer, tmp_path, "--id", "a", "--resume", "true")
    assert (
        read_segments(run.path)[-1]["from_step"] == 10
    )  # 12 is the end of an epoch, whose validation a resume would leave out
    assert_equal(whole, weights(run.path))
    assert ("last.ckpt is damaged" in capsys.readouterr().err) == (damage != "missing")


def test_a_stop_that_is_not_on_the_schedule_is_saved_and_read(tiny_config, tmp_path):
    config = yaml.safe_load(tiny_config.read_text())
    stop = {
        "class_path": "pytorch_lightning.callbacks.EarlyStopping",
        "init_args": {"monitor": "test/loss", "patience": 1, "min_delta": 50.0},
    }
    config["trainer"] |= {"logger": False, "max_epochs": 9}
    config["trainer"]["callbacks"][0]["init_args"] = {"every_n_epochs": 5, "early": 0}
    config["trainer"]["callbacks"].append(stop)
    path = tmp_path / "early.yaml"
    path.write_text(yaml.safe_dump(config))
    run = command(path, tmp_path, "--id", "a")
    assert list(run.checkpoints) == list(run.extracted("default")) == [0, 12]
    assert [segment["ended"] for segment in read_segments(run.path)] == ["stopped early"]
    assert state(read_heartbeat(run.path)) == "stopped early"


def early(path, patience, **changes):
    """A configuration that validates twice an epoch and stops after `patience` losses that fell by less than 50."""
    config = yaml.safe_load(path.read_text())
    own = {"monitor": "test/loss", "patience": patience, "min_delta": 50.0}
    config["trainer"]["callbacks"].append({"class_path": "pytorch_lightning.callbacks.EarlyStopping", "init_args": own})
    return edited(path, callbacks=config["trainer"]["callbacks"], val_check_interval=0.5, **changes)


@pytest.mark.filterwarnings(
    "ignore:Be aware that when using `ckpt_path`, callbacks"
)  # Lightning's word on the one that is left away
@pytest.mark.parametrize(
    ("patience", "epochs", "stops"), [(2, 2, 9), (1, 4, 6)], ids=["inside the last epoch", "at the end of an epoch"]
)
def test_a_run_that_stopped_early_goes_on_as_one_that_did_not(plain, tmp_path, patience, epochs, stops):
    run = command(early(plain, patience, max_epochs=epochs), tmp_path, "--id", "a")
    assert [(segment["to_step"], segment["ended"]) for segment in read_segments(run.path)] == [(stops, "stopped early")]
    # Without the callback nothing stops; what was trained after the last point is trained again.
    command(edited(plain, max_epochs=4, val_check_interval=0.5), tmp_path, "--id", "a", "--resume", "true")
    whole = command(edited(plain, max_epochs=4, val_check_interval=0.5), tmp_path, "--id", "whole")
    last = read_segments(run.path)[-1]
    assert (last["from_step"], last["to_step"], last["ended"]) == (6, 24, "finished")
    assert_equal(weights(whole.path), weights(run.path))


def test_a_checkpoint_of_an_early_stop_inside_an_epoch_is_no_resume_point(plain, tmp_path):
    run = command(early(plain, 2, max_epochs=4), tmp_path, "--id", "a")
    assert max(run.checkpoints) == 9
    assert read_resume_point(run.checkpoint(9)) is None
    assert read_resume_point(run.path / "checkpoints" / "last.ckpt").step == 6


@pytest.mark.parametrize("steps", [12, 15, 17], ids=["at the end of an epoch", "inside", "one step before the end"])
@pytest.mark.parametrize("more", [20, 24])
def test_a_run_bounded_by_steps_is_extended(plain, tmp_path, steps, more):
    run = command(edited(plain, max_epochs=9, max_steps=steps), tmp_path, "--id", "a")
    command(edited(plain, max_epochs=9, max_steps=more), tmp_path, "--id", "a", "--resume", "true")
    whole = command(edited(plain, max_epochs=9, max_steps=more), tmp_path, "--id", "whole")
    first, second = read_segments(run.path)
    assert (first["to_step"], first["ended"]) == (steps, "finished")
    assert (second["from_step"], second["to_step"], second["ended"]) == (steps, more, "finished")
    assert_equal(weights(whole.path), weights(run.path))
    rows = [Run(tmp_path / name).read_table("training") for name in ("a", "whole")]
    assert rows[0].equals(rows[1])


def test_a_changed_patience_is_that_of_the_resumed_run(plain, tmp_path):
    run = command(early(plain, 1, max_epochs=4), tmp_path, "--id", "a")
    assert read_segments(run.path)[-1]["to_step"] == 6
    command(early(plain, 3, max_epochs=4), tmp_path, "--id", "a", "--resume", "true")
    whole = command(early(plain, 3, max_epochs=4), tmp_path, "--id", "whole")
    assert [(segment["from_step"], segment["to_step"]) for segment in read_segments(run.path)] == [(0, 6), (6, 12)]
    assert [segment["to_step"] for segment in read_segments(whole.path)] == [12]
    assert_equal(weights(whole.path), weights(run.path))


def random_state(stored, value):
    stored["lk"]["random"] = value


def trained_batches(stored, value):
    stored["Digits"] = {"trained": value}


def step_counter(stored, _):
    del stored["loops"]["fit_loop"]["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]


def emptied(stored, key):
    stored[key] = type(stored[key])()


def of_another_type(stored, key):
    stored[key] = 3


def optimizer_state(stored, value):
    stored["optimizer_states"] = [{"state": value, "param_groups": []}]


def version(stored, value):
    stored["pytorch-lightning_version"] = value


MUTATIONS = [
    *((random_state, value) for value in (None, [], {}, [{}], [{"torch": 1}], "x")),
    (trained_batches, 100),
    (trained_batches, -1),
    (step_counter, None),
    (emptied, "state_dict"),
    (emptied, "loops"),
    (of_another_type, "loops"),
    (of_another_type, "optimizer_states"),
    (of_another_type, "callbacks"),
    (optimizer_state, {}),
    (optimizer_state, 3),
    (version, "0.0.1"),
    (version, 3),
    (of_another_type, "lk"),
]


@pytest.fixture(scope="module")
def stopped(tiny_config, tmp_path_factory):
    """A run that was stopped inside its second epoch, and its configuration; not to be changed."""
    folder = tmp_path_factory.mktemp("stopped")
    config = yaml.safe_load(tiny_config.read_text())
    config["trainer"] |= {"logger": False, "callbacks": config["trainer"]["callbacks"][:1], "max_steps": 9}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    command(path, folder, "--id", "a")
    command(edited(path, max_steps=12), folder, "--id", "whole")
    return folder


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "of an earlier version"])
@pytest.mark.parametrize(
    ("change", "value"), MUTATIONS, ids=[f"{change.__name__}-{value}" for change, value in MUTATIONS]
)
def test_a_changed_resume_point_is_refused_or_passed_over(stopped, tmp_path, change, value, signed, capsys):
    """No traceback, and no other weights: the run goes on from an older checkpoint, or one line says what to do."""
    run = Run(shutil.copytree(stopped / "a", tmp_path / "a"))
    last = run.path / "checkpoints" / "last.ckpt"
    stored = torch.load(last, weights_only=True)
    if not signed:
        del stored["lk"]["digest"]
    change(stored, value)
    torch.save(stored, last)
    run.checkpoint(9).unlink()  # as good a point as the one that is changed
    refused = ""
    try:
        command(edited(stopped / "config.yaml", max_steps=12), tmp_path, "--id", "a", "--resume", "true")
    except ValueError as error:
        refused = str(error)
    if refused:
        assert not signed
        assert re.search(r"can be resumed from, got .*last\.ckpt \(.*\)\. Delete it", refused)
        return
    assert "last.ckpt is damaged" in capsys.readouterr().err
    assert (
        read_segments(run.path)[-1]["from_step"] == 1
    )  # 6 is the end of an epoch, whose validation a resume would leave out
    assert_equal(weights(stopped / "whole"), weights(run.path))


def test_gathered_gradients_read_a_checkpoint_once(tiny_config, tmp_path):
    config = yaml.safe_load(tiny_config.read_text())
    config["trainer"] |= {"accumulate_grad_batches": 4, "logger": {"class_path": "pytorch_lightning.loggers.CSVLogger"}}
    config["trainer"]["logger"]["init_args"] = {"save_dir": str(tmp_path / "csv")}
    path = tmp_path / "gathered.yaml"
    path.write_text(yaml.safe_dump(config))
    run = command(path, tmp_path, "--id", "a")
    logged = pd.read_csv(next((tmp_path / "csv").rglob("metrics.csv")))["checkpoint/epoch"].dropna()
    assert len(logged) == len(run.checkpoints) == len(run.extracted("default")) == 3


def test_two_writers_of_one_folder_are_refused(tiny_run, tmp_path):
    copied = Path(shutil.copytree(tiny_run, tmp_path / "tiny"))
    before = {path: path.read_bytes() for path in copied.rglob("*.safetensors")}
    with locked(copied):
        for words in (["extract", str(copied)], ["report", str(copied)]):
            with pytest.raises(
                ValueError, match=r"no other command writes, got .*tiny, where process \d+ on .* has been writing"
            ):
                analyze(words)
        with pytest.raises(ValueError, match="no other command writes"):
            probe(["fit", "--run", str(copied)])
        script = "import sys; from lk.cli import analyze, main; main(lambda: analyze(sys.argv[1:]))"
        other = subprocess.run(
            [sys.executable, "-c", script, "report", str(copied)], capture_output=True, text=True, cwd=ROOT
        )
        assert other.returncode == 2
        assert "Traceback" not in other.stderr
    assert before == {path: path.read_bytes() for path in copied.rglob("*.safetensors")}
    analyze(["report", str(copied)])


def test_slurm_saves_at_the_end_of_the_step_and_requeues(plain, tmp_path, own_module):
    """SLURM's signal: the point is saved, `scontrol requeue` gets the job, the requeued command continues there."""
    queue = tmp_path / "bin" / "scontrol"
    queue.parent.mkdir()
    queue.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/queue\n')
    queue.chmod(0o755)
    config = yaml.safe_load(plain.read_text())
    config["trainer"] |= {"max_epochs": 4}
    kill = {"class_path": f"{own_module}.Kill"}
    signalled = tmp_path / "signalled.yaml"
    config["trainer"]["callbacks"] += [
        {**kill, "init_args": {"step": 8, "number": int(signal.SIGUSR1)}},
        {**kill, "init_args": {"step": 9, "number": int(signal.SIGKILL)}},
    ]
    signalled.write_text(yaml.safe_dump(config))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        "PATH": f"{queue.parent}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "SLURM_JOB_ID": "77",
        "SLURM_JOB_NAME": "job",
        "SLURM_NTASKS": "1",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
        "SLURM_PROCID": "0",
    }
    words = ["fit", "--runs_dir", str(tmp_path), "--id", "a", "--resume", "true", "--report", "false"]
    first = subprocess.run(
        [sys.executable, "train.py", *words, "--config", str(signalled)], cwd=ROOT, env=environment, capture_output=True
    )
    assert first.returncode == -signal.SIGKILL
    assert (tmp_path / "queue").read_text() == "requeue 77\n"
    config["trainer"]["callbacks"] = config["trainer"]["callbacks"][:-2]
    signalled.write_text(yaml.safe_dump(config))
    again = subprocess.run(
        [sys.executable, "train.py", *words, "--config", str(signalled)], cwd=ROOT, env=environment, capture_output=True
    )
    assert again.returncode == 0, again.stderr[-2000:]
    assert read_segments(tmp_path / "a")[-1]["from_step"] == 8
    assert list((tmp_path / "a").glob("hpc_ckpt*")) == []
    whole = command(edited(plain, max_epochs=4), tmp_path, "--id", "whole")
    assert_equal(weights(whole.path), weights(tmp_path / "a"))


def test_another_seed_gives_other_weights(config, tmp_path):
    for seed in ("1", "2"):
        train(
            [
                "fit",
                "--config",
                str(config),
                "--seed_everything",
                seed,
                "--runs_dir",
                str(tmp_path),
                "--id",
                f"seed{seed}",
                "--report",
                "false",
            ]
        )
    first, second = weights(tmp_path / "seed1"), weights(tmp_path / "seed2")
    assert not torch.equal(first["network.module.head.weight"], second["network.module.head.weight"])
