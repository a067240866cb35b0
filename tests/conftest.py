"""What all tests share: one thread, tiny data sets in every real format, real data where `LK_DATA` holds it."""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

SPLITS = {"train": 8, "test": 4}  # images per class


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Tiny tensors: threads cost more than they bring, and sums have one order."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def real_data():
    """`real_data("MNIST")`: a folder of real data, or a skip that says what is missing."""

    def folder(name):
        root = Path(os.environ.get("LK_DATA", "no folder"))
        if not (root / name).is_dir():
            pytest.skip(f"no real data: {root / name} is missing; set LK_DATA to the folder that holds {name}")
        return root / name

    return folder


def tiny_images(split, classes, size, channels=1):
    """Images of some classes, told apart by the column that is bright.

    uint8 `(images, size, size[, 3])`, and their labels.
    """
    labels = np.repeat(np.arange(classes), SPLITS[split])
    pixels = np.random.default_rng(len(split)).integers(0, 60, (len(labels), size, size), dtype=np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[:, 1 + 2 * label] += 150
    return (pixels if channels == 1 else np.repeat(pixels[..., None], 3, -1)), labels


def write_idx(path, array):
    """The format of MNIST's files: two zero bytes, type 8 (uint8), number of axes, big-endian sizes, bytes."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def write_mnist(root):
    for split, stem in (("train", "train"), ("test", "t10k")):
        images, labels = tiny_images(split, classes=10, size=28)
        write_idx(root / "MNIST" / "raw" / f"{stem}-images-idx3-ubyte", images)
        write_idx(root / "MNIST" / "raw" / f"{stem}-labels-idx1-ubyte", labels)
    return root


def write_images(root, test="test", suffix="png", sizes=((12, 12),)):
    for split in SPLITS:
        images, labels = tiny_images(split, classes=3, size=8, channels=3)
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            path = root / (split if split == "train" else test) / f"class{label}" / f"{i}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).resize(sizes[i % len(sizes)], Image.Resampling.NEAREST).save(path)
    return root


def tiny_frame():
    """40 rows: two numbers, a constant, a word, and the label that the first number decides."""
    generator = np.random.default_rng(0)
    x = generator.normal(5, 3, (40, 2)).round(3)
    return pd.DataFrame(
        {
            "height": x[:, 0],
            "width": x[:, 1],
            "constant": 7,
            "colour": np.where(x[:, 1] > 5, "red", "blue"),
            "kind": np.where(x[:, 0] > np.median(x[:, 0]), "tall", "low"),
        }
    )


def census_frame(rows=40):
    """The adult table as `fetch_openml` gives it: whole numbers, categories, missing values as NaN.

    The label is last.
    """
    row = np.arange(rows)
    frame = pd.DataFrame(
        {
            "age": 20 + row,
            "workclass": np.where(row % 3 == 0, "Private", "State-gov"),
            "fnlwgt": 100_000 + row,
            "education": np.where(row % 2 == 0, "Bachelors", "HS-grad"),
            "education-num": np.where(row % 2 == 0, 13, 9),
            "marital-status": np.where(row % 5 == 0, "Divorced", "Never-married"),
            "occupation": np.where(row % 4 == 0, "Sales", "Tech-support"),
            "relationship": np.where(row % 7 == 0, "Husband", "Not-in-family"),
            "race": np.where(row % 3 == 1, "White", "Black"),
            "sex": np.where(row % 2 == 1, "Male", "Female"),
            "capital-gain": np.where(row % 9 == 0, 2174, 0),
            "capital-loss": 0,
            "hours-per-week": 30 + row % 20,
            "native-country": np.where(row % 6 == 0, "Mexico", "United-States"),
            "class": np.where(row % 2 == 0, ">50K", "<=50K"),
        }
    )
    frame.loc[[3, 8], "occupation"] = None
    frame.loc[[8, 11], "native-country"] = None
    texts = [column for column in frame if not pd.api.types.is_numeric_dtype(frame[column])]
    return frame.astype({column: "category" for column in texts})


WRITERS = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "parquet": lambda frame, path: frame.to_parquet(path, index=False),
}


NOUNS = ("film", "story", "acting", "plot", "unforgettable", "re-imagining")


def write_sentences(root, test="test", words=3):
    """TSV files of sentences with `words` content words (every third: one more) among stop words and punctuation."""
    generator = np.random.default_rng(0)
    root.mkdir(parents=True, exist_ok=True)
    for split, count in SPLITS.items():
        lines = []
        for i in range(6 * count):
            own = [*generator.permutation(NOUNS)[: words - 1 + (i % 3 == 2)], ("awful", "lovely")[i % 2]]
            lines.append(f"the {' , and '.join(own)} of 1999 .\t{i % 2}\n")
        (root / f"{split if split == 'train' else test}.tsv").write_text("".join(lines))
    return root


@pytest.fixture
def sentence_dir(tmp_path):
    return write_sentences(tmp_path / "Reviews")


@pytest.fixture
def mnist_dir(tmp_path):
    return write_mnist(tmp_path)


@pytest.fixture
def image_dir(tmp_path):
    return write_images(tmp_path / "Shapes")


@pytest.fixture
def writers():
    """The functions above, for tests that need a variant: another folder name, a damaged file, other columns."""

    class Writers:
        mnist, images, idx, frame, table, census = (
            write_mnist,
            write_images,
            write_idx,
            tiny_frame,
            WRITERS,
            census_frame,
        )
        sentences = staticmethod(write_sentences)

    return Writers


@pytest.fixture
def and_network():
    """A ReLU network on four 0/1 inputs whose games are known in closed form (see tests/games/test_closed_form.py)."""
    return AndNetwork()


class AndNetwork(nn.Module):
    r"""`gates`: relu(x_S summed - |S| + 1) = AND over S, exactly, on 0/1 inputs.

    `deeper`: the same of the gates' outputs.

    gates:  {0}  {1, 2}  {2, 3}  {1, 2, 3}
    deeper: {0}  {1, 2}  {2, 3}  {0, 1, 2}   (the last is a gate of gates; {1, 2, 3} is dropped)
    output: 2 {0} - 3 {1, 2} + 4 {0, 1, 2} against class 0, whose logit is 0 ({2, 3} is dropped)
    """

    GATES = ((0,), (1, 2), (2, 3), (1, 2, 3))

    def __init__(self):
        super().__init__()
        first = nn.Linear(4, 4)
        with torch.no_grad():
            first.weight.zero_()
            for unit, gate in enumerate(self.GATES):
                first.weight[unit, list(gate)] = 1
                first.bias[unit] = 1 - len(gate)
        second = nn.Linear(4, 4)
        with torch.no_grad():
            second.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 1, 0, 0]]))
            second.bias.copy_(torch.tensor([0.0, 0, 0, -1]))
        self.gates = nn.Sequential(nn.Flatten(), first, nn.ReLU())
        self.deeper = nn.Sequential(second, nn.ReLU())
        self.head = nn.Linear(4, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[0.0, 0, 0, 0], [2, -3, 0, 4]]))
            self.head.bias.zero_()
        self.requires_grad_(False).eval()

    def forward(self, x):
        return self.head(self.deeper(self.gates(x)))


TINY_RUN = """
seed_everything: 3
data:
  class_path: lk.data.Digits
  init_args: {batch_size: 256, samples_per_class: 1}
model:
  network: {class_path: lk.networks.MLP, init_args: {widths: [16, 12]}}
optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.01}}
trainer:
  accelerator: cpu
  max_epochs: 2
  enable_model_summary: false
  enable_progress_bar: false
  num_sanity_val_steps: 0
  callbacks:
    - class_path: lk.callbacks.SaveCheckpoints
      init_args: {early: 1}
    - class_path: lk.callbacks.ExtractInteractions
      init_args:
        extraction:
          class_path: lk.extraction.Extraction
          init_args:
            players: {class_path: lk.games.Foreground, init_args: {n: 4, patch: 2}}
            probes: {class_path: lk.probes.Optimum, init_args: {max_samples: 400}}
"""


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory):
    """A YAML file of a run that takes a second."""
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(TINY_RUN)
    return path


@pytest.fixture(scope="session")
def tiny_run(tiny_config, tmp_path_factory):
    """A finished run, made by the command itself; not to be changed (copy it)."""
    from lk.cli import train

    runs = tmp_path_factory.mktemp("runs")
    train(["fit", "--config", str(tiny_config), "--runs_dir", str(runs), "--id", "tiny"])
    return runs / "tiny"


OWN = """
import os

from pytorch_lightning.callbacks import Callback
from torch import nn


class Own(nn.Module):
    def __init__(self, outputs: int = 10):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.MaxPool2d(2), nn.Flatten()
        )
        self.head = nn.Linear(64, outputs)

    def forward(self, x):
        return self.head(self.body(x))


class Kill(Callback):
    def __init__(self, step: int, number: int = 9):
        self.step, self.number = step, number

    @property
    def state_key(self):
        return f"Kill{self.step}"

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step:
            os.kill(os.getpid(), self.number)
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A user's own module: a network (dropout, batch normalisation) and a callback that kills the process."""
    (tmp_path / "own_network.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_network", raising=False)
    return "own_network"
