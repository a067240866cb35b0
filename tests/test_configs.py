"""Every YAML in configs/ runs for one short epoch with the real logger, on tiny data in its own format."""

from pathlib import Path

import pytest
import yaml

from lk.cli import analyze, train
from lk.runs import Run

ROOT = Path(__file__).parents[1]
ALL = sorted((ROOT / "configs").rglob("*.yaml"))
STUDIES = [path for path in ALL if "networks" in yaml.safe_load(path.read_text())]  # read finished runs


def trained_by(study):
    """The configuration that trains each network of a study: its runs are called after it."""
    names = {network["name"]: Path(network["runs"][0]).name.rsplit("-", 1)[0] for network in study["networks"]}
    return {name: ROOT / "configs" / "paper" / f"{stem.replace('-', '_')}.yaml" for name, stem in names.items()}


# What a study trains is tried out with it.
CONFIGS = [
    path
    for path in ALL
    if path not in {*STUDIES, *(p for s in STUDIES for p in trained_by(yaml.safe_load(s.read_text())).values())}
]


SIZES = dict.fromkeys(("hidden_size", "dim", "d_model", "intermediate_size", "hidden_dim", "d_inner"), 16)
SIZES |= {"num_hidden_layers": 2, "n_layers": 2, "n_layer": 2, "max_position_embeddings": 16, "vocab_size": 120}


def small(config, folders, table, census):
    """The same configuration on tiny data: two batches, few players, few samples for the probes."""
    data, is_group = config["data"], config["data"]["class_path"].endswith("GroupTable")
    data.setdefault("init_args", {}).update(samples_per_class=1, **({} if is_group else {"batch_size": 8}))
    if "data_dir" in data["init_args"]:
        data["init_args"]["data_dir"] = str(folders.get(data["class_path"].rsplit(".", 1)[-1], folders["ImageFolder"]))
    if "words" in data["init_args"]:
        data["init_args"].update(words=3, vocab_size=120, max_length=16)
        sizes = config["model"]["network"]["init_args"]["config"]
        sizes.update({key: value for key, value in SIZES.items() if key in sizes})
    if data["class_path"].endswith("Census"):
        data["init_args"]["path"] = str(census)
    if "download" in data["init_args"]:
        data["init_args"]["download"] = False
    if "num_workers" in data["init_args"]:
        data["init_args"]["num_workers"] = 0
    if data["class_path"].endswith("Table") and "path" in data["init_args"]:
        data["init_args"].update(path=str(table), label="kind")
    trainer = config["trainer"]
    trainer.update(
        max_epochs=1,
        limit_train_batches=2,
        limit_val_batches=2,
        accelerator="cpu",
        enable_progress_bar=False,
        num_sanity_val_steps=0,
    )
    trainer["callbacks"][0].setdefault("init_args", {})["early"] = 0
    if is_group:
        trainer["callbacks"][0]["init_args"]["log_spaced"] = 0
        trainer["callbacks"][1]["init_args"]["seeds"] = 1
        config["model"]["network"]["init_args"].update(width=4, embedding=4, seeds=1)
        return config
    if len(trainer["callbacks"]) == 1:
        return config
    extraction = trainer["callbacks"][1]["init_args"]["extraction"]["init_args"]
    players = extraction["players"].setdefault("init_args", {})
    if "n" in players:
        players["n"] = 3
    if "groups" in players:
        players["groups"] = players["groups"][:3]
    if extraction["players"]["class_path"].endswith("Grid"):
        players["patch"] = 32
    probes = extraction.setdefault("probes", {"class_path": "lk.probes.Optimum"})
    probes.setdefault("init_args", {}).update(max_samples=80, tolerance=1e-3)
    return config


@pytest.fixture
def tried(mnist_dir, image_dir, sentence_dir, writers, tmp_path):
    """Trains by a configuration on tiny data and gives the run."""
    folders = {"MNIST": mnist_dir, "ImageFolder": image_dir, "SST2": sentence_dir}
    table, census = tmp_path / "table.csv", tmp_path / "census.csv"
    writers.table["csv"](writers.frame(), table)
    writers.table["csv"](writers.census(), census)

    def fit(path):
        changed = tmp_path / path.name
        changed.write_text(yaml.safe_dump(small(yaml.safe_load(path.read_text()), folders, table, census)))
        train(
            [
                "fit",
                "--config",
                str(changed),
                "--runs_dir",
                str(tmp_path / "runs"),
                "--id",
                path.stem,
                "--report",
                "false",
            ]
        )
        run = Run(tmp_path / "runs" / path.stem)
        assert list(run.checkpoints) == [0, 2]
        return run, changed

    return fit


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_study_runs(path, tried, tmp_path):
    """Every study of configs/paper, with the networks that it names, trained by their own configurations."""
    study = yaml.safe_load(path.read_text())
    trained = {name: tried(source)[0].path for name, source in trained_by(study).items()}
    for network in study["networks"]:
        network["runs"] = [str(trained[network["name"]])]
        network.setdefault("probes", {"class_path": "lk.probes.Optimum"}).setdefault("init_args", {}).update(
            max_samples=80, tolerance=1e-3
        )
    players = study["players"].setdefault("init_args", {})
    if "n" in players:
        players["n"] = 3
    if "groups" in players:
        players["groups"] = players["groups"][:3]
    if "stability" in study:
        study["stability"].update(samples=1, draws=2)
    study["ablation"].update(kappas=[0.0, 0.04], samples=2)
    study["controls"]["samples"] = 2
    study.update(folder=str(tmp_path / "paper"), explained=[0])
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    analyze(["paper", "--config", str(tmp_path / "study.yaml")])
    assert "figure 3a" in (tmp_path / "paper" / "report.html").read_text()
    assert (tmp_path / "paper" / "tables" / "verdicts.parquet").is_file()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_runs(path, tried):
    run, changed = tried(path)
    if "ExtractInteractions" in changed.read_text():
        assert list(run.extracted("default")) == [0, 2]
        assert run.read_table("default/games")["certified"].all()
    if "Certify" in changed.read_text():
        certificates = run.read_table("certificates")
        assert sorted(certificates["step"].unique()) == [0, 2]
        assert not certificates["failed"].any()
    assert list((run.path / "wandb").glob("offline-run-*/*.wandb"))


def test_every_config_says_what_it_is():
    assert CONFIGS
    for path in CONFIGS:
        assert path.read_text().startswith("# "), path


def wandb_group(config):
    """What W&B puts side by side."""
    return ((config.get("trainer") or {}).get("logger") or {}).get("init_args", {}).get("group")


def test_runs_of_one_experiment_share_a_group():
    """The same data set in the same folder of configurations is one experiment, and no other has its group."""
    seen = {}
    for path in CONFIGS:
        config = yaml.safe_load(path.read_text())
        if wandb_group(config) is None:
            continue  # settings of a command, no training
        data = config["data"]
        source = {key: (data.get("init_args") or {}).get(key) for key in ("data_dir", "path", "group")}
        seen.setdefault(wandb_group(config), set()).add(f"{path.parent} {data['class_path']} {source}")
    assert all(len(sources) == 1 for sources in seen.values()), seen
    assert len({source for sources in seen.values() for source in sources}) == len(seen)
