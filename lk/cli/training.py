"""Train a network: `train.py fit --config configs/digits.yaml`."""

import logging
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import yaml
from jsonargparse import Namespace
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import loggers
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities.exceptions import SIGTERMException

# Imported for their classes too: a configuration names a class of ours without its module.
import lk.games.maskers
import lk.groups
import lk.networks  # noqa: F401
from lk.callbacks import RecordTraining, SaveResumePoint, SeedEpochs
from lk.callbacks.checkpoint_files import CheckpointFiles
from lk.cli.log_folders import FOLDER, LEFT_OUT, fill, is_logger
from lk.cli.parser import Parser
from lk.cli.start import RUN_ID, is_first, run_id, start_of
from lk.console import say
from lk.data import Data
from lk.loggers import log_results
from lk.loggers.guard import attempt, guard
from lk.runs import Run
from lk.runs.lock import locked
from lk.runs.segments import write_config
from lk.tasks import Classification
from lk.text import nearest

UNKNOWN_CLASS = re.compile(r"Expected a dot import path string: (\S+)")
LOGGERS = ["Wandb", *loggers.__all__]


class TrainParser(Parser, LightningArgumentParser):
    """LightningCLI's parser with our errors; the folder of a logger may be left out."""

    def add_class_arguments(self, theclass: Any, *args: Any, **settings: Any) -> Any:
        """Add the arguments of a class."""
        added = super().add_class_arguments(theclass, *args, **settings)
        if is_logger(theclass) and any(action.dest == FOLDER and action.required for action in self._actions):
            self.set_defaults({FOLDER: LEFT_OUT})
        return added

    def explain(self, message: str) -> str:
        """The innermost error; of an unknown logger its name alone."""
        unknown = UNKNOWN_CLASS.search(message)
        if unknown and "trainer.logger" in message:
            return f"expected a logger for trainer.logger, got {unknown[1]!r}. {nearest(unknown[1], LOGGERS)}"
        return super().explain(message)


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
        check_end(config.trainer)
        parts = [config.data.class_path, config.model.network.class_path]
        config.id = run_id(
            config.id, "-".join(part.rsplit(".", 1)[-1].lower() for part in parts), config.resume, config.ckpt_path
        )
        self.folder = folder = Path(config.runs_dir) / config.id
        if config.ckpt_path == "last" and not folder.is_dir():
            raise ValueError(
                f"expected the --id of a run to resume with --ckpt_path last, got no run in {folder}. --resume true "
                "starts it."
            )
        if is_first():
            self.held.enter_context(locked(folder))
        config.trainer.default_root_dir = str(folder)
        if config.trainer.logger in (None, True):
            own: Any = {"class_path": "lk.loggers.Wandb", "init_args": Namespace()}  # type: ignore[no-untyped-call]
            config.trainer.logger = Namespace(**own)  # type: ignore[no-untyped-call]
        self.start = start_of(folder, self.given_config(), config.resume, config.ckpt_path)
        config.ckpt_path = self.start.checkpoint
        logger = config.trainer.logger  # filled after the configuration is stored: another run may take it up
        for entry in logger if isinstance(logger, list) else [logger]:
            fill(entry, folder, config.id)

    def given_config(self) -> dict[str, Any]:
        """The complete configuration as plain data."""
        return yaml.safe_load(self.parser.dump(self.config, skip_none=False))["fit"]  # type: ignore[no-any-return]

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """The trainer, with what every run needs: epoch seeds, training curves, whole files, a point to resume from."""
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
            strategy = self._get(self.config, "trainer").strategy
            raise ValueError(
                "expected a strategy that starts the command once per device, "
                f"got trainer.strategy={strategy!r}. Set trainer.strategy to ddp."
            )
        self.datamodule.order_seed = int(self._get(self.config, "seed_everything") or 0)
        if is_first() and not (self.start.checkpoint and (self.folder / "config.yaml").is_file()):
            write_config(self.folder, self.start.config)
        for logger in map(guard, self.trainer.loggers):
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
                reason = f"{type(error).__name__}: {str(error)[:300].rstrip('.')}"
                raise ValueError(
                    f"expected a checkpoint that can be resumed from, got {self.start.checkpoint} ({reason}). Delete "
                    "it: the run then goes on from an older checkpoint."
                ) from error
            raise

    def after_fit(self) -> None:
        """Tables and report from the files of the run, by one process."""
        if not self.trainer.is_global_zero:
            return
        from lk.extraction.tables import write_tables
        from lk.report import write_report

        run = Run(self.folder)
        run.write_table("data", self.datamodule.facts())
        for name in run.extractions:
            write_tables(run, name)
        report = write_report(run) if self._get(self.config, "report") else None
        log_results(self.trainer.loggers, run, report)
        for logger in self.trainer.loggers:
            logger.finalize("success")
            if isinstance(logger, WandbLogger):
                attempt(logger, end_wandb)
                if (run.path / "wandb").is_dir():  # not where W&B is disabled
                    say(f"W&B, in the terminal: wandb leet {run.path / 'wandb'}")
        say(f"Run {run.id} is in {run.path}.")
        if report is not None:
            say(f"Report: {report}")  # the last line: what the user looks for


def end_wandb() -> None:
    """End the W&B record of this process."""
    import wandb

    wandb.finish()


def check_end(trainer: Any) -> None:
    """Refuse a training without an end.

    Raises:
        ValueError: Neither epochs, steps nor time are bounded.
    """
    if not isinstance(trainer, Namespace):
        raise ValueError(f"expected trainer as settings by name, got {trainer!r}. Write `trainer: {{max_epochs: 10}}`.")
    if trainer.max_epochs is None and trainer.max_steps in (None, -1) and trainer.max_time is None:
        raise ValueError(
            "expected an end of the training, got none: Lightning would train for 1 000 epochs. Set trainer.max_epochs."
        )


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
    r"LightningCLI's args parameter",  # train([...]) is called from Python too
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
    """Train a network, and watch what its layers learn: `train.py fit --config configs/digits.yaml`.

    Args:
        args: Words of the command line; default those of this process.
    """
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
                trainer_defaults={"enable_model_summary": False},
                parser_class=TrainParser,
                load_from_checkpoint_support=False,
            )
    except BaseException as error:
        # A run that fails ends as failed, and does not swallow the records of the next one in the same process.
        wandb: Any = sys.modules.get("wandb")
        if wandb is not None and wandb.run is not None:
            with suppress(Exception):
                wandb.finish(exit_code=1)
        if isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt):
            raise SystemExit(130) from error  # Lightning leaves with 1
        if isinstance(error, SIGTERMException):
            raise SystemExit(143) from error  # Lightning leaves with 0
        if isinstance(error, MisconfigurationException):
            raise ValueError(f"expected settings that the trainer takes, got others: {error}") from error
        raise
    finally:
        if own:
            os.environ.pop(RUN_ID, None)
