"""Kill every command, run it again, and compare with an undisturbed run: bit for bit, with what it repeats counted.

    python benchmarks/kills.py --kills 200 --signals 20

Half of the kills come at a rename (just before or just after one, chosen among all of the job), half at a random time.
A kill is SIGKILL to the process that does the work. Reported per job: kills, completed, equal, steps repeated (most,
and the interval allowed), files left over. Exit code 1 if one differs. `--scenarios` runs the fixed kills of trainings
with schedulers, workers, accumulation and the like instead.
"""

import argparse
import json
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from killing.equal import differences
from killing.jobs import NETWORK, Job, jobs, prepare
from killing.processes import dying, forked
from killing.scenarios import expected, play_scenarios


def undisturbed(job: Job, root: Path) -> Path:
    """The job's result, how many renames it makes and how long it takes."""
    folder = prepare(job, root / "whole" / re.sub(r"[^a-zA-Z0-9]+", "-", f"undisturbed {job.name}"))
    folder.parent.mkdir(exist_ok=True)
    count, log = root / "renames", folder.with_suffix(".log")
    begun = time.monotonic()
    code = forked(dying(job.command(folder), -1, False, count), log)
    job.seconds = time.monotonic() - begun
    if code:
        raise SystemExit(f"{job.name} undisturbed ended with {code}:\n{log.read_text()[-3000:]}")
    job.renames = int(count.read_text())
    return folder


def attempt(
    job: Job,
    whole: Path,
    root: Path,
    number: int,
    chance: random.Random,
    stop: int = signal.SIGKILL,
    place: int | None = None,
) -> dict[str, Any]:
    """One kill, the same command again, and what came of it.

    `place` is the rename before which to kill, drawn where it is not given.
    """
    folder = prepare(job, root / "killed" / f"{whole.name}-{number}")
    folder.parent.mkdir(exist_ok=True)
    log = folder.with_suffix(".log")
    if stop == signal.SIGKILL and (number % 2 == 0 or place is not None):
        rename, after = (chance.randrange(job.renames), chance.random() < 0.5) if place is None else (place, False)
        how = f"{'after' if after else 'before'} rename {rename}"
        first = forked(dying(job.command(folder), rename, after), log)
    else:
        moment = chance.uniform(0.05, 0.95) * job.seconds
        how = f"after {moment:.2f} s"
        first = forked(job.command(folder), log, kill_after=moment, number=stop)
    again = forked(job.command(folder), log)
    wrong = differences(whole, folder) if again == 0 else [f"ended with {again}: {log.read_text()[-600:]}"]
    left = [str(path.relative_to(folder)) for path in folder.rglob(".*.part")]
    trained = Path(f"{folder}.count")
    repeated = trained.stat().st_size - job.steps if trained.is_file() else 0
    wanted = (0, -signal.SIGKILL) if stop == signal.SIGKILL else (0, 128 + stop)
    if first not in wanted:
        wrong.append(f"the first command ended with {first}, expected one of {wanted}: {log.read_text()[-600:]}")
    if not wrong:
        shutil.rmtree(folder)
    return {"how": how, "first": first, "again": again, "wrong": wrong, "left": left, "repeated": repeated}


def rows_of(job: Job) -> Iterator[str]:
    """The job's line of the table, and what went wrong."""
    done = job.done
    equal = sum(not attempt["wrong"] for attempt in done)
    left, repeated = sum(len(attempt["left"]) for attempt in done), [attempt["repeated"] for attempt in done]
    interval = "–" if job.interval is None else str(job.interval)
    completed = sum(attempt["again"] == 0 for attempt in done)
    yield f"| {job.name} | {len(done)} | {completed} | {equal} | {max(repeated, default=0)} | {interval} | {left} |"
    for attempt_ in done:
        if attempt_["wrong"]:
            yield f"    {attempt_['how']}: {attempt_['wrong'][:4]}"


def command(words: list[str] | None = None) -> int:
    """Kill, compare, print the table; 0 if all are equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--signals", type=int, default=20, help="SIGTERMs to trainings at random times.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", nargs="*", default=[], help="Only these.")
    parser.add_argument("--renames", action="store_true", help="Kill just before every rename of each job instead.")
    parser.add_argument("--scenarios", nargs="*", default=None, help="The fixed kills instead, all or these.")
    parser.add_argument("--json", type=Path, default=None, help="Write the results here.")
    given = parser.parse_args(words)
    torch.set_num_threads(1)
    root = Path(tempfile.mkdtemp(prefix="kills-"))
    (root / "own_net.py").write_text(NETWORK)
    sys.path.insert(0, str(root))
    print(
        f"lk kills: seed {given.seed}, torch {torch.__version__}, pytorch-lightning {pl.__version__}, {root}",
        flush=True,
    )
    if given.scenarios is not None:
        rows = play_scenarios(root, given.scenarios)
        for row in rows:
            print("ok   " if expected(row) else "WRONG", row, flush=True)
        if given.json:
            given.json.write_text(json.dumps([{**row, "ok": expected(row)} for row in rows]))
        good = bool(rows) and all(map(expected, rows))
        if good:
            shutil.rmtree(root)
        return 0 if good else 1
    chance = random.Random(given.seed)
    chosen = [job for job in jobs(root) if not given.jobs or job.name in given.jobs]
    print(
        "| job | kills | completed | equal | most steps repeated | allowed | files left "
        "|\n|---|---|---|---|---|---|---|"
    )
    good = True
    for place, job in enumerate(chosen):
        whole = undisturbed(job, root)
        if given.renames:
            job.done = [attempt(job, whole, root, number, chance, place=number) for number in range(job.renames)]
        else:
            count = given.kills // len(chosen) + (place < given.kills % len(chosen))
            job.done = [attempt(job, whole, root, number, chance) for number in range(count)]
        print("\n".join(rows_of(job)), flush=True)
        good &= all(not a["wrong"] and not a["left"] and a["repeated"] <= (job.interval or 0) for a in job.done)
        job.done = []
        if job.interval is not None and given.signals and not given.renames:
            trainings = sum(other.interval is not None for other in chosen)
            for number in range(given.signals // trainings + (place < given.signals % trainings)):
                job.done.append(attempt(job, whole, root, 10_000 + number, chance, signal.SIGTERM))
            job.name = f"{job.name}, SIGTERM"
            print("\n".join(rows_of(job)), flush=True)
            good &= all(not a["wrong"] and not a["left"] and a["repeated"] <= (job.interval or 0) for a in job.done)
    if good:
        shutil.rmtree(root)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(command())
