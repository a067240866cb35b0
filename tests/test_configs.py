"""Configurations: what each resolves to, and that each runs for one short epoch on tiny data in its own format."""

import json
from pathlib import Path

import pytest
import yaml

from lk.cli import analyze, train
from lk.runs import Run
from lk.storage.trust import find

ROOT = Path(__file__).parents[1] / "configs"
ALL = sorted(path for path in ROOT.rglob("*.yaml") if path.parent.name != "sweeps")  # see tests/sweeps
STUDIES = [path.stem for path in ALL if "networks" in yaml.safe_load(path.read_text())]  # they read finished runs
# What each configuration of commit fecfcdd resolved to; some are now two files.
FORMER = json.loads((ROOT.parent / "tests" / "fixtures" / "resolved" / "fecfcdd.json").read_text())
COMBINED = {
    "breast_cancer": ["data/breast_cancer", "networks/mlp"],
    "cifar10_alexnet": ["data/cifar10", "networks/alexnet"],
    "cifar10_resnet20": ["data/cifar10", "networks/resnet20"],
    "cifar10_vgg16": ["data/cifar10", "networks/vgg16"],
    "cifar10_vit": ["data/cifar10", "networks/vit"],
    "digits": ["digits"],
    "group_a5": ["group_s4", "data/group_a5"],
    "group_d29": ["group_s4", "data/group_d29"],
    "group_s4": ["group_s4"],
    "group_s5": ["group_s4", "data/group_s5"],
    "group_z59": ["group_s4", "data/group_z59"],
    "imagefolder_resnet18": ["data/images", "networks/resnet18"],
    "mnist_lenet": ["data/mnist", "networks/lenet"],
    "mnist_mlp7": ["mnist_mlp7"],
    "mnist_vgg11": ["data/mnist", "networks/vgg11"],
    "sst2_bert": ["sst2_bert"],
    "table_mlp7": ["data/table", "networks/mlp7"],
    **{
        f"paper/{data}_{network}": [f"paper/data/{data}", f"paper/{data}_{network}"]
        for data, networks in {
            "breast_cancer": ["mlp7"],
            "census": ["mlp7"],
            "cifar10": ["mlp7", "resnet20", "resnet32", "vgg11"],
            "mnist": ["mlp7", "resnet20", "vgg11"],
            "sst2": ["bert", "distilbert", "xlnet"],
        }.items()
        for network in networks
    },
}
# Studies train their networks themselves.
TRAININGS = [name for name in COMBINED if not name.startswith("paper/")] + ["paper/census_mlp7"]


def given(paths):
    """Options of the command line that name configuration files."""
    return [word for path in paths for word in ("--config", str(path))]


def resolved(command, words, capsys):
    """The complete configuration that a command prints."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        command([*words, "--print_config"])
    assert not ended.value.code
    return yaml.safe_load(capsys.readouterr().out)


def built(config):
    """A configuration with classes in place of their names, of which a class may have several."""
    if isinstance(config, dict):
        return {key: find(item, True) if key == "class_path" else built(item) for key, item in config.items()}
    return [built(item) for item in config] if isinstance(config, list) else config


# Settings that came later, with the default that means what was before.
LATER = {"max_overhead": None, "companions": False, "entity": None, "notes": None, "log_model": True}


def without_later(config):
    """A configuration without the settings that came later, each of which has its default."""
    if isinstance(config, list):
        return [without_later(item) for item in config]
    if not isinstance(config, dict):
        return config
    assert all(config[key] == LATER[key] for key in config.keys() & LATER.keys())
    return {key: without_later(item) for key, item in config.items() if key not in LATER}


@pytest.mark.parametrize("name", COMBINED)
def test_training_resolves_as_before(name, capsys):
    words = given(ROOT / f"{part}.yaml" for part in COMBINED[name])
    assert without_later(built(resolved(train, ["fit", *words], capsys))) == built(FORMER[f"{name}.yaml"])


@pytest.mark.parametrize("name", STUDIES)
def test_study_resolves_as_before(name, capsys):
    words = given([ROOT / "paper" / f"{name}.yaml"])
    assert built(resolved(analyze, ["paper", *words], capsys)) == built(FORMER[f"paper/{name}.yaml"])


def test_every_file_is_used_and_says_what_it_is():
    assert set(FORMER) == {f"{name}.yaml" for name in COMBINED} | {f"paper/{name}.yaml" for name in STUDIES}
    used = {part for parts in COMBINED.values() for part in parts} | {f"paper/{name}" for name in STUDIES} | {"tiny"}
    assert {path.relative_to(ROOT).with_suffix("").as_posix() for path in ALL} == used
    assert all(path.read_text().startswith("# ") for path in ALL)


def test_runs_of_one_experiment_share_a_group():
    """The same data set in the same folder of configurations is one experiment, and no other has its W&B group."""
    seen = {}
    for name in COMBINED:
        config = FORMER[f"{name}.yaml"]
        source = {key: config["data"]["init_args"].get(key) for key in ("data_dir", "path", "group")}
        group = config["trainer"]["logger"]["init_args"]["group"]
        seen.setdefault(group, set()).add(f"{Path(name).parent} {config['data']['class_path']} {source}")
    assert all(len(sources) == 1 for sources in seen.values()), seen
    assert len({source for sources in seen.values() for source in sources}) == len(seen)


# ---- runs on tiny data: settings by name, wherever they stand
TINY = {
    **dict.fromkeys(("hidden_size", "dim", "d_model", "intermediate_size", "hidden_dim", "d_inner"), 16),
    **dict.fromkeys(("num_hidden_layers", "n_layers", "n_layer"), 2),
    **{"max_position_embeddings": 16, "max_length": 16, "vocab_size": 120, "words": 3},  # transformers
    **{"n": 4, "width": 12, "embedding": 4, "seeds": 1, "log_spaced": 0, "early": 0},  # groups, players, checkpoints
    **{"samples_per_class": 1, "batch_size": 8, "max_samples": 80, "size": 32, "num_workers": 0, "download": False},
    **{"samples": 2, "draws": 2, "kappas": [0.0, 0.04], "explained": [0]},  # studies
}


@pytest.fixture
def places(mnist_dir, image_dir, sentence_dir, writers, tmp_path):
    """Tiny data in place of what the configurations name."""
    table, census = tmp_path / "table.csv", tmp_path / "census.csv"
    writers.table["csv"](writers.frame().rename(columns={"kind": "label"}), table)
    writers.table["csv"](writers.census(), census)
    folders = {"data": mnist_dir, "data/sst2": sentence_dir, "data/table.csv": table, "census": census}
    return {**folders, "data/cifar10": image_dir, "data/images": image_dir}


def small(value, places, key=None):
    """The same configuration on tiny data: two batches, few players, few samples for the probes."""
    if key in TINY:
        return TINY[key]
    if key in ("data_dir", "path"):
        return str(places[value])
    if isinstance(value, dict):
        return {name: small(item, places, name) for name, item in value.items()}
    if key == "groups":
        return value[:3]
    return [small(item, places) for item in value] if isinstance(value, list) else value


@pytest.fixture
def tried(places, tmp_path):
    """Trains by a configuration on tiny data and gives the run."""

    def fit(name):
        parts = []
        for part in COMBINED[name]:
            parts.append(tmp_path / f"{part.replace('/', '-')}.yaml")
            parts[-1].write_text(yaml.safe_dump(small(yaml.safe_load((ROOT / f"{part}.yaml").read_text()), places)))
        more = [] if "group" in name else ["--data.init_args.batch_size", "8"]
        more += ["--data.init_args.path", str(places["census"])] if "census" in name else []
        words = ["--runs_dir", str(tmp_path / "runs"), "--id", Path(name).name, "--report", "false", *more]
        train(["fit", *given([*parts, ROOT / "tiny.yaml"]), *words])
        run = Run(tmp_path / "runs" / Path(name).name)
        assert list(run.checkpoints) == [0, 2]
        return run

    return fit


# Twins in kind of another that runs: `pytest -m slow` runs them.
SLOW = {"mnist", "cifar10_vgg16", "cifar10_alexnet"}


def by_hand(names):
    """Names as parameters, the slow ones marked."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in names]


@pytest.mark.parametrize("name", by_hand(STUDIES))
def test_study_runs(name, tried, places, tmp_path):
    """Every study of configs/paper, with the networks that it names, trained by their own configurations."""
    study = small(yaml.safe_load((ROOT / "paper" / f"{name}.yaml").read_text()), places)
    for network in study["networks"]:
        stem = Path(network["runs"][0]).name.rsplit("-", 1)[0].replace("-", "_")  # runs are called after it
        network["runs"] = [str(tried(f"paper/{stem}").path)]
    study.update(folder=str(tmp_path / "paper"), explained=[0])
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    analyze(["paper", "--config", str(tmp_path / "study.yaml")])
    assert "figure 3a" in (tmp_path / "paper" / "report.html").read_text()
    assert (tmp_path / "paper" / "tables" / "verdicts.parquet").is_file()


@pytest.mark.parametrize("name", by_hand(TRAININGS))
def test_config_runs(name, tried):
    run = tried(name)
    callbacks = [callback["class_path"].rsplit(".", 1)[-1] for callback in run.config["trainer"]["callbacks"]]
    if "ExtractInteractions" in callbacks:
        assert list(run.extracted("default")) == [0, 2]
        assert run.read_table("default/games")["certified"].all()
    if "Certify" in callbacks:
        certificates = run.read_table("certificates")
        assert sorted(certificates["step"].unique()) == [0, 2]
        assert not certificates["failed"].any()
    assert list((run.path / "wandb").glob("offline-run-*/*.wandb"))
