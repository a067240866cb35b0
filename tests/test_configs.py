"""Every YAML in configs/ runs for one short epoch with the real logger, on tiny data in its own format."""

from pathlib import Path

import pytest
import yaml

from lk.cli import train
from lk.runs import Run

CONFIGS = sorted((Path(__file__).parents[1] / "configs").rglob("*.yaml"))


def small(config, mnist_dir, image_dir, table):
    """The same configuration on tiny data: two batches, few players, few samples for the probes."""
    data, is_group = config["data"], config["data"]["class_path"].endswith("GroupTable")
    data.setdefault("init_args", {}).update(samples_per_class=1, **({} if is_group else {"batch_size": 8}))
    if "data_dir" in data["init_args"]:
        data["init_args"]["data_dir"] = str(mnist_dir if data["class_path"].endswith("MNIST") else image_dir)
    if "download" in data["init_args"]:
        data["init_args"]["download"] = False
    if "num_workers" in data["init_args"]:
        data["init_args"]["num_workers"] = 0
    if "path" in data["init_args"]:
        data["init_args"].update(path=str(table), label="kind")
    trainer = config["trainer"]
    trainer.update(
        max_epochs=1, limit_train_batches=2, limit_val_batches=2, accelerator="cpu", enable_progress_bar=False, num_sanity_val_steps=0
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
    probes.setdefault("init_args", {}).update(max_samples=24, tolerance=1e-3)
    return config


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_runs(path, mnist_dir, image_dir, writers, tmp_path):
    table = tmp_path / "table.csv"
    writers.table["csv"](writers.frame(), table)
    changed = tmp_path / path.name
    changed.write_text(yaml.safe_dump(small(yaml.safe_load(path.read_text()), mnist_dir, image_dir, table)))
    train(["fit", "--config", str(changed), "--runs_dir", str(tmp_path / "runs"), "--id", path.stem, "--report", "false"])
    run = Run(tmp_path / "runs" / path.stem)
    assert list(run.checkpoints) == [0, 2]
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
