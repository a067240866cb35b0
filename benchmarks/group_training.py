"""Steps per second of group networks.

Many seeds at once against one after the other, with the task and optimiser of training.

    python benchmarks/group_training.py [--groups S4,S5] [--seeds 1,10,100] [--repeats 5] [--threads 1]

One step is `Classification.training_step` on the full batch, backward, and `lk.tasks.Adam`; the last column is what the
same number of seeds would take one after the other, over what it takes at once. On a CPU it falls below 1 where tensors
are so large that they are mapped anew in each step; MALLOC_MMAP_THRESHOLD_=4000000000
MALLOC_TRIM_THRESHOLD_=16000000000 in front undoes that. Lightning's own time per step (loops, hooks, logging) shows in
the row `in a Trainer`: one seed, all through `Trainer.fit`.
"""

import argparse
import itertools
import statistics
import time
import warnings
from collections.abc import Callable

import pytorch_lightning as pl
import torch

from lk.cli.training import quiet
from lk.data import GroupTable
from lk.groups import Symmetric
from lk.networks import GroupNetwork
from lk.tasks import Adam, Classification
from lk.tasks.classification import losses

SETTINGS = {"S4": (4, 0.8, 64), "S5": (5, 0.4, 128)}  # n of the symmetric group, part trained on, width and embedding
ADAM = {"lr": 0.01, "betas": (0.9, 0.98), "weight_decay": 2e-4}


def stepper(data: GroupTable, width: int, seeds: int) -> Callable[[], None]:
    """One training step without Lightning around it."""
    network = GroupNetwork(data.num_classes, width=width, embedding=width, seeds=seeds)
    optimizer = Adam(network.parameters(), **ADAM)
    x, y = data.batch

    def step() -> None:
        optimizer.zero_grad()
        losses(network(x), y).sum().backward()
        optimizer.step()

    return step


def milliseconds(step: Callable[[], None], repeats: int, least: float = 0.5) -> list[float]:
    """Time of a step, `repeats` times over at least `least` seconds together."""
    step()
    start = time.perf_counter()
    step()
    count = max(1, round(least / repeats / (time.perf_counter() - start)))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(count):
            step()
        times.append(1000 * (time.perf_counter() - start) / count)
    return times


def in_a_trainer(data: GroupTable, width: int, repeats: int) -> list[float]:
    """The same step of one seed by `Trainer.fit`, epochs of 100 steps with a look at the test split at their end."""
    task = Classification(GroupNetwork(data.num_classes, width=width, embedding=width))
    task.configure_optimizers = lambda: Adam(task.parameters(), **ADAM)
    ends = []
    note = pl.callbacks.LambdaCallback(on_train_epoch_start=lambda *_: ends.append(time.perf_counter()))
    without = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = pl.Trainer(max_epochs=repeats + 2, accelerator="cpu", callbacks=[note], num_sanity_val_steps=0, **without)
    trainer.fit(task, datamodule=data)
    return [1000 * (end - start) / data.steps_per_epoch for start, end in itertools.pairwise(ends[1:])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", default="S4,S5")
    parser.add_argument("--seeds", default="1,10,100")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    quiet()
    warnings.filterwarnings("ignore", ".*does not have many workers")
    print(f"torch {torch.__version__}, {args.threads} threads; median [least, most] of {args.repeats} repeats")
    print(f"{'group':6}{'seeds':>14}{'ms per step':>28}{'steps/s':>10}{'ms per seed':>13}{'x at once':>11}")
    for name in args.groups.split(","):
        n, fraction, width = SETTINGS[name]
        data = GroupTable(Symmetric(n), fraction)
        alone = None
        counts = [int(count) for count in args.seeds.split(",")]
        for seeds in [1, *(count for count in counts if count != 1)]:
            times = milliseconds(stepper(data, width, seeds), args.repeats)
            middle = statistics.median(times)
            alone = middle if alone is None else alone
            spread = f"{middle:.2f} [{min(times):.2f}, {max(times):.2f}]"
            row = f"{name:6}{seeds:14}{spread:>28}{1000 / middle:10.1f}{middle / seeds:13.2f}"
            print(f"{row}{alone * seeds / middle:11.2f}", flush=True)
        times = in_a_trainer(data, width, args.repeats)
        spread = f"{statistics.median(times):.2f} [{min(times):.2f}, {max(times):.2f}]"
        print(f"{name:6}{'in a Trainer':>14}{spread:>28}{1000 / statistics.median(times):10.1f}", flush=True)


if __name__ == "__main__":
    main()
