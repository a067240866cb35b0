"""Analyse runs: `analyze.py COMMAND`, where COMMAND is one of `COMMANDS`.

Each subcommand is a function: its arguments are those of the command, its docstring is the help. It imports what it
works with, so that the help of a light command is there at once.
"""

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse.typing import PositiveInt

from lk.cli.dashboard import dashboard
from lk.cli.dynamics import dynamics
from lk.cli.parser import Parser
from lk.cli.runs import runs
from lk.cli.sweep import sweep
from lk.console import progress, say

if TYPE_CHECKING:
    from lk.extraction import Extraction
    from lk.paper.settings import Paper


def analyze(args: Sequence[str] | None = None) -> None:
    """Parse and run a subcommand of `analyze.py`.

    Args:
        args: Words of the command line; default those of this process.
    """
    words = list(sys.argv[1:] if args is None else args)
    parser = Parser(
        prog="analyze.py",
        description="Extract interactions, certify group networks, list, compare and sweep runs, write reports, "
        "reproduce the paper.",
    )
    subcommands = parser.add_subcommands()
    completed = "_ARGCOMPLETE" in os.environ or any(word.startswith("--print_shtab") for word in words)
    for name, function in COMMANDS.items():
        subcommand = parser.add_command(subcommands, function)
        if completed or name in words[:1]:
            add_arguments(subcommand, name, words[1:])
    parsed = parser.parse_args(words)
    name = parsed.subcommand
    given = {key: value for key, value in vars(parser.instantiate(parsed)[name]).items() if key != "config"}
    if name == "paper":
        given = paper_arguments(given)
    with ExitStack() as held:
        if writes := written_by(name, given):
            from lk.runs import Run
            from lk.runs.lock import locked

            for folder in writes:
                held.enter_context(locked(Run(folder).path))
        COMMANDS[name](**given)


def add_arguments(parser: Parser, name: str, words: Sequence[str]) -> None:
    """The arguments of a subcommand: those of its function, and in place of an object the arguments that it is made of.

    Args:
        parser: Parser of the subcommand.
        name: Its name.
        words: What follows the name on the command line; `extract` takes its defaults from the run that it names.
    """
    made: dict[str, set[str | int]] = {
        "extract": {"extraction"},
        "compare": {"runs"},
        "dynamics": {"runs"},
        "paper": {"settings"},
        "runs": {"folder", "json"},
        "dashboard": {"runs", "publish"},
    }
    parser.add_function_arguments(COMMANDS[name], as_group=False, as_positional=True, skip=made.get(name, set()))
    if name == "extract":
        from lk.cli.finished import option, stored_defaults
        from lk.extraction import Extraction

        parser.add_class_arguments(Extraction, "extraction", fail_untyped=False)
        path = next((word for word in words if not word.startswith("-")), None)
        trusted = str(option(words, "trust")).lower() == "true"
        defaults = stored_defaults(path, trusted, option(words, "extraction.name"))
        parser.set_defaults({f"extraction.{key}": value for key, value in defaults.items()})
    elif name == "compare":
        parser.add_argument("runs", type=str, nargs="+", help="Two run folders or more, on the same samples.")
    elif name == "runs":
        parser.add_argument("folder", type=str, nargs="?", default="runs", help="Folder of runs; default: runs.")
        parser.add_argument("--json", action="store_true", help="Print JSON: sizes in bytes, ages in seconds.")
    elif name == "dashboard":
        parser.add_argument("runs", type=str, nargs="+", help="Run folders of one W&B project.")
        parser.add_argument("--publish", action="store_true", help="Send it to W&B; needs `wandb login`.")
    elif name == "dynamics":
        parser.add_argument("runs", type=str, nargs="+", help="Run folders; seeds of a configuration belong together.")
    elif name == "paper":
        from lk.paper.settings import FIGURES, Paper

        parser.add_class_arguments(Paper, fail_untyped=False)
        parser.set_defaults(figures=list(FIGURES))


def paper_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `paper`, of which most make the settings."""
    from lk.paper.settings import Paper

    settings = {key: given.pop(key) for key in inspect.signature(Paper).parameters}
    return {"settings": Paper(**settings), **given}


def written_by(name: str, given: dict[str, Any]) -> list[Path]:
    """The run folders that a subcommand writes into, each once; each is its alone until it ends."""
    if name in READS:
        return []
    studied = [path for network in given["settings"].networks for path in network.runs] if name == "paper" else None
    paths = studied or given.get("runs") or [given["run"]]
    return sorted({Path(path).resolve() for path in paths})


# ---- the subcommands
def extract(
    run: str,
    extraction: "Extraction",
    report: bool = True,
    steps: list[int] | None = None,
    data_dir: str | None = None,
    trust: bool = False,
) -> None:
    """Extract AND-OR interactions from every layer at every checkpoint of a run.

    Probes are fitted where they are missing. Checkpoints that are extracted already stay.

    Args:
        run: The run folder.
        extraction: What to extract and how.
        report: Write report.html at the end.
        steps: Checkpoints by step, such as [0,460]; default: all.
        data_dir: Folder of the data set, where it differs from the run's config.
        trust: Build classes that are neither of lk nor of torchvision.
    """
    from lk.cli.finished import chosen_steps, open_run
    from lk.extraction import Checkpoint, read
    from lk.extraction.forecast import backgrounds, check_disk, forecast, pending
    from lk.extraction.samples import check_memory
    from lk.extraction.tables import write_tables
    from lk.games import count_players
    from lk.layers import device_of
    from lk.report import write_report
    from lk.studies.environment import record_environment

    opened, data, network = open_run(run, trust, data_dir)
    layers = len(extraction.layers_of(network)) + 1
    samples, chosen = extraction.samples(data), chosen_steps(opened, steps)
    n = count_players(samples.owner)
    check_memory(n, len(samples.y), layers)
    check_disk(opened.path, n, layers, len(samples.y), len(pending(opened, extraction, chosen)))
    samples = extraction.open(opened.extraction(extraction.name), samples)
    last = Checkpoint.load(opened, chosen[-1], network, data, samples)
    record_environment(opened, f"extraction {extraction.name}", 0, str(device_of(network)))
    say(forecast(last, extraction, chosen))
    with progress(
        len(chosen) * 2 ** count_players(samples.owner) * len(samples.y) * backgrounds(extraction), extraction.name
    ) as bar:
        for step in chosen:
            checkpoint = Checkpoint.load(opened, step, network, data, samples)
            read(checkpoint, extraction, lambda count: bar.advance(bar.task_ids[0], count))
    write_tables(opened, extraction.name)
    say(f"Interactions are in {opened.extraction(extraction.name)}.")
    if report:
        say(f"Report: {write_report(opened)}")


def certify(
    run: str,
    seeds: PositiveInt | None = None,
    report: bool = True,
    steps: list[int] | None = None,
    data_dir: str | None = None,
    trust: bool = False,
) -> None:
    """Explain and certify the group networks of a run at every checkpoint.

    Everything is checked before the first checkpoint.

    Args:
        run: The run folder.
        seeds: How many networks of each checkpoint, from the first; default: all.
        report: Write report.html at the end.
        steps: Checkpoints by step, such as [0,460]; default: all.
        data_dir: Folder of the data set, where it differs from the run's config.
        trust: Build classes that are neither of lk nor of torchvision.
    """
    from lk.certification.certify import certify_checkpoint, folded, group_run, record
    from lk.cli.finished import chosen_steps, open_run
    from lk.extraction import Checkpoint
    from lk.layers import device_of
    from lk.report import write_report
    from lk.studies.environment import record_environment

    opened, given, module = open_run(run, trust, data_dir)
    network, data = group_run(module, given)
    chosen = chosen_steps(opened, steps)
    for step in chosen:
        opened.load(network, step)
        try:
            count = len(folded(network))
        except ValueError as error:
            raise ValueError(f"{opened.checkpoint(step)}: {error} Leave it out with --steps.") from error
    count = min(seeds or count, count)
    record_environment(opened, "certificates", 0, str(device_of(network)))
    checkpoints, networks = f"checkpoint{'s' * (len(chosen) != 1)}", f"network{'s' * (count != 1)}"
    say(f"Certificates: {len(chosen)} {checkpoints} x {count} {networks} of {data.group}.")
    with progress(len(chosen) * count, "certificates") as bar:
        for step in chosen:
            checkpoint = Checkpoint.load(opened, step, network, data)
            found = certify_checkpoint(checkpoint, count, done=lambda: bar.advance(bar.task_ids[0]))
            record(opened, found, step)
            for failure in found.failures:
                say(f"Not certified at step {step}: {failure}")
            if checkpoint.last:
                found.save(opened, step)
    say(f"Certificates are in {opened.table('certificates')}.")
    if report:
        say(f"Report: {write_report(opened)}")


def check(
    run: str,
    pairs: PositiveInt | None = None,
    seed: int = 0,
    steps: list[int] | None = None,
    data_dir: str | None = None,
    trust: bool = False,
) -> None:
    """Check the stored certificates of a run in whole numbers, with a program that knows nothing of lk.

    The command exits with 1 where a certificate is refused or speaks of another network.

    Args:
        run: The run folder.
        pairs: Pairs to draw from each network; default: all.
        seed: Seed of that draw.
        steps: Checkpoints by step, such as [0,460]; default: all.
        data_dir: Folder of the data set, where it differs from the run's config.
        trust: Build classes that are neither of lk nor of torchvision.
    """
    from lk.certification.certify import group_run
    from lk.certification.checking import differences, examine
    from lk.cli.finished import open_run

    opened, given, module = open_run(run, trust, data_dir)
    network, data = group_run(module, given)
    stored = {step: next(iter(seeds.values())).parent for step, seeds in opened.certified.items() if seeds}
    unknown = [step for step in steps or [] if step not in stored]
    if unknown or not stored:
        missing = unknown[0] if unknown else max(opened.checkpoints)
        raise ValueError(
            f"expected certificates of step {missing} in {opened.path / 'certificates'}, got none. "
            "Certify first: analyze.py certify RUN (those of the last checkpoint are stored)."
        )
    chosen = steps or list(stored)
    accepted = [examine(stored[step], pairs or 0, seed) for step in chosen]
    found = differences(opened, network, data, chosen)
    for sentence in found:
        say(sentence)
    if found or not all(accepted):
        say(f"Refused: certificates of {opened.id}, see above.")
        sys.exit(1)
    say(f"Accepted: all certificates of {opened.id}, and their networks are those of its checkpoints.")


def compare(runs: list[str], extraction: str = "default") -> None:
    """Compare runs by relative depth and epoch, one figure per question.

    Args:
        runs: Two run folders or more, on the same samples.
        extraction: Name of the extraction to compare.
    """
    from lk.report.comparison import STAGES, write_comparison
    from lk.runs import Run
    from lk.studies.freshness import check_fresh

    opened = [Run(path) for path in runs]
    with progress(2 * len(opened) + STAGES, f"comparing {len(opened)} runs") as bar:

        def done() -> None:
            bar.advance(bar.task_ids[0])

        for run in opened:
            check_fresh(run)
            done()
        page = write_comparison(opened, extraction, done)
    say(f"Report: {page}")


def report(run: str) -> None:
    """Write report.html of a run from its files.

    Args:
        run: The run folder.
    """
    from lk.extraction.tables import write_tables
    from lk.report import write_report
    from lk.runs import Run
    from lk.studies.freshness import check_fresh

    opened = Run(run)
    check_fresh(opened)
    for name in opened.extractions:
        write_tables(opened, name)
    say(f"Report: {write_report(opened)}")


def paper(
    settings: "Paper", figures: list[int | str] | None = None, data_dir: str | None = None, trust: bool = False
) -> None:
    """Measure what Cheng et al. (ICML 2024) measure, on finished runs of one data set; go on where it was stopped.

    Args:
        settings: What is measured, and on which runs.
        figures: Some of the paper's figures; default: all, and the page.
        data_dir: Folder of the data set, where it differs from the runs' configs.
        trust: Build classes that are neither of lk nor of torchvision.

    Raises:
        ValueError: There is no such figure.
    """
    from lk.paper.page import write_paper
    from lk.paper.settings import FIGURES
    from lk.paper.studies import PaperStudies
    from lk.text import nearest

    chosen = list(map(str, FIGURES if figures is None else figures))  # YAML reads 5 as a number and 3a as a word
    unknown = [figure for figure in chosen if figure not in FIGURES]
    if unknown:
        raise ValueError(f"expected a figure of the paper, got {unknown[0]!r}. {nearest(unknown[0], FIGURES)}")
    checkpoints = settings.final_checkpoints(trust, data_dir, say)
    say(f"Page: {write_paper(PaperStudies(settings, checkpoints, say), chosen)}")


COMMANDS: dict[str, Callable[..., None]] = {
    command.__name__: command
    for command in (extract, certify, check, compare, dynamics, report, paper, runs, sweep, dashboard)
}
READS = ("check", "compare", "runs", "sweep", "dashboard")  # the others write into a run themselves
