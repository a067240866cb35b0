"""Loggers as the command makes them: their folders and ids, the default, an unknown one."""

from pathlib import Path

import pytest
import yaml

from lk.cli import train
from lk.cli.training import TrainCLI

ID = "made"


class Parsed(Exception):
    """The configuration is complete; nothing is made."""


@pytest.fixture
def made(tiny_config, tmp_path, monkeypatch):
    """`made(logger)`: settings of the loggers as they are before anything is made."""

    def stop(command):
        raise Parsed(command.config["fit"].trainer.logger)

    def inner(logger):
        monkeypatch.setattr(TrainCLI, "instantiate_classes", stop)
        config = yaml.safe_load(tiny_config.read_text())
        if logger is not None:
            config["trainer"]["logger"] = logger
        path = tmp_path / "own.yaml"
        path.write_text(yaml.safe_dump(config))
        with pytest.raises(Parsed) as stopped:
            train(["fit", "--config", str(path), "--runs_dir", str(tmp_path), "--id", ID])
        found = stopped.value.args[0]
        return found if isinstance(found, list) else [found]

    return inner


def test_folder_and_id_are_filled_in(made, tmp_path):
    folders = {"CSVLogger": "", "TensorBoardLogger": "", "MLFlowLogger": "mlruns", "WandbLogger": "", "Wandb": ""}
    given = [{"class_path": name, **settings} for name in folders for settings in ({}, {"init_args": {}})]
    for entry, logger in zip(given, made(given), strict=True):
        name, found = entry["class_path"], logger.init_args
        assert Path(found.save_dir) == tmp_path / ID / folders[name], name
        if "andb" in name:
            assert found.id == ID
        if name == "MLFlowLogger":
            assert found.run_name == ID


def test_what_the_user_wrote_stays(made, tmp_path):
    own = {"class_path": "CSVLogger", "init_args": {"save_dir": str(tmp_path / "elsewhere")}}
    first, second = made([own, {"class_path": "TensorBoardLogger"}])
    assert first.init_args.save_dir == str(tmp_path / "elsewhere")
    assert Path(second.init_args.save_dir) == tmp_path / ID


def test_the_default_is_wandb_also_where_tensorboard_is_installed(made):
    pytest.importorskip("tensorboard")
    assert [entry.class_path for entry in made(True)] == ["lk.loggers.Wandb"]


def test_an_unknown_logger_is_told_with_the_nearest(tiny_config, capsys):
    with pytest.raises(SystemExit):
        train(["fit", "--config", str(tiny_config), "--trainer.logger", "TensorbordLogger"])
    assert "expected a logger for trainer.logger, got 'TensorbordLogger'" in (said := capsys.readouterr().err)
    assert "TensorBoardLogger" in said
