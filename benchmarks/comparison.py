"""Where the time of a comparison goes, with as many runs as asked for.

    uv run python benchmarks/comparison.py --architectures 3 --seeds 10

Run folders are made by hand: 8 players, 20 samples, 5 layers, 4 checkpoints each. Seconds are of the processor (other
programs do not count) and of the clock; imports are apart.
"""

import argparse
import tempfile
import time
from pathlib import Path

from tests.helpers.run_folders import write_run

NETWORKS = ("MLP", "VGG11", "AlexNet", "LeNet", "ResNet20")


def clocks():
    return time.process_time(), time.perf_counter()


def make(folder, architectures, seeds):
    """Runs of so many architectures with so many seeds; the last architecture ends early."""
    runs = []
    for place, name in enumerate(NETWORKS[:architectures]):
        for seed in range(seeds):
            end = 4.0 if place == architectures - 1 else 10.0
            about = {"training_seed": seed, "network": f"lk.networks.{name}", "seed": 37 * place + seed, "samples": 20}
            steps = {0: 0.0, 45: 1.0, 450: 2.0, 900: end}
            classes = tuple("0123456789")
            layers = ("a", "b", "c", "d", "output")
            runs.append(write_run(folder / f"{name}-{seed}", n=8, layers=layers, steps=steps, classes=classes, **about))
    return runs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=10)
    chosen = parser.parse_args()
    before = clocks()
    from lk.report.comparison import write_comparison

    imported, marks = clocks(), []
    with tempfile.TemporaryDirectory() as folder:
        runs = make(Path(folder), chosen.architectures, chosen.seeds)
        start = clocks()
        page = write_comparison(runs, done=lambda: marks.append(clocks()))
        ends = [before, imported, start, marks[0], marks[len(runs)], *marks[len(runs) + 1 :]]
        names = ("imports", None, "samples and settings", "checkpoints", "pairs, steps", "differences", "tables, page")
        print(f"{len(runs)} runs, page {page.stat().st_size / 1e6:.2f} MB")
        for name, (cpu, wall), (cpu_end, wall_end) in zip(names, ends, ends[1:], strict=False):
            if name:
                print(f"{name:22} {cpu_end - cpu:7.2f} s processor {wall_end - wall:7.2f} s clock")
        (cpu, wall), (cpu_end, wall_end) = start, ends[-1]
        print(f"{'whole comparison':22} {cpu_end - cpu:7.2f} s processor {wall_end - wall:7.2f} s clock")


if __name__ == "__main__":
    main()
