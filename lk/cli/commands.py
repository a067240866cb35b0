"""The commands: `train.py`, `probe.py` and `analyze.py` call the functions here."""

import inspect
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import wandb
import yaml
from jsonargparse import Namespace
from jsonargparse.typing import PositiveInt
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities.exceptions import SIGTERMException
from safetensors import SafetensorError
from torch import nn

from lk.callbacks import RecordTraining, SaveResumePoint, SeedEpochs
from lk.callbacks.checkpoint_files import CheckpointFiles
from lk.certification.certify import certify_checkpoint, folded, group_run, record
from lk.certification.checking import differences, examine
from lk.cli.parser import Parser
from lk.cli.progress import backgrounds, check_disk, forecast, pending, progress, say
from lk.cli.start import RUN_ID, is_first, run_id, start_of, write_config
from lk.data import Data
from lk.extraction import Checkpoint, Extraction, read
from lk.extraction.extraction import PARTS
from lk.extraction.probing import probe_checkpoint
from lk.extraction.samples import check_memory
from lk.extraction.tables import write_tables
from lk.games import Grid, Players, count_players
from lk.games.maskers import Masker
from lk.layers import device_of, nearest
from lk.loggers import Wandb
from lk.networks.readable import first_inputs, readable
from lk.paper.page import write_paper
from lk.paper.settings import FIGURES, Paper
from lk.paper.studies import PaperStudies
from lk.probes import Probes, Recipe
from lk.report import write_comparison, write_report
from lk.runs import Run
from lk.runs.lock import locked
from lk.scores import Score
from lk.storage.describe import describe
from lk.storage.trust import build, check_trusted
from lk.studies.environment import record_environment
from lk.studies.freshness import check_fresh
from lk.tasks import Classification


class TrainCLI(LightningCLI):
    """LightningCLI with a run folder: `runs/<id>` holds everything that a run makes."""

    def __init__(self, held: ExitStack, **settings: Any) -> None:
        self.held = held  # what ends with the command: the lock of the run folder
        super().__init__(**settings)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Run id and folder; class count and input shape flow from the data to the network."""
        parser.add_argument(
            "--id",
            type=str | None,
            default=None,
            help="Run id, also that of the W&B run; default: data, network, date.",
        )
        parser.add_argument(
            "--resume", type=bool, default=False, help="Resume the run of this --id if it exists, start it otherwise."
        )
        parser.add_argument("--runs_dir", type=str, default="runs", help="Folder that holds all runs.")
        parser.add_argument("--report", type=bool, default=True, help="Write report.html at the end.")
        parser.link_arguments("data.num_classes", "model.network.init_args.num_classes", apply_on="instantiate")
        parser.link_arguments("data.input_shape", "model.network.init_args.input_shape", apply_on="instantiate")

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Training is the only task of this command."""
        return {"fit": {"model", "train_dataloaders", "val_dataloaders", "datamodule"}}

    def before_instantiate_classes(self) -> None:
        """Choose and lock the run folder, decide between start and resume, and fill both into trainer and logger."""
        config = self.config["fit"]
        if not isinstance(config.trainer, Namespace):
            raise ValueError(f"expected trainer as settings by name, got {config.trainer!r}.")
        if (
            config.trainer.max_epochs is None
            and config.trainer.max_steps in (None, -1)
            and config.trainer.max_time is None
        ):
            raise ValueError(
                "expected an end of the training, got none: Lightning would train for 1 000 epochs. Set trainer.max_epochs."
            )
        parts = [config.data.class_path, config.model.network.class_path]
        config.id = run_id(
            config.id, "-".join(part.rsplit(".", 1)[-1].lower() for part in parts), config.resume, config.ckpt_path
        )
        self.folder = folder = Path(config.runs_dir) / config.id
        if config.ckpt_path == "last" and not folder.is_dir():
            raise ValueError(
                f"--ckpt_path last needs the --id of the run to resume; there is no run in {folder}. --resume true starts it."
            )
        if is_first():
            self.held.enter_context(locked(folder))
        config.trainer.default_root_dir = str(folder)
        logger = config.trainer.logger
        if logger is None or logger is True:
            config.trainer.logger = logger = Namespace(class_path="lk.loggers.Wandb", init_args=Namespace())  # type: ignore[no-untyped-call]
        for entry in logger if isinstance(logger, list) else [logger]:
            if isinstance(entry, Namespace) and entry.class_path == "lk.loggers.Wandb":
                entry.init_args.id, entry.init_args.save_dir = config.id, str(folder)
        self.start = start_of(folder, self.given_config(), config.resume, config.ckpt_path)
        config.ckpt_path = self.start.checkpoint

    def given_config(self) -> dict[str, Any]:
        """The complete configuration as plain data."""
        return yaml.safe_load(self.parser.dump(self.config, skip_none=False))["fit"]  # type: ignore[no-any-return]

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Add what every run needs: epoch seeds, the table of training curves, whole checkpoint files, and a point to resume from."""
        seed = self._get(self.config, "seed_everything")
        callbacks = [
            SeedEpochs(int(seed or 0)),
            RecordTraining(self.start.changed, self.start.config if self.start.checkpoint else None),
        ]
        chosen = self._get(self.config_init, "trainer").get("callbacks") or []
        if not any(isinstance(callback, SaveResumePoint) for callback in chosen):
            callbacks.append(SaveResumePoint())
        self.trainer_defaults = {**self.trainer_defaults, "callbacks": callbacks}
        # As an argument: of the defaults that come after parsing, Lightning takes the callbacks alone.
        plugins = self._get(self.config_init, "trainer").get("plugins") or []
        return super().instantiate_trainer(
            plugins=[*(plugins if isinstance(plugins, list) else [plugins]), CheckpointFiles()], **kwargs
        )

    def after_instantiate_classes(self) -> None:
        """The seed decides the order of batches; the configuration of a new run is stored before the first step.

        Raises:
            ValueError: The strategy copies this process instead of starting the command once per device.
        """
        if type(self.trainer.strategy.launcher).__name__ == "_MultiProcessingLauncher":
            raise ValueError(
                f"expected a strategy that starts the command once per device, got trainer.strategy={self._get(self.config, 'trainer').strategy!r}. "
                "Set trainer.strategy to ddp."
            )
        self.datamodule.order_seed = int(self._get(self.config, "seed_everything") or 0)
        if is_first() and not (self.start.checkpoint and (self.folder / "config.yaml").is_file()):
            write_config(self.folder, self.start.config)
        for logger in self.trainer.loggers:
            logger.log_hyperparams(self.start.config)
        if is_first():
            say(self.datamodule.describe())

    def fit(self, **settings: Any) -> None:
        """Train; the processes of other devices do not outlive this one."""
        try:
            self.trainer.fit(**settings)
        except BaseException as error:
            launcher: Any = self.trainer.strategy.launcher
            if hasattr(launcher, "kill"):
                launcher.kill(signal.SIGKILL)
            if restoring(error) and str(self.start.checkpoint) not in str(error):
                raise ValueError(
                    f"{self.start.checkpoint} cannot be resumed from ({type(error).__name__}: {str(error)[:300]}). Delete it: the run then goes "
                    "on from an older checkpoint."
                ) from error
            raise

    def after_fit(self) -> None:
        """Tables and report from the files of the run, by one process."""
        if not self.trainer.is_global_zero:
            return
        run = Run(self.folder)
        run.write_table("data", self.datamodule.facts())
        for name in run.extractions:
            write_tables(run, name)
        report = write_report([run]) if self._get(self.config, "report") else None
        for logger in self.trainer.loggers:
            logger.finalize("success")
            if isinstance(logger, Wandb):
                logger.attempt(wandb.finish)
                if (run.path / "wandb").is_dir():  # not where W&B is disabled
                    say(f"W&B, in the terminal: wandb leet {run.path / 'wandb'}")
        say(f"Run {run.id} is in {run.path}.")
        if report is not None:
            say(f"Report: {report}")  # the last line: what the user looks for


def restoring(error: BaseException) -> bool:
    """Whether an error comes from what Lightning makes of a checkpoint, and not from training."""
    if not isinstance(error, Exception) or isinstance(error, Warning):
        return False
    code = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(
        part.co_filename.endswith("checkpoint_connector.py") and part.co_name.lstrip("_").startswith("res")
        for part in code
    )


NOTES = (
    r"LightningCLI's args parameter",  # main([...]) from Python is a door of its own here
    r".*does not have many workers",  # data sets in memory need none
    r".*number of training batches .* is smaller than the logging interval",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated",  # Lightning's own use of torch
    r".*Checkpoint directory .* exists and is not empty",  # a run that is resumed
    r".*is not registered in sys.modules",
)


def quiet() -> None:
    """Silence notes of libraries that a user of this command can do nothing about."""
    os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # Lightning calls an old name of jsonargparse
    for note in NOTES:
        warnings.filterwarnings("ignore", note)
    for name in ("utilities.rank_zero", "trainer.connectors"):
        logging.getLogger(f"pytorch_lightning.{name}").setLevel(logging.WARNING)


def train(args: Sequence[str] | None = None) -> TrainCLI:
    """`train.py fit --config configs/digits.yaml`: train, and watch what the layers learn."""
    quiet()
    own = RUN_ID not in os.environ
    try:
        with ExitStack() as held:
            return TrainCLI(
                held,
                model_class=Classification,
                datamodule_class=Data,
                args=list(args) if args is not None else None,
                subclass_mode_data=True,
                save_config_callback=None,
                seed_everything_default=0,
                parser_class=Parser,
                parser_kwargs={"fit": {"allow_abbrev": False}, "allow_abbrev": False},
                load_from_checkpoint_support=False,
            )
    except BaseException as error:
        # A run that fails ends as failed, and does not swallow the records of the next one in the same process.
        if wandb.run is not None:
            with suppress(Exception):
                wandb.finish(exit_code=1)
        if isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt):
            raise SystemExit(130) from error  # Lightning leaves with 1
        if isinstance(error, SIGTERMException):
            raise SystemExit(143) from error  # Lightning leaves with 0
        if isinstance(error, MisconfigurationException):
            raise ValueError(f"The trainer refuses its settings: {error}") from error
        raise
    finally:
        if own:
            os.environ.pop(RUN_ID, None)


def open_run(path: str, trust: bool, data_dir: str | None) -> tuple[Run, Data, nn.Module]:
    """A run with its data and network, on the GPU where there is one; refuses a run without checkpoints."""
    run = Run(path)
    if not run.checkpoints:
        raise FileNotFoundError(f"Run {run.id} has no checkpoints in {run.path / 'checkpoints'}; train it first.")
    data = run.data(trust, data_dir)
    return run, data, run.network(data, trust).to("cuda" if torch.cuda.is_available() else "cpu")


def chosen_steps(run: Run, steps: Sequence[int] | None) -> list[int]:
    """The asked-for checkpoints, or all."""
    unknown = [step for step in steps or [] if step not in run.checkpoints]
    if unknown:
        raise ValueError(
            f"Run {run.id} has no checkpoint of step {unknown[0]}. Known: {', '.join(map(str, run.checkpoints))}."
        )
    return list(steps or run.checkpoints)


def add_run_arguments(parser: Parser) -> None:
    """Arguments of every command that reads a run."""
    parser.add_argument(
        "--steps", type=list[int] | None, default=None, help="Checkpoints by step, such as [0,460]; default: all."
    )
    parser.add_argument(
        "--data_dir",
        type=str | None,
        default=None,
        help="Folder of the data set, where it differs from the run's config.",
    )
    parser.add_argument(
        "--trust", type=bool, default=False, help="Build classes that are neither of lk nor of torchvision."
    )


def stored_defaults(path: str | None, trusted: bool, name: str | None = None) -> dict[str, Any]:
    """The extraction settings of a run, with the recipe of the probes that are stored."""
    if path is None or not (Path(path) / "config.yaml").is_file():
        return {}
    run = Run(path)
    settings = run.extraction_config(name)
    stored = [run.probes(step) for step in run.checkpoints if run.probes(step).is_file()]
    if stored:
        settings = {**settings, "probes": Probes.load(stored[-1]).recipe}
    settings = {key: value for key, value in settings.items() if value is not None}
    return settings if trusted else rebuilt(settings)


def rebuilt(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings from a run folder with each part made and described again.

    jsonargparse imports whatever a default names, in whatever form; it is therefore given nothing but descriptions of objects of ours.

    Raises:
        ForeignClassError: A part is of a class that is foreign.
        ValueError: A setting is unknown, or a part cannot be made.
    """
    check_trusted(settings)
    known = list(inspect.signature(Extraction).parameters)
    unknown = [key for key in settings if key not in known]
    if unknown:
        raise ValueError(f"The settings of the stored extraction hold {unknown[0]!r}. {nearest(unknown[0], known)}")
    bases = dict(zip(PARTS, (Players, Masker, Score, Recipe), strict=True))
    return {
        key: describe(build(value, False, bases[key])) if key in bases else value for key, value in settings.items()
    }


def option(args: Sequence[str], name: str) -> str | None:
    """The value of `--name value` or `--name=value`, before the parser is built."""
    for place, word in enumerate(args):
        if word == f"--{name}" and place + 1 < len(args):
            return args[place + 1]
        if word.startswith(f"--{name}="):
            return word.split("=", 1)[1]
    return None


def probe(args: Sequence[str] | None = None) -> None:
    """`probe.py fit --run RUN`: fit one linear classifier per layer at every checkpoint of a run."""
    words = list(sys.argv[1:] if args is None else args)
    parser = Parser(
        prog="probe.py",
        description="Fit one linear classifier per layer at every checkpoint of a run.",
        allow_abbrev=False,
    )
    fit = Parser(description="Fit one linear classifier per layer at every checkpoint of a run.", allow_abbrev=False)
    fit.add_argument("--config", action="config", help="YAML file with any of the arguments.")
    fit.add_argument("--run", type=str, required=True, help="The run folder.")
    fit.add_subclass_arguments(
        Recipe, "recipe", required=False, help="How to fit; default: that of the run's extraction."
    )
    fit.add_argument(
        "--layers", type=list[str] | None, default=None, help="Layers to read; default: those of the run's extraction."
    )
    add_run_arguments(fit)
    subcommands = parser.add_subcommands()
    subcommands.add_subcommand("fit", fit)
    config = parser.instantiate(parser.parse_args(words)).fit
    with locked(Run(config.run).path):
        fit_probes(config)


def fit_probes(config: Namespace) -> None:
    """Fit, store and evaluate the probes of the chosen checkpoints."""
    run, data, network = open_run(config.run, config.trust, config.data_dir)
    settings = run.extraction_config()
    if not config.trust:
        check_trusted(settings)
    recipe = config.recipe or (build(settings["probes"], config.trust, Recipe) if settings.get("probes") else None)
    # Players do not matter here; any division will do.
    extraction = Extraction(Grid(1), probes=recipe, layers=config.layers or settings.get("layers"))
    layers, steps = extraction.layers_of(network), chosen_steps(run, config.steps)
    record_environment(run, "probes", 0, str(device_of(network)))
    say(
        f"Probes: {len(steps)} checkpoints x {len(layers)} layers, up to {extraction.probes.max_samples:,} training samples each."
    )
    with progress(len(steps), "probes") as bar:
        for step in steps:
            checkpoint = Checkpoint.load(run, step, network, data)
            frozen = readable(network, layers, first_inputs(data.train), data.num_classes)
            probe_checkpoint(replace(checkpoint, network=frozen), extraction, again=True)
            bar.advance(bar.task_ids[0])
    table = run.read_table("probes")
    say(
        table[table["step"] == steps[-1]][
            ["layer", "accuracy", "calibration_error", "chance", "gradient_norm"]
        ].to_string(index=False)
    )
    say(f"Probes are in {run.path / 'probes'}, their accuracy in {run.table('probes')}.")


def analyze(args: Sequence[str] | None = None) -> None:
    """`analyze.py extract | certify | check | compare | report | paper`."""
    words = list(sys.argv[1:] if args is None else args)
    parser = Parser(
        prog="analyze.py",
        description="Extract interactions, certify group networks and check their certificates, compare runs, write reports, reproduce the paper.",
        allow_abbrev=False,
    )
    subcommands = parser.add_subcommands()
    extracting = Parser(
        description="Extract AND-OR interactions from every layer at every checkpoint of a run.", allow_abbrev=False
    )
    extracting.add_argument("run", type=str, help="The run folder.")
    extracting.add_argument("--config", action="config", help="YAML file with any of the arguments.")
    extracting.add_class_arguments(Extraction, "extraction", fail_untyped=False)
    extracting.add_argument("--report", type=bool, default=True, help="Write report.html at the end.")
    add_run_arguments(extracting)
    if words[:1] == ["extract"]:
        path = next((word for word in words[1:] if not word.startswith("-")), None)
        trusted = str(option(words, "trust")).lower() == "true"
        defaults = stored_defaults(path, trusted, option(words, "extraction.name"))
        extracting.set_defaults({f"extraction.{key}": value for key, value in defaults.items()})
    subcommands.add_subcommand("extract", extracting)
    certifying = Parser(
        description="Explain and certify the group networks of a run at every checkpoint.", allow_abbrev=False
    )
    certifying.add_argument("run", type=str, help="The run folder.")
    certifying.add_argument(
        "--seeds",
        type=PositiveInt | None,
        default=None,
        help="How many networks of each checkpoint, from the first; default: all.",
    )
    certifying.add_argument("--report", type=bool, default=True, help="Write report.html at the end.")
    add_run_arguments(certifying)
    subcommands.add_subcommand("certify", certifying)
    checking = Parser(
        description="Check the stored certificates of a run in whole numbers, with a program that knows nothing of lk."
    )
    checking.add_argument("run", type=str, help="The run folder.")
    checking.add_argument(
        "--pairs", type=PositiveInt | None, default=None, help="Pairs to draw from each network; default: all."
    )
    checking.add_argument("--seed", type=int, default=0, help="Seed of that draw.")
    add_run_arguments(checking)
    subcommands.add_subcommand("check", checking)
    comparing = Parser(
        description="Line runs up by relative depth and epoch, one figure per question.", allow_abbrev=False
    )
    comparing.add_argument("runs", type=str, nargs="+", help="Two run folders or more, on the same samples.")
    comparing.add_argument("--extraction", type=str, default="default", help="Name of the extraction to compare.")
    subcommands.add_subcommand("compare", comparing)
    reporting = Parser(description="Write report.html of a run from its files.", allow_abbrev=False)
    reporting.add_argument("run", type=str, help="The run folder.")
    subcommands.add_subcommand("report", reporting)
    papering = Parser(
        description="Everything that Cheng et al. (ICML 2024) measure, on finished runs of one data set; goes on where it was stopped."
    )
    papering.add_argument(
        "--config", action="config", help="YAML file with any of the arguments, such as configs/paper/mnist.yaml."
    )
    papering.add_class_arguments(Paper, fail_untyped=False)
    papering.add_argument(
        "--figures",
        type=list[int | str],
        default=list(FIGURES),
        help=f"Some of {', '.join(FIGURES)}; default: all, and the page.",
    )
    papering.add_argument(
        "--data_dir",
        type=str | None,
        default=None,
        help="Folder of the data set, where it differs from the runs' configs.",
    )
    papering.add_argument(
        "--trust", type=bool, default=False, help="Build classes that are neither of lk nor of torchvision."
    )
    subcommands.add_subcommand("paper", papering)
    parsed = parser.parse_args(words)
    config = parser.instantiate(parsed)[parsed.subcommand]
    with ExitStack() as held:
        for folder in written_by(parsed.subcommand, config):
            held.enter_context(locked(Run(folder).path))
        commands = {
            "extract": extract,
            "certify": certify,
            "check": check,
            "compare": compare,
            "report": report,
            "paper": paper,
        }
        commands[parsed.subcommand](config)


def written_by(command: str, config: Namespace) -> list[Path]:
    """The run folders that a command writes into, each once; each is its alone until it ends."""
    if command in ("check", "compare"):
        return []
    paths = [path for network in config.networks for path in network.runs] if command == "paper" else [config.run]
    return sorted({Path(path).resolve() for path in paths})


def extract(config: Namespace) -> None:
    """Probe where needed, extract and measure every checkpoint, write tables and report."""
    run, data, network = open_run(config.run, config.trust, config.data_dir)
    extraction: Extraction = config.extraction
    layers = len(extraction.layers_of(network)) + 1
    samples, steps = extraction.samples(data), chosen_steps(run, config.steps)
    n = count_players(samples.owner)
    check_memory(n, len(samples.y), layers)
    check_disk(run.path, n, layers, len(samples.y), len(pending(run, extraction, steps)))
    samples = extraction.open(run.extraction(extraction.name), samples)
    run.load(network, steps[-1])
    record_environment(run, f"extraction {extraction.name}", 0, str(device_of(network)))
    say(forecast(run, network, extraction, samples, data, steps))
    with progress(
        len(steps) * 2 ** count_players(samples.owner) * len(samples.y) * backgrounds(extraction), extraction.name
    ) as bar:
        for step in steps:
            checkpoint = Checkpoint.load(run, step, network, data)
            read(checkpoint, extraction, samples, lambda count: bar.advance(bar.task_ids[0], count))
    write_tables(run, extraction.name)
    say(f"Interactions are in {run.extraction(extraction.name)}.")
    if config.report:
        say(f"Report: {write_report([run])}")


def certify(config: Namespace) -> None:
    """Certify checkpoints of a finished run, write tables and report; everything is checked before the first one."""
    run, opened, module = open_run(config.run, config.trust, config.data_dir)
    network, data = group_run(module, opened)
    steps = chosen_steps(run, config.steps)
    for step in steps:
        run.load(network, step)
        try:
            count = len(folded(network))
        except ValueError as error:
            raise ValueError(f"{run.checkpoint(step)}: {error} Leave it out with --steps.") from error
    count = min(config.seeds or count, count)
    record_environment(run, "certificates", 0, str(device_of(network)))
    say(
        f"Certificates: {len(steps)} checkpoint{'s' * (len(steps) != 1)} x {count} network{'s' * (count != 1)} of {data.group}."
    )
    with progress(len(steps) * count, "certificates") as bar:
        for step in steps:
            checkpoint = Checkpoint.load(run, step, network, data)
            found = certify_checkpoint(checkpoint, count, done=lambda: bar.advance(bar.task_ids[0]))
            record(run, found, step)
            for failure in found.failures:
                say(f"Not certified at step {step}: {failure}")
            if checkpoint.last:
                found.save(run, step)
    say(f"Certificates are in {run.table('certificates')}.")
    if config.report:
        say(f"Report: {write_report([run])}")


def check(config: Namespace) -> None:
    """Examine the stored certificates of a run; leaves with 1 where one is refused or speaks of another network."""
    run, opened, module = open_run(config.run, config.trust, config.data_dir)
    network, data = group_run(module, opened)
    stored = {step: next(iter(seeds.values())).parent for step, seeds in run.certified.items() if seeds}
    unknown = [step for step in config.steps or [] if step not in stored]
    if unknown or not stored:
        raise ValueError(
            f"expected certificates of step {unknown[0] if unknown else max(run.checkpoints)} in {run.path / 'certificates'}, got none. "
            "Certify first: analyze.py certify RUN (those of the last checkpoint are stored)."
        )
    steps = config.steps or list(stored)
    accepted = [examine(stored[step], config.pairs or 0, config.seed) for step in steps]
    found = differences(run, network, data, steps)
    for sentence in found:
        say(sentence)
    if found or not all(accepted):
        say(f"Refused: certificates of {run.id}, see above.")
        sys.exit(1)
    say(f"Accepted: all certificates of {run.id}, and their networks are those of its checkpoints.")


def compare(config: Namespace) -> None:
    """Compare runs."""
    runs = [Run(path) for path in config.runs]
    for run in runs:
        check_fresh(run)
    say(f"Report: {write_comparison(runs, config.extraction)}")


def paper(config: Namespace) -> None:
    """Reproduce the paper's figures from finished runs."""
    figures = list(map(str, config.figures))  # YAML reads 5 as a number and 3a as a word
    unknown = [figure for figure in figures if figure not in FIGURES]
    if unknown:
        raise ValueError(f"There is no figure {unknown[0]!r}. {nearest(unknown[0], FIGURES)}")
    arguments = [name for name in inspect.signature(Paper).parameters if name in config]
    settings = Paper(**{name: config[name] for name in arguments})
    checkpoints = settings.final_checkpoints(config.trust, config.data_dir, say)
    say(f"Page: {write_paper(PaperStudies(settings, checkpoints, say), figures)}")


def report(config: Namespace) -> None:
    """Tables and report of a run, again, from its files."""
    run = Run(config.run)
    check_fresh(run)
    for name in run.extractions:
        write_tables(run, name)
    say(f"Report: {write_report([run])}")


def main(command: Callable[[], Any]) -> None:
    """Run a command for a person: an error of theirs is one readable message, without a traceback (LK_TRACEBACK=1 shows it)."""
    signal.signal(
        signal.SIGTERM, lambda number, _: sys.exit(128 + number)
    )  # an exit tidies up; the default of this signal does not
    try:
        command()
    except (ValueError, OSError, FloatingPointError, MemoryError, NotImplementedError, SafetensorError) as error:
        if os.environ.get("LK_TRACEBACK"):
            raise
        say(f"error: {error or type(error).__name__}")
        if isinstance(error, OSError | SafetensorError) and not isinstance(error, FileNotFoundError):
            say("What is written stays whole; the same command goes on from there.")
        sys.exit(2)
    except KeyboardInterrupt:
        say("Stopped. What is written stays; the same command goes on from there.")
        sys.exit(130)
