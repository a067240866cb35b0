import pandas as pd
import pytest
import torch
import yaml

from lk.data import Digits
from lk.networks import MLP, LeNet
from lk.runs import Run, step_name
from lk.runs.run import numbered


# ---- the folder
@pytest.fixture
def run(tmp_path):
    """A run folder of a small MLP on digits with one checkpoint, as Lightning writes it."""
    folder = tmp_path / "runs" / "first"
    (folder / "checkpoints").mkdir(parents=True)
    config = {
        "data": {"class_path": "lk.data.Digits", "init_args": {"samples_per_class": 1}},
        "model": {"network": {"class_path": "lk.networks.MLP", "init_args": {"widths": [6, 5]}}},
        "trainer": {
            "callbacks": [
                {"class_path": "lk.callbacks.SaveCheckpoints", "init_args": {}},
                {
                    "class_path": "lk.callbacks.ExtractInteractions",
                    "init_args": {
                        "extraction": {
                            "class_path": "lk.extraction.Extraction",
                            "init_args": {"players": {"class_path": "lk.games.Grid", "init_args": {"patch": 4}}},
                        }
                    },
                },
            ]
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    torch.manual_seed(1)
    save(folder, 12, MLP([6, 5], 10, (1, 8, 8)))
    return Run(folder)


def save(folder, step, network, **more):
    weights = {f"network.{key}": value for key, value in network.state_dict().items()}
    torch.save(
        {"state_dict": weights, "epoch": 3, "lk": {"epoch": 2.5}, **more},
        folder / "checkpoints" / f"{step_name(step)}.ckpt",
    )


def test_a_run_rebuilds_data_and_network(run):
    data = run.data()
    assert isinstance(data, Digits)
    assert data.samples_per_class == 1
    network = run.network(data)
    assert (network.num_classes, network.input_shape, network.layers) == (10, (1, 8, 8), ("layer1", "layer2"))
    assert run.load(network, 12) == {"step": 12, "epoch": 2.5}
    torch.manual_seed(1)
    assert all(
        torch.equal(a, b) for a, b in zip(network.parameters(), MLP([6, 5], 10, (1, 8, 8)).parameters(), strict=True)
    )


def test_data_dir_replaces_that_of_the_config(run, mnist_dir):
    run.config["data"] = {"class_path": "lk.data.MNIST", "init_args": {"data_dir": "nowhere"}}
    assert run.data(data_dir=str(mnist_dir)).input_shape == (1, 28, 28)


def test_paths(run):
    assert run.id == "first"
    assert list(run.checkpoints) == [12]
    assert run.checkpoint(12).name == "step=0000012.ckpt"
    assert run.probes(12).relative_to(run.path).as_posix() == "probes/step=0000012.safetensors"
    assert run.extractions == {}
    for step in (30, 4):
        (run.extraction("default") / step_name(step)).mkdir(parents=True)
    (run.extraction("default") / "settings.yaml").write_text("kappa: 0.1")
    (run.extraction("default") / step_name(4) / "interactions.safetensors").touch()
    assert list(run.extractions) == ["default"]
    assert list(run.extracted("default")) == [4]  # 30 is not finished
    assert run.extraction_config("default") == {"kappa": 0.1}
    assert run.extraction_config()["players"]["init_args"] == {"patch": 4}
    assert run.report.parent == run.figures.parent == run.path


def test_steps_are_ordered_as_numbers(tmp_path):
    for step in (10_000_000, 9, 200):
        (tmp_path / f"{step_name(step)}.ckpt").touch()
    (tmp_path / ".step=0000001.ckpt.77.part").touch()
    (tmp_path / "step=x.ckpt").touch()
    assert list(numbered(tmp_path, ".ckpt")) == [9, 200, 10_000_000]
    assert numbered(tmp_path / "missing", ".ckpt") == {}


def test_tables(run):
    frame = pd.DataFrame({"step": [1, 2], "layer": ["a", "b"]})
    run.write_table("default/games", frame)
    pd.testing.assert_frame_equal(run.read_table("default/games"), frame)
    with pytest.raises(FileNotFoundError, match=r"expected table 'probes' of run first, got no file .*Make it first"):
        run.read_table("probes")


def test_no_run_names_those_that_are_there(run):
    with pytest.raises(
        FileNotFoundError, match=r"expected a folder with config\.yaml, as train\.py.*got.*second.*Runs there: first\."
    ):
        Run(run.path.parent / "second")
    with pytest.raises(FileNotFoundError, match=r"as train.py writes it, got 'nowhere/at/all'"):
        Run("nowhere/at/all")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "no valid YAML"),
        ("a: 1", "expected `model` and `data` entries, got a"),
        ("", "expected `model` and `data` entries, got none"),
    ],
)
def test_a_config_that_is_none(run, text, message):
    run.config_file.write_text(text)
    with pytest.raises(ValueError, match=message):
        _ = Run(run.path).config


def test_missing_checkpoint_names_those_that_are_there(run):
    with pytest.raises(FileNotFoundError, match=r"expected a checkpoint of run first, got step=13.*Known: 12"):
        run.load(MLP([6, 5], 10, (1, 8, 8)), 13)


@pytest.mark.parametrize("keep", [0, 50, -40])
def test_truncated_checkpoint(run, keep):
    run.checkpoint(12).write_bytes(run.checkpoint(12).read_bytes()[:keep])
    with pytest.raises(
        ValueError, match=r"step=0000012.ckpt is truncated or no checkpoint .*Delete it; other checkpoints are usable"
    ):
        run.load(MLP([6, 5], 10, (1, 8, 8)), 12)


def test_a_torch_file_that_is_no_checkpoint(run):
    torch.save({"weights": torch.zeros(2)}, run.checkpoint(12))
    with pytest.raises(ValueError, match=r"is truncated or no checkpoint \(KeyError"):
        run.load(MLP([6, 5], 10, (1, 8, 8)), 12)


def test_a_checkpoint_that_would_run_code_is_refused(run):
    save(run.path, 12, MLP([6, 5], 10, (1, 8, 8)), loop=pytest.approx)  # pickled by reference: weights_only refuses it
    with pytest.raises(ValueError, match=r"is truncated or no checkpoint \(UnpicklingError"):
        run.load(MLP([6, 5], 10, (1, 8, 8)), 12)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            MLP([6, 4], 10, (1, 8, 8)),
            r"3 tensors that differ, first 'layer2.0.bias' \(\(5,\) in the file, \(4,\) in the network\)",
        ),
        (
            MLP([6], 10, (1, 8, 8)),
            r"3 tensors that differ, first 'layer2.0.bias' \(\(5,\) in the file, missing in the network\)",
        ),
        (
            LeNet(10, (1, 28, 28)),
            r"tensors that differ, first 'conv1.0.bias' \(missing in the file, \(6,\) in the network\)",
        ),
    ],
    ids=["width", "depth", "kind"],
)
def test_checkpoint_of_another_network(run, network, message):
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(ValueError, match=f"step=0000012.ckpt: expected a checkpoint of this network, got .*{message}"):
        run.load(network, 12)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
