"""Two devices, that is two real processes: one run folder, nothing hangs, and what one process would have found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from lk.cli import train
from lk.data.batches import Batches, Part, even_batch
from lk.runs import Run
from lk.runs.segments import read_segments

ROOT = Path(__file__).parents[1]


@pytest.fixture
def config(tiny_config, tmp_path):
    """The tiny run without a logger.

    1 437 samples, so that two devices fill the last batch of an epoch up with a repeated one.
    """
    config = yaml.safe_load(tiny_config.read_text())
    config["trainer"] |= {"logger": False}
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def on_two_devices(config, folder, *more):
    command = [
        sys.executable,
        "train.py",
        "fit",
        "--config",
        str(config),
        "--runs_dir",
        str(folder),
        "--data.init_args.batch_size",
        "128",
    ]
    command += ["--trainer.devices", "2", "--trainer.strategy", "ddp", *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("LK_RUN_ID", None)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)


def test_two_devices_find_what_one_finds(config, tmp_path):
    done = on_two_devices(config, tmp_path / "two")
    assert done.returncode == 0, done.stderr[-3000:]
    (folder,) = (tmp_path / "two").iterdir()  # the second process draws no id of its own
    train(["fit", "--config", str(config), "--runs_dir", str(tmp_path), "--id", "one"])
    one, two = Run(tmp_path / "one"), Run(folder)
    assert list(one.checkpoints) == list(two.checkpoints) == list(two.extracted("default"))
    for step in one.checkpoints:
        first, second = (torch.load(run.checkpoint(step), weights_only=True)["state_dict"] for run in (one, two))
        for key, value in first.items():
            if key.startswith("network."):
                # Two sums of 128 in place of one of 256, rounded to single precision, through twelve steps of Adam.
                torch.testing.assert_close(second[key], value, rtol=0, atol=2e-5)
    curves = [run.read_table("training").set_index(["step", "quantity"])["value"] for run in (one, two)]
    assert list(curves[0].index) == list(curves[1].index)
    torch.testing.assert_close(
        torch.tensor(curves[1].to_numpy()), torch.tensor(curves[0].to_numpy()), rtol=0, atol=1e-4
    )
    assert read_segments(folder)[-1]["devices"] == 2
    assert (folder / "report.html").is_file()


def test_a_strategy_that_copies_the_process_is_refused(config, tmp_path):
    words = ["--trainer.devices", "2", "--trainer.strategy", "ddp_spawn", "--id", "a"]
    with pytest.raises(ValueError, match=r"got trainer.strategy='ddp_spawn'\. Set trainer.strategy to ddp"):
        train(["fit", "--config", str(config), "--runs_dir", str(tmp_path), *words])
    assert not (tmp_path / "a" / "config.yaml").exists()


@pytest.mark.parametrize(
    ("samples", "batch_size", "replicas"), [(1437, 128, 2), (9, 2, 2), (10, 4, 4), (7, 8, 3), (12, 2, 3), (1, 4, 1)]
)
def test_the_weighted_mean_over_devices_is_the_mean_over_samples(samples, batch_size, replicas):
    data = torch.utils.data.TensorDataset(torch.arange(float(samples)).square(), torch.zeros(samples))
    loaders = [Batches(data, batch_size, seed=3, replicas=replicas, rank=rank) for rank in range(replicas)]
    together = Batches(data, batch_size * replicas, seed=3)
    for number, batches in enumerate(zip(*loaders, strict=True)):
        mean = 0.0
        for loader, (x, _) in zip(loaders, batches, strict=True):
            counted, factor = loader.share(number)
            mean += float(x[:counted].mean()) * factor / replicas if counted else 0.0
        whole = list(together)[number][0]
        assert mean == pytest.approx(float(whole.mean()), rel=1e-6)


@pytest.mark.parametrize(("samples", "replicas", "batch_size"), [(9, 2, 2), (8, 2, 2), (101, 4, 5), (7, 7, 1)])
def test_parts_cover_the_split_once_in_equally_many_batches(samples, replicas, batch_size):
    data = torch.utils.data.TensorDataset(torch.arange(samples))
    parts = [list(Part(data, replicas, rank, shuffle=False)) for rank in range(replicas)]
    assert sorted(index for part in parts for index in part) == list(range(samples))
    size = even_batch(samples, replicas, batch_size)
    assert size >= batch_size
    assert len({-(-len(part) // size) for part in parts}) == 1


@pytest.mark.parametrize("num_workers", [0, 1])
def test_skipped_batches_are_those_of_the_epoch(num_workers):
    data = torch.utils.data.TensorDataset(torch.arange(10.0), torch.zeros(10))
    batches = Batches(data, 3, seed=0, num_workers=num_workers)
    batches.order.set_epoch(2)
    whole = [x.tolist() for x, _ in batches]
    batches.order.set_epoch(0)
    batches.skip(2)
    iterator = iter(batches)  # as Lightning does: before it sets the epoch
    batches.order.set_epoch(2)
    assert [x.tolist() for x, _ in iterator] == whole[2:]
