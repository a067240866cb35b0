"""What may be rebuilt from a run folder: nothing that a folder names is imported before its name is checked."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml

from lk.cli import analyze, probe, train
from lk.cli.finished import stored_defaults
from lk.data import Digits
from lk.games import Players
from lk.runs import Run
from lk.storage.trust import ForeignClassError, build, check_name, check_trusted, fits
from tests.helpers.hostile import MODULE, PAYLOAD, folders

HOSTILE = list(folders())


FOREIGN = {"class_path": "subprocess.Popen", "init_args": {"args": ["true"]}}


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (FOREIGN, "subprocess.Popen"),
        ({"class_path": "lk.networks.Wrapped", "init_args": {"module": FOREIGN, "layers": []}}, "subprocess.Popen"),
        ({"class_path": "lk.networks.Wrapped", "init_args": {"layers": [[FOREIGN]]}}, "subprocess.Popen"),
        ({"class_path": "lk.scores.OfActivation", "init_args": {"function": "os.system"}}, "os.system"),
        ({"class_path": "torchvisionary.Net"}, "torchvisionary.Net"),
        ({"class_path": "lkx.Net"}, "lkx.Net"),
    ],
    ids=["class", "nested", "in lists", "function", "like torchvision", "like lk"],
)
def test_foreign_class_is_refused(config, name):
    for refuse in (check_trusted, build):
        with pytest.raises(
            ForeignClassError,
            match=f"expected a class of lk or torchvision in the run's config, got '{name}'. .*--trust true",
        ):
            refuse(config)


@pytest.mark.parametrize("path", ["lk.storage.files.Path", "lk.console.Console", "lk.extraction.samples.Path"])
def test_a_foreign_class_that_lk_imports_is_refused(path):
    with pytest.raises(
        ForeignClassError, match=f"expected a class of lk or torchvision in .*got '{path}', which is defined in"
    ):
        build({"class_path": path})


@pytest.mark.parametrize("path", ["lk.runs.run.build", "torchvision.models.get_model"])
def test_a_function_is_no_class(path):
    with pytest.raises(ForeignClassError, match=f"expected a class in the run's config, got '{path}'"):
        build({"class_path": path})


def test_trust_builds_foreign_classes():
    assert build({"class_path": "fractions.Fraction", "init_args": {"numerator": 3}}, trust=True) == 3


@pytest.mark.parametrize("path", ["lk.networks.MPL", "lk.nowhere.MLP", "MLP"])
def test_a_class_that_cannot_be_imported(path):
    with pytest.raises(ValueError, match=f"expected a class that can be imported in the run's config, got '{path}'"):
        build({"class_path": path}, trust=True)


@pytest.mark.parametrize(
    "path",
    ["torchvision.datasets.FakeData", "lk.cli.training.TrainCLI", "lk.loggers.Wandb", "lk.callbacks.SaveCheckpoints"],
)
def test_a_class_that_is_no_part_of_a_run(path):
    with pytest.raises(ForeignClassError, match=f"expected a part of a run .*got '{path}'"):
        build({"class_path": path})


@pytest.mark.parametrize(
    "path", ["", "lk", "lk.", "lk..games", "lk.games.Grid()", "lk.games/../x", 3, None, ["lk.games.Grid"], "os.path"]
)
def test_names_that_are_none(path):
    with pytest.raises(ForeignClassError, match="expected a class of lk or torchvision in the run's config, got "):
        check_name(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patch": "2"}, "expected patch of Grid as int, got '2'"),
        ({"patch": [2]}, "expected patch of Grid as int"),
        ({"patch": True}, "expected patch of Grid as int, got True"),
        ({"patch": 10**40}, "expected patch of Grid as int, got 1000"),
        (
            {"patches": 2},
            r"arguments that lk.games.Grid can be made with, got \{'patches': 2\} .*unexpected keyword .*'patches'",
        ),
        (
            {},
            r"arguments that lk.games.Grid can be made with, got \{\} .*missing 1 required",
        ),
        ([2], "expected a class_path with init_args"),
    ],
)
def test_arguments_of_the_wrong_kind(arguments, message):
    with pytest.raises(ValueError, match=message):
        build({"class_path": "lk.games.Grid", "init_args": arguments})


def test_another_base_is_refused():
    with pytest.raises(
        ValueError, match=r"expected a subclass of lk.games.players.Players, got class_path='lk.scores.Logit'"
    ):
        build({"class_path": "lk.scores.Logit"}, expected=Players)
    assert build({"class_path": "lk.games.Grid", "init_args": {"patch": 2}}, expected=Players).patch == 2


def test_fits():
    assert fits(None, int | None)
    assert fits(1, float)
    assert fits({"a": [1, "x"]}, dict[str, list[int | str]])
    assert not fits({"a": [1.5]}, dict[str, list[int]])
    assert not fits(2**63, int)


# ---- hostile folders
@pytest.fixture(scope="module")
def payload(tmp_path_factory):
    """A folder on sys.path with the module that tells when it is imported."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "payload").mkdir()
    (folder / "payload" / f"{MODULE}.py").write_text(PAYLOAD)
    sys.path.insert(0, str(folder / "payload"))
    yield folder
    sys.path.remove(str(folder / "payload"))
    sys.modules.pop(MODULE, None)


@pytest.fixture
def folder(payload, tiny_run):
    """A function that gives a fresh copy of a finished run, its values left out to make it small."""

    def fresh():
        target = payload / "run"
        shutil.rmtree(target, ignore_errors=True)
        return Path(
            shutil.copytree(
                tiny_run, target, ignore=shutil.ignore_patterns("wandb", "figures", "report.html", "*.png", "*.svg")
            )
        )

    return fresh


def executed(payload):
    return (payload / "payload" / "executed").exists() or MODULE in sys.modules


def refused(command, *arguments):
    """Run a command; whether it ended with an error."""
    try:
        command(*arguments)
    except (ValueError, OSError, SystemExit):
        return True
    return False


def readers(name, run, data):
    """What the commands call that reads names from the changed file, without their parsers."""
    if name.startswith("checkpoint"):
        return {"weights": lambda: [Run(run).load(Run(run).network(data), step) for step in Run(run).checkpoints]}
    if name.startswith("config.yaml"):
        return {
            "settings": lambda: stored_defaults(str(run), False),
            "data": Run(run).data,
            "network": lambda: Run(run).network(data),
        }
    return {"settings": lambda: stored_defaults(str(run), False, "default")}


def test_the_payload_works(payload):
    """The marker appears where the payload is trusted: the tests below can fail."""
    assert not executed(payload)
    build({"class_path": f"{MODULE}.Players", "init_args": {"patch": 2}}, trust=True)
    assert executed(payload)
    (payload / "payload" / "executed").unlink()
    del sys.modules[MODULE]


def test_no_hostile_folder_runs_code(payload, folder):
    """Every folder through the functions that read the changed file."""
    assert len(HOSTILE) >= 150
    run, data = folder(), Digits()
    kept = {path: path.read_bytes() for path in run.rglob("*") if path.suffix in (".yaml", ".safetensors", ".ckpt")}
    for name, change in HOSTILE:
        change(run)
        for reader, call in readers(name, run, data).items():
            refused(call)
            assert not executed(payload), f"{name}: executed through {reader}"
        for path, content in kept.items():
            path.write_bytes(content)


def commands(run, tmp_path, tiny_config):
    paper = {
        "folder": str(tmp_path / "paper"),
        "networks": [{"name": "one", "runs": [str(run)]}],
        "name": "default",
        "players": {"class_path": "lk.games.Foreground", "init_args": {"n": 4, "patch": 2}},
    }
    (tmp_path / "paper.yaml").write_text(yaml.safe_dump(paper))
    return {
        "extract": lambda: analyze(["extract", str(run), "--report", "false"]),
        "extract by name": lambda: analyze(["extract", str(run), "--extraction.name", "default", "--report", "false"]),
        "compare": lambda: analyze(["compare", str(run), str(run.parent / "other")]),
        "certify": lambda: analyze(["certify", str(run)]),
        "probe": lambda: probe(["fit", "--run", str(run)]),
        "paper": lambda: analyze(["paper", "--config", str(tmp_path / "paper.yaml"), "--figures", "[2]"]),
        "report": lambda: analyze(["report", str(run)]),
        "resume": lambda: train(
            [
                "fit",
                "--config",
                str(tiny_config),
                "--runs_dir",
                str(run.parent),
                "--id",
                "run",
                "--ckpt_path",
                "last",
                "--report",
                "false",
            ]
        ),
    }


def through_commands(hostile, which, payload, folder, tmp_path, tiny_config, capsys):
    for name, change in hostile:
        run = folder()
        change(run)
        for command, call in commands(run, tmp_path, tiny_config).items():
            if command in which:
                refused(call)
            capsys.readouterr()
            assert not executed(payload), f"{name}: executed through {command}"


def test_some_hostile_folders_through_the_commands(payload, folder, tmp_path, tiny_config, capsys):
    few = (
        "config.yaml: players, text",
        "settings.yaml: masker, text",
        "probes: recipe, text",
        "settings.yaml: score, an error message",
    )
    chosen = [(name, change) for name, change in HOSTILE if name.endswith(few)]
    assert len(chosen) == len(few)
    through_commands(
        chosen, ("extract", "extract by name", "certify", "probe"), payload, folder, tmp_path, tiny_config, capsys
    )


QUICK, LONG = ("extract", "extract by name", "compare", "certify", "probe"), ("paper", "report", "resume")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Lightning, about a run that was moved
@pytest.mark.parametrize(("which", "every"), [(QUICK, 2), (LONG, 16)], ids=["quick", "long"])
def test_all_hostile_folders_through_the_commands(which, every, payload, folder, tmp_path, tiny_config, capsys):
    through_commands(HOSTILE[::every], which, payload, folder, tmp_path, tiny_config, capsys)
