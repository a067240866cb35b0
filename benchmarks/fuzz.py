"""Damaged and hostile run folders and configurations, driven through the real commands.

What became of each, counted by class of input.

    uv run python benchmarks/fuzz.py --cases 300 --seed 0

A case is a finished tiny run with one file changed (or a configuration with one entry changed) and one command. What
may happen is an error in one line, or the result. What may not: a traceback, a case longer than the limit, a result
that is not said to differ. The process ends with code 1 if any did. Seeds are those of
`random.Random(f"{seed}/{number}")`, so that one case can be run again with --only NUMBER.
"""

import argparse
import contextlib
import io
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import pandas as pd
import torch
import yaml
from fuzzing.damage import BYTES, INSIDE, KINDS, mutate
from safetensors.torch import load_file

from lk.cli import analyze, main, probe, train

LIMIT = 60  # seconds a case may take
TINY = """
seed_everything: 3
data: {class_path: lk.data.Digits, init_args: {batch_size: 256, samples_per_class: 1}}
model: {network: {class_path: lk.networks.MLP, init_args: {widths: [8, 6]}}}
optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.01}}
report: false
trainer:
  accelerator: cpu
  logger: false
  max_epochs: 1
  enable_model_summary: false
  enable_progress_bar: false
  num_sanity_val_steps: 0
  callbacks:
    - {class_path: lk.callbacks.SaveCheckpoints, init_args: {early: 0}}
    - class_path: lk.callbacks.ExtractInteractions
      init_args:
        extraction:
          class_path: lk.extraction.Extraction
          init_args:
            players: {class_path: lk.games.Foreground, init_args: {n: 4, patch: 2}}
            probes: {class_path: lk.probes.Optimum, init_args: {max_samples: 200, tolerance: 1.0e-3}}
"""
GROUP = """
seed_everything: 3
data:
  class_path: lk.data.GroupTable
  init_args: {group: {class_path: lk.groups.Cyclic, init_args: {n: 3}}, steps_per_epoch: 4}
model: {network: {class_path: lk.networks.GroupNetwork, init_args: {width: 4, embedding: 4, seeds: 1}}}
optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.01}}
report: false
trainer:
  accelerator: cpu
  logger: false
  max_epochs: 1
  enable_model_summary: false
  enable_progress_bar: false
  num_sanity_val_steps: 0
  callbacks:
    - {class_path: lk.callbacks.SaveCheckpoints, init_args: {early: 0}}
    - {class_path: lk.callbacks.Certify, init_args: {seeds: 1}}
"""


class Late(Exception):
    """A case took too long."""


FILES = (
    "config.yaml",
    "settings.yaml",
    "samples.*",
    "values.*",
    "interactions.*",
    "probes/*",
    "*.ckpt",
    "*.parquet",
    "certificates/*/*/*/*",
)


# ---- cases
def commands(run, group, folder):
    """The commands that read a file of a run."""
    if group:
        return {
            "certify": lambda: analyze(["certify", str(run), "--report", "false"]),
            "report": lambda: analyze(["report", str(run)]),
        }
    return {
        "extract": lambda: analyze(["extract", str(run), "--report", "false"]),
        "extract by name": lambda: analyze(["extract", str(run), "--extraction.name", "default", "--report", "false"]),
        "probe": lambda: probe(["fit", "--run", str(run)]),
        "compare": lambda: analyze(["compare", str(run), str(folder / "other")]),
        "report": lambda: analyze(["report", str(run)]),
        "resume": lambda: resume(run, folder),
    }


def resume(run, folder):
    """One epoch more; where it goes on, the weights must be those of a run that was never stopped."""
    words = [
        "--config",
        str(folder / "tiny.yaml"),
        "--trainer.max_epochs",
        "2",
        "--trainer.callbacks",
        "[lk.callbacks.SaveCheckpoints]",
    ]
    train(["fit", *words, "--runs_dir", str(run.parent), "--id", run.name, "--resume", "true"])


def readers(file, group):
    """The commands that a changed file is given to: those that read it."""
    if group:
        return ("report",) if "certificates" in str(file) else ("certify", "certify", "report")
    if file.name == "settings.yaml" or file.stem == "samples":
        return "extract by name", "compare", "report"
    if file.stem in ("values", "interactions"):
        return "extract", "compare", "report"
    if file.name == "last.ckpt":
        return ("resume",)
    if file.suffix == ".ckpt":
        return "extract", "probe"
    if file.suffix == ".parquet":
        return "report", "compare", "probe"
    return "extract", "extract by name", "probe", "report"


class Bench:
    """Finished runs that cases are made from.

    Args:
        folder: Where to work.
    """

    def __init__(self, folder):
        self.folder, self.pristine = folder, folder / "pristine"
        for name, text in (
            ("tiny", TINY),
            ("other", TINY.replace("seed_everything: 3", "seed_everything: 4")),
            ("group", GROUP),
        ):
            (folder / f"{name}.yaml").write_text(text)
            with quiet():
                train(["fit", "--config", str(folder / f"{name}.yaml"), "--runs_dir", str(self.pristine), "--id", name])
            shutil.rmtree(self.pristine / name / "wandb", ignore_errors=True)
        shutil.copytree(self.pristine / "other", folder / "other")

    def case(self, seed, number, reports=True):
        """(kind of input, outcome, what) of one case."""
        rng = random.Random(f"{seed}/{number}")
        if rng.random() < 0.25:
            return self.configuration(rng)
        group = rng.random() < 0.25
        run = self.folder / "case"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(self.pristine / ("group" if group else "tiny"), run)
        # Each kind of file as often as each other.
        by_kind = defaultdict(list)
        for pattern in FILES:
            for path in sorted(run.rglob(pattern)):
                if path.suffix in INSIDE and (path.name != "last.ckpt" or not group):
                    by_kind["last.ckpt" if path.name == "last.ckpt" else path.suffix].append(path)
        if group and rng.random() < 0.6:  # only these have JSON
            by_kind = {".json": by_kind[".json"]}
        suffix = rng.choice(sorted(by_kind))
        file = rng.choice(by_kind[suffix])
        command = rng.choice(
            [name for name in readers(file, group) if reports or name not in ("report", "compare")] or ["extract"]
        )
        if command not in commands(run, group, self.folder):
            command = "certify"
        way = rng.choice((INSIDE[suffix], INSIDE[suffix], *BYTES))
        if way in BYTES:
            file.write_bytes(way(rng, file.read_bytes()))
        else:
            way(rng, file)
        outcome = outcome_of(commands(run, group, self.folder)[command])
        if outcome == "result" and command == "resume" and not self.goes_on(run):
            outcome = "SILENT change of weights"
        if (
            outcome == "result"
            and command != "resume"
            and not group
            and (changed := self.changed(run))
            and str(changed) != str(file.relative_to(run))
        ):
            outcome = f"SILENT change of {changed}"
        return KINDS[suffix], outcome, f"{file.relative_to(run)} by {way.__name__}, {command}"

    def goes_on(self, run):
        """Whether the weights after a resume are those of a run that was never stopped."""
        whole = self.pristine / "longer"
        if not whole.is_dir():
            with quiet():
                resume(whole, self.folder)
        one, two = (
            torch.load(max(path.glob("checkpoints/step=*.ckpt")), weights_only=True)["state_dict"]
            for path in (whole, run)
        )
        return all(torch.equal(one[key], two[key]) for key in one)

    def changed(self, run):
        """A result in the folder that is not that of the undamaged run, as far as it is there."""
        for path in sorted((self.pristine / "tiny").rglob("extractions/default/step=*/interactions.safetensors")):
            own = run / path.relative_to(self.pristine / "tiny")
            if own.is_file() and any(
                not torch.equal(a, b) for a, b in zip(load_file(path).values(), load_file(own).values(), strict=True)
            ):
                return own.relative_to(run)
        own = run / "tables/default/games.parquet"
        try:
            same = pd.read_parquet(self.pristine / "tiny" / "tables/default/games.parquet").equals(pd.read_parquet(own))
        except OSError:  # damaged, and not of those that the command reads
            return own.relative_to(run)
        return "" if same else own.relative_to(run)

    def configuration(self, rng):
        """A configuration for training with an entry changed."""
        config = mutate(rng, yaml.safe_load(TINY))
        path = self.folder / "changed.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        runs = self.folder / "runs"
        shutil.rmtree(runs, ignore_errors=True)
        outcome = outcome_of(
            lambda: train(["fit", "--config", str(path), "--runs_dir", str(runs), "--id", "made", "--report", "false"])
        )
        return "configuration", outcome, yaml.safe_dump(config, default_flow_style=True, width=10**6)[:400]


@contextlib.contextmanager
def quiet():
    """Without output and warnings of libraries."""
    with (
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def outcome_of(command, limit=LIMIT):
    """`result`, `error in one line`, `TRACEBACK ...` or `HANG` of a command, as `lk.cli.main` ends it."""

    def late(*_):
        raise Late

    signal.signal(signal.SIGALRM, late)
    signal.alarm(limit)
    try:
        with quiet():
            main(command)
    except Late:
        return "HANG"
    except SystemExit as error:
        return "error in one line" if error.code else "result"
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"TRACEBACK {type(error).__name__}: {str(error)[:160]} ({Path(last.filename).name}:{last.lineno})"
    finally:
        signal.alarm(0)
    return "result"


def run_cases(folder, numbers, seed=0, reports=True, tell=lambda _: None):
    """Kind of input to outcome to how often, and the list of what may not happen."""
    bench = Bench(folder)
    counts, bad = defaultdict(Counter), []
    for number in numbers:
        start = time.perf_counter()
        kind, outcome, what = bench.case(seed, number, reports)
        counts[kind][
            outcome.split(" ")[0] if outcome.isupper() or outcome.startswith(("TRACEBACK", "SILENT")) else outcome
        ] += 1
        if outcome.startswith(("TRACEBACK", "HANG", "SILENT")):
            bad.append(f"{number}: {kind}: {outcome}\n    {what}")
            tell(bad[-1])
        tell(f"{number} {time.perf_counter() - start:.1f} s {outcome[:30]} {what[:90]}")
    return counts, bad


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cases", type=int, default=300)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--only", type=int, default=None)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        which = range(given.cases) if given.only is None else [given.only]
        counts, bad = run_cases(
            Path(place), which, given.seed, tell=lambda text: print(text, file=sys.stderr, flush=True)
        )
    outcomes = ["result", "error in one line", "TRACEBACK", "HANG", "SILENT"]
    print("| input | cases | " + " | ".join(outcomes) + " |")
    print("|---" * (len(outcomes) + 2) + "|")
    for kind, found in sorted(counts.items()):
        print(f"| {kind} | {sum(found.values())} | " + " | ".join(str(found[outcome]) for outcome in outcomes) + " |")
    print("\n".join(bad))
    sys.exit(int(bool(bad)))
