"""Where the time of a watched training goes, part by part, of one tree of this code or of two taken in turn.

    uv run python benchmarks/watching.py --config configs/digits.yaml --before ../before --repeats 3

Each run is a process of its own. Parts are exclusive: what a figure takes inside the report counts as pictures alone.
Seconds of processor time (all threads) are the measure, as other work on the machine stretches those of the clock.
"""

import argparse
import functools
import importlib
import importlib._bootstrap as bootstrap
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

PARTS = {  # part of the table: what belongs to it; names that one of the trees lacks are passed over
    "training": ("pytorch_lightning:Trainer.fit",),
    "probes": ("lk.extraction.games:probe_checkpoint", "lk.extraction.forecast:fit_probes"),
    "forwards": ("lk.extraction.extraction:Extraction.play",),
    "decomposition": ("lk.extraction.games:interactions_of", "lk.extraction.forecast:random_game_time"),
    "tables": (
        "lk.callbacks.extract:measure_checkpoint",
        "lk.callbacks.extract:record_interactions",
        "lk.extraction.tables:write_tables",
    ),
    "pictures": (
        "matplotlib.figure:Figure.savefig",
        "matplotlib.figure:Figure.draw",
        "matplotlib.figure:Figure.subplots",
        "matplotlib.layout_engine:ConstrainedLayoutEngine.execute",
        "lk.pages.page:Gallery.hang",
        "lk.callbacks.log:figure_image",
        "lk.callbacks.log:heat_map",
        "lk.callbacks.log:panels",
        "lk.callbacks.log:log_figures",
    ),
    "logger": (
        "lk.callbacks.extract:log_extraction",
        "lk.callbacks.extract:log_artifact",
        "lk.loggers.results:log_results",
        "pytorch_lightning.loggers:WandbLogger.log_metrics",
        "pytorch_lightning.loggers:WandbLogger.log_hyperparams",
        "pytorch_lightning.loggers:WandbLogger.finalize",
        "lk.loggers:Wandb.finish",
    ),
    "report": ("lk.report:write_report",),
    "checkpoints": (
        "lk.callbacks.checkpoints:SaveCheckpoints.save",
        "lk.callbacks.resume:SaveResumePoint.save",
    ),
    "forecast": ("lk.callbacks.extract:forecast",),
    "compiled code": ("numba.core.dispatcher:Dispatcher.compile",),
}


class Clock:
    """Exclusive seconds by part: processor time of the process, and time of the wall."""

    def __init__(self):
        self.spent, self.parts = defaultdict(lambda: [0.0, 0.0]), ["configuration"]
        self.last = (time.process_time(), time.perf_counter())

    def switch(self):
        """Account for what passed to the present part."""
        now = (time.process_time(), time.perf_counter())
        for place in (0, 1):
            self.spent[self.parts[-1]][place] += now[place] - self.last[place]
        self.last = now

    def timed(self, part, function):
        """The function, counted as a part; only on the main thread's way."""

        @functools.wraps(function)
        def inner(*args, **kwargs):
            self.switch()
            self.parts.append(part)
            try:
                return function(*args, **kwargs)
            finally:
                self.switch()
                self.parts.pop()

        return inner


def inner(words):
    """Train in this process and print its parts as one line of JSON."""
    clock = Clock()
    importing = clock.timed("imports", bootstrap._find_and_load)
    bootstrap._find_and_load = lambda name, load: (
        sys.modules[name]
        if sys.modules.get(name) is not None and clock.parts[-1] == "imports"
        else importing(name, load)
    )
    train = importlib.import_module("lk.cli.training").train
    for part, names in PARTS.items():
        for name in names:
            wrap(clock, part, name)
    sys.argv = ["train.py", *words]
    train()
    clock.switch()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    clock.spent["logger's service"] = [children.ru_utime + children.ru_stime, 0.0]
    print("\n" + json.dumps(clock.spent))


def wrap(clock, part, name):
    """Count a function as a part, under the name by which its caller finds it."""
    module, _, path = name.partition(":")
    try:
        place = importlib.import_module(module)
        *outer, last = path.split(".")
        for each in outer:
            place = getattr(place, each)
        setattr(place, last, clock.timed(part, getattr(place, last)))
    except (ImportError, AttributeError):
        pass


def run(tree, words):
    """Parts of one training by the code of a tree."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            str(Path(__file__).resolve()),
            "--inner",
            *words,
            "--runs_dir",
            folder,
            "--id",
            "timed",
        ]
        done = subprocess.run(
            command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-4000:])
    return json.loads(done.stdout.strip().splitlines()[-1])


def table(found, place):
    """Median seconds of each part and tree, as lines of Markdown."""
    trees = list(found)
    parts = sorted({part for runs in found.values() for spent in runs for part in spent})
    medians = {
        tree: {part: statistics.median(spent.get(part, [0.0, 0.0])[place] for spent in runs) for part in parts}
        for tree, runs in found.items()
    }
    yield f"| part | {' | '.join(trees)} |"
    yield f"|---|{'---|' * len(trees)}"
    for part in sorted(parts, key=lambda part: -medians[trees[0]][part]):
        yield f"| {part} | {' | '.join(f'{medians[tree][part]:.1f}' for tree in trees)} |"
    totals = [statistics.median(sum(each[place] for each in spent.values()) for spent in found[tree]) for tree in trees]
    yield f"| total | {' | '.join(f'{total:.1f}' for total in totals)} |"
    if len(trees) > 1:
        yield f"\nratio of the totals: {totals[1] / totals[0]:.2f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", action="append", required=True)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    given, rest = parser.parse_known_args()
    here = Path(__file__).resolve().parents[1]
    trees = {**({"before": given.before.resolve()} if given.before else {}), "now": here}
    words = ["fit", *(word for config in given.config for word in ("--config", config)), *rest]
    for tree in trees.values():
        run(tree, words)  # compiles
    found = {name: [] for name in trees}
    for _ in range(given.repeats):
        for name, tree in trees.items():
            found[name].append(run(tree, words))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {given.repeats} runs of each, medians.\n")
    for place, title in enumerate(("Processor time, s", "Time of the wall, s")):
        print(f"{title}\n")
        print("\n".join(table(found, place)), "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inner"]:
        inner(sys.argv[2:])
    else:
        main()
