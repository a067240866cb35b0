"""Train and extract the networks of docs/results/dynamics.md; the same command resumes where it was stopped.

python benchmarks/dynamics_runs.py DATA FOLDER [NAME ...]

DATA holds MNIST/raw, cifar10/{train,test} and sst2/*.tsv. FOLDER receives small subsets of them and one run per network
and seed. Training sets are small on purpose: a network that sees all of MNIST hardly overfits, and has no second phase
to find.
"""

import shutil
import sys
from pathlib import Path

import torch

from lk.cli import analyze, train
from lk.runs import Run

IMAGES = 2000  # of MNIST, for training; as many test images
PER_CLASS = 100  # of CIFAR-10
GRID = {"class_path": "Grid", "init_args": {"patch": 10}}  # 3 x 3 players, the same for every image
INK = {"class_path": "Foreground", "init_args": {"n": 8, "patch": 4}}
CENTRE = {"class_path": "Central", "init_args": {"n": 8, "patch": 3, "margin": 1}}
MLP = {"class_path": "MLP", "init_args": {"widths": [512] * 7}}
BERT = {
    "class_path": "Transformer",
    "init_args": {
        "architecture": "bert",
        "config": {
            "vocab_size": 4000,
            "hidden_size": 64,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "intermediate_size": 128,
            "max_position_embeddings": 40,
            "hidden_dropout_prob": 0.1,
        },
    },
}


def mnist(folder, samples=3):
    return {
        "class_path": "MNIST",
        "init_args": {"data_dir": str(folder), "download": False, "batch_size": 64, "samples_per_class": samples},
    }


def networks(folder):
    """Every network: seeds, data, network, epochs, learning rate, extraction, and data to explain training samples."""
    middle = {"layers": ["layer2", "layer5"], "players": GRID, "batch_size": 512}
    probes = {"class_path": "Optimum", "init_args": {"max_samples": 1000}}
    grid = {"class_path": "Optimum", "init_args": {"max_samples": 1000, "pooling": "grid4"}}
    sst2 = {
        "data_dir": str(folder / "sst2"),
        "words": 8,
        "vocab_size": 4000,
        "max_length": 40,
        "batch_size": 32,
        "samples_per_class": 10,
    }
    cifar = {"data_dir": str(folder / "cifar10"), "size": 16, "batch_size": 50, "samples_per_class": 1}
    words = {
        "players": "Words",
        "masker": {"class_path": "Token", "init_args": {"token": "mask"}},
        "layers": ["layer1", "layer3"],
        "probes": {"class_path": "Optimum", "init_args": {"pooling": "first", "max_samples": 1000}},
        "batch_size": 256,
    }
    convolutions = {"probes": grid, "batch_size": 128}
    return {
        "mlp7": (range(3), mnist(folder / "mnist"), MLP, 60, 3e-4, {**middle, "probes": probes}, "mnist-swapped"),
        "mlp7-random": (
            range(3),
            mnist(folder / "random"),
            MLP,
            60,
            3e-4,
            {**middle, "probes": probes},
            None,
        ),
        "bert": (range(3), {"class_path": "SST2", "init_args": sst2}, BERT, 6, 5e-4, words, None),
        "vgg11": (
            range(1),
            mnist(folder / "mnist-1000", 1),
            "VGG11",
            12,
            5e-4,
            {**convolutions, "players": INK, "layers": ["conv2_1", "conv4_1", "fc2"]},
            None,
        ),
        "alexnet": (
            range(1),
            {"class_path": "ImageFolder", "init_args": cifar},
            "AlexNet",
            20,
            5e-4,
            {**convolutions, "players": CENTRE, "layers": ["conv5", "fc2"]},
            None,
        ),
    }


def write_idx(path, tensor):
    """An IDX file of bytes, as MNIST's own are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = b"".join(size.to_bytes(4, "big") for size in tensor.shape)
    path.write_bytes(bytes([0, 0, 8, tensor.ndim]) + sizes + tensor.to(torch.uint8).numpy().tobytes())


def write_mnist(folder, train, test):
    """The four files of an MNIST folder."""
    for stem, (x, y) in {"train": train, "t10k": test}.items():
        write_idx(folder / "MNIST" / "raw" / f"{stem}-images-idx3-ubyte", x)
        write_idx(folder / "MNIST" / "raw" / f"{stem}-labels-idx1-ubyte", y)


def prepare(source, folder):
    """Subsets: MNIST with its own labels and with random ones.

    `mnist-swapped` and `random` have the training images in the test split as well: explained are then training
    samples, the only ones of which a network that was trained on random labels knows the label.
    """
    from torchvision.datasets import MNIST

    if (folder / "sst2").is_dir():
        return
    train, test = (MNIST(source, train=split) for split in (True, False))
    x, y = train.data[:IMAGES], train.targets[:IMAGES]
    held_out = test.data[:IMAGES], test.targets[:IMAGES]
    shuffled = y[torch.randperm(IMAGES, generator=torch.Generator().manual_seed(0))]
    write_mnist(folder / "mnist", (x, y), held_out)
    write_mnist(folder / "mnist-swapped", (x, y), (x, y))
    write_mnist(folder / "mnist-1000", (x[:1000], y[:1000]), held_out)
    write_mnist(folder / "random", (x, shuffled), (x, shuffled))
    for split, count in (("train", PER_CLASS), ("test", PER_CLASS)):
        for kind in sorted((source / "cifar10" / split).iterdir()):
            into = folder / "cifar10" / split / kind.name
            into.mkdir(parents=True, exist_ok=True)
            for path in sorted(kind.glob("*.jpg"))[:count]:
                shutil.copy(path, into / path.name)
    shutil.copytree(source / "sst2", folder / "sst2")


def make(name, seed, settings, folder):
    """One run, its extraction of test samples during training, and that of training samples after it."""
    _, data, network, epochs, rate, extraction, swapped = settings
    run = folder / "runs" / f"{name}-{seed}"
    callbacks = [
        {
            "class_path": "SaveCheckpoints",
            "init_args": {"every_n_epochs": 0, "early": 0, "log_spaced": 11, "weights_only": True},
        },
        {
            "class_path": "ExtractInteractions",
            "init_args": {"extraction": {"class_path": "Extraction", "init_args": extraction}},
        },
    ]
    if not (run / "tables" / "data.parquet").is_file():
        import yaml

        config = {
            "data": data,
            "model": {"network": network},
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": rate}},
            "trainer": {"max_epochs": epochs, "logger": False, "enable_progress_bar": False, "callbacks": callbacks},
        }
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config))
        words = ["--seed_everything", str(seed), "--id", run.name, "--resume", "true", "--report", "false"]
        train(["fit", "--config", str(path), "--runs_dir", str(run.parent), *words])
    steps = list(Run(run).checkpoints)
    steps = [steps[i] for i in (0, len(steps) // 2, -2, -1)]  # where training and test samples are compared
    if swapped and len(Run(run).extracted("train")) < len(steps):
        analyze(
            [
                "extract",
                str(run),
                *("--extraction.name", "train", "--steps", str(steps)),
                *("--data_dir", str(folder / swapped)),
                *("--report", "false"),
            ]
        )


def main():
    torch.set_num_threads(1)
    source, folder, chosen = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    prepare(source, folder)
    known = networks(folder)
    jobs = [(seed, name) for name, settings in known.items() if name in (chosen or known) for seed in settings[0]]
    for seed, name in sorted(jobs, key=lambda job: job[0]):  # every network once, then the other seeds
        make(name, seed, known[name], folder)


if __name__ == "__main__":
    main()
