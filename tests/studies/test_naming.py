"""Names of compared runs: as short as tells them apart, and no shorter."""

import yaml

from lk.runs import Run
from lk.studies.naming import architecture_names, run_ids, run_names


def folder(path, network, seed=0, **init_args):
    """A run with a configuration and nothing else."""
    path.mkdir(parents=True)
    network = {"class_path": network, "init_args": init_args}
    config = {"data": {"class_path": "lk.data.Digits"}, "model": {"network": network}, "seed_everything": seed}
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    return Run(path)


def test_one_folder_name_twice(tmp_path):
    runs = [folder(tmp_path / part / "digits", "lk.networks.MLP") for part in ("a", "b")]
    runs.append(folder(tmp_path / "other", "lk.networks.MLP"))
    assert run_ids(runs) == ("a/digits", "b/digits", "other")
    assert run_names(runs) == ("MLP seed 0 (a/digits)", "MLP seed 0 (b/digits)", "MLP seed 0 (other)")


def test_folders_that_differ_further_up(tmp_path):
    runs = [folder(tmp_path / part / "runs" / "digits", "lk.networks.MLP") for part in ("a", "b")]
    assert run_ids(runs) == ("a/runs/digits", "b/runs/digits")


def test_seeds_are_enough_where_they_differ(tmp_path):
    runs = [folder(tmp_path / str(seed), "lk.networks.MLP", seed) for seed in range(2)]
    assert run_names(runs) == ("MLP seed 0", "MLP seed 1")
    unknown = folder(tmp_path / "own", "lk.networks.VGG11", None)
    assert run_names([*runs, unknown])[2] == "VGG11 (own)"


def test_arguments_only_where_the_class_is_shared(tmp_path):
    wide = folder(tmp_path / "wide", "lk.networks.MLP", widths=[64])
    narrow = folder(tmp_path / "narrow", "lk.networks.MLP", widths=[8])
    other = folder(tmp_path / "other", "lk.networks.LeNet")
    layers = [("layer1", "output")] * 3
    assert architecture_names([wide, narrow, other], layers) == ("MLP(widths=[64])", "MLP(widths=[8])", "LeNet")
    assert architecture_names([wide, other], layers[:2]) == ("MLP", "LeNet")


def test_layers_only_where_runs_of_one_network_differ_in_them(tmp_path):
    runs = [folder(tmp_path / str(i), "lk.networks.MLP") for i in range(2)]
    assert architecture_names(runs, [("a", "output"), ("b", "output")]) == ("MLP reading a", "MLP reading b")


def test_a_wrapped_module_has_its_own_name(tmp_path):
    run = folder(tmp_path / "own", "lk.networks.Wrapped", module={"class_path": "mine.nets.SmallCNN"}, layers=["conv"])
    assert run_names([run]) == ("SmallCNN seed 0",)
