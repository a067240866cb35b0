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
import json
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
from safetensors import safe_open
from safetensors.torch import load_file, save_file

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
VALUES = (
    None,
    "",
    "text",
    "lk.games.Grid",
    "a.b.C",
    -1,
    0,
    3,
    10**40,
    1e308,
    -0.5,
    float("nan"),
    float("inf"),
    True,
    [],
    [1, 2],
    ["a"],
    {},
    {"a": 1},
    {"class_path": "os.system"},
    {"class_path": "lk.games.Grid", "init_args": {"patch": 2}},
    {"class_path": "lk.games.Gird"},
    [[[]]],
    "☃\u2028",
)


class Late(Exception):
    """A case took too long."""


# ---- damage
def flip(rng, content):
    """Some bytes changed."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 3, 20))):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def cut(rng, content):
    """The end missing."""
    return content[: rng.randrange(len(content) + 1)]


def swap(rng, content):
    """Something else altogether."""
    return rng.choice(
        (
            b"",
            b"\x00" * 64,
            b"[]",
            b"3",
            b"text",
            b"{}",
            b"null",
            rng.randbytes(200),
            b"\xff\xfe",
            b"- a\n- b\n",
            content * 2,
        )
    )


BYTES = (flip, cut, swap)


def places(config, path=()):
    """Every path to an entry of nested mappings and lists."""
    items = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def mutate(rng, config):
    """One entry removed, renamed or replaced."""
    found = list(places(config))
    if not found:
        return rng.choice(VALUES)
    *parents, last = rng.choice(found)
    place = config
    for key in parents:
        place = place[key]
    way = rng.choice(("replace", "replace", "replace", "remove", "rename"))
    if way == "replace":
        place[last] = rng.choice(VALUES)
    elif way == "remove" or isinstance(place, list):
        del place[last]
    else:
        place[f"{last}x"] = place.pop(last)
    return config


def in_yaml(rng, path):
    """A YAML file with one entry changed, or hostile as a whole."""
    if rng.random() < 0.2:
        text = path.read_text()
        path.write_text(
            rng.choice(
                (
                    "[" * 3000,
                    "&a [*a]",
                    "a: &a {b: *a}",
                    text + text,
                    text + "\n" + text.splitlines()[0],
                    "a: !!python/object:os.system {}",
                    "x0: &x0 [1]\n" + "\n".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 12)),
                    "? [a, b]\n: c\n",
                    "a: 2001-99-99",
                    "a: !!int ''",
                    "a: !!binary '###'",
                    "a" * 10_000_000,
                    "a: \x00",
                    "%YAML 9.9\n---\na",
                )
            )
        )
    else:
        path.write_text(yaml.safe_dump(mutate(rng, yaml.safe_load(path.read_text())), sort_keys=False))


def in_json(rng, path):
    """A JSON file with one entry changed, or hostile as a whole."""
    if rng.random() < 0.2:
        path.write_text(
            rng.choice(("[" * 100_000, '{"a": 1, "a": 2}', '{"kind": NaN}', "{" * 5, '{"kind": ["GSetExplanation"]}'))
        )
    else:
        path.write_text(json.dumps(mutate(rng, json.loads(path.read_text()))))


def in_tensors(rng, path):
    """A safetensors file with a tensor or an entry of its header changed."""
    with safe_open(path, "pt") as file:
        about = dict(file.metadata() or {})
    tensors = load_file(path)
    if about and rng.random() < 0.5:
        key = rng.choice(sorted(about))
        try:
            value = json.loads(about[key])
        except ValueError:
            value = about[key]
        value = (
            rng.choice(VALUES)
            if rng.random() < 0.3
            else mutate(rng, value)
            if isinstance(value, dict | list)
            else rng.choice(VALUES)
        )
        about[key] = json.dumps(value)
        if rng.random() < 0.2:
            del about[key]
    else:
        key = rng.choice(sorted(tensors))
        own = tensors[key]
        way = rng.choice(("remove", "nan", "shape", "type", "rename", "empty", "large"))
        if way in ("remove", "rename"):
            del tensors[key]
            if way == "rename":
                tensors[f"{key}x"] = own
        elif way == "nan" and own.is_floating_point() and own.numel():
            own.view(-1)[rng.randrange(own.numel())] = rng.choice((float("nan"), float("inf")))
        elif way == "shape":
            tensors[key] = own.reshape(-1)[: max(1, own.numel() // 2)].contiguous()
        elif way == "type":
            tensors[key] = (own.double() * 0 + 1).to(
                rng.choice((torch.float64, torch.int32, torch.bool, torch.complex64, torch.bfloat16))
            )
        elif way == "empty":
            tensors[key] = own.reshape(-1)[:0].contiguous()
        elif own.dtype != torch.bool:
            tensors[key] = own * 0 + 100
    save_file(tensors, path, about)


def in_table(rng, path):
    """A Parquet table with a column changed, or one that unfolds."""
    frame = pd.read_parquet(path)
    way = rng.choice(("drop", "rename", "type", "empty", "long", "nan", "index"))
    column = rng.choice(list(frame.columns))
    if way == "drop":
        frame = frame.drop(columns=column)
    elif way == "rename":
        frame = frame.rename(columns={column: f"{column}x"})
    elif way == "type":
        frame[column] = rng.choice(("text", b"bytes", 3.5, True, None))
    elif way == "empty":
        frame = frame.iloc[:0]
    elif way == "long":
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = pa.table({"x": pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int8()), ["a"])})
        with pq.ParquetWriter(path, rows.schema) as writer:
            for _ in range(60):
                writer.write_table(pa.concat_tables([rows] * 1000), row_group_size=10**6)
        return
    elif way == "nan":
        frame.loc[frame.index[: rng.randrange(len(frame) + 1)], column] = None
    else:
        frame = frame.set_index(column)
    frame.to_parquet(path)


def in_checkpoint(rng, path):
    """A checkpoint with an entry changed."""
    stored = torch.load(path, weights_only=True)
    way = rng.choice(("entry", "weights", "list", "epoch", "nan", "lk"))
    weights = stored["state_dict"]
    key = rng.choice(sorted(weights))
    if way == "entry":
        del stored[rng.choice(sorted(stored))]
    elif way == "weights":
        weights[key] = rng.choice(
            (3, "text", None, torch.zeros(1), torch.zeros(1).expand(10**9), torch.zeros(2, dtype=torch.complex64))
        )
    elif way == "list":
        stored = rng.choice(([1], torch.zeros(2), {"state_dict": []}, {"state_dict": {1: 2}, "epoch": 1}))
    elif way == "nan":
        weights[key] = weights[key] * float("nan")
    else:
        stored[way] = rng.choice((None, "x", float("nan"), {"epoch": "x"}, {"epoch": None}, [1], -1))
    torch.save(stored, path)


def in_resume_point(rng, path):
    """A resume point with an entry changed, anywhere in it but in tensors."""
    stored = torch.load(path, weights_only=True)
    place, thing = [], stored
    while isinstance(thing, dict | list) and thing and (not place or rng.random() < 0.8):
        key = rng.choice(list(thing) if isinstance(thing, dict) else range(len(thing)))
        place.append((thing, key))
        thing = thing[key]
    owner, key = place[-1]
    if not isinstance(thing, torch.Tensor):
        owner[key] = rng.choice(VALUES)
    torch.save(stored, path)


INSIDE = {
    ".yaml": in_yaml,
    ".json": in_json,
    ".safetensors": in_tensors,
    ".parquet": in_table,
    ".ckpt": in_checkpoint,
    "last.ckpt": in_resume_point,
}
KINDS = {
    "last.ckpt": "resume point",
    ".yaml": "YAML",
    ".json": "JSON",
    ".safetensors": "safetensors",
    ".parquet": "Parquet",
    ".ckpt": "checkpoint",
}
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
