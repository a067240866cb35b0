"""The commands: `train.py`, `probe.py` and `analyze.py` call the functions here."""

import datetime
import os
import re
import secrets
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import yaml
from jsonargparse import Namespace
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

from lk.callbacks import SeedEpochs
from lk.data import Data
from lk.extraction import Extraction
from lk.files import writing
from lk.layers import nearest
from lk.loggers import Wandb
from lk.progress import forecast, progress, say
from lk.runs import Run, build
from lk.studies.checkpoint import probe_checkpoint, read_checkpoint, write_tables
from lk.tasks import Classification


class TrainCLI(LightningCLI):
    """LightningCLI with a run folder: `runs/<id>` holds everything that a run makes."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Run id and folder; class count and input shape flow from the data to the network."""
        parser.add_argument("--id", type=str | None, default=None, help="Run id, also that of the W&B run; default: data, network, date.")
        parser.add_argument("--runs_dir", type=str, default="runs", help="Folder that holds all runs.")
        parser.add_argument("--report", type=bool, default=True, help="Write report.html at the end.")
        parser.link_arguments("data.num_classes", "model.network.init_args.num_classes", apply_on="instantiate")
        parser.link_arguments("data.input_shape", "model.network.init_args.input_shape", apply_on="instantiate")

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Training is the only task of this command."""
        return {"fit": {"model", "train_dataloaders", "val_dataloaders", "datamodule"}}

    def before_instantiate_classes(self) -> None:
        """Choose and reserve the run folder; fill it into trainer and logger."""
        config = self.config["fit"]
        if not config.id:
            parts = [config.data.class_path, config.model.network.class_path]
            stem = "-".join(part.rsplit(".", 1)[-1].lower() for part in parts)
            config.id = f"{stem}-{datetime.datetime.now(datetime.UTC):%m%d-%H%M%S}-{secrets.token_hex(2)}"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", config.id):
            raise ValueError(f"Given id={config.id!r}; expected up to 128 letters, digits, '-', '_' and '.', as it names a folder and a W&B run.")
        folder = Path(config.runs_dir) / config.id
        if (folder / "config.yaml").is_file() and not config.ckpt_path:
            raise ValueError(
                f"Run {config.id!r} exists already in {folder}. Choose another --id, resume it with --ckpt_path last, or delete the folder."
            )
        if config.ckpt_path == "last" and not (folder / "checkpoints" / "last.ckpt").is_file():
            if not (folder / "config.yaml").is_file():
                raise ValueError(f"--ckpt_path last needs the --id of the run to resume; there is no run in {folder}.")
            say(f"Run {config.id!r} was stopped before its first epoch ended; it starts again.")
            config.ckpt_path = None
        elif config.ckpt_path == "last":
            config.ckpt_path = str(folder / "checkpoints" / "last.ckpt")
        self.folder = folder
        config.trainer.default_root_dir = str(folder)
        logger = config.trainer.logger
        if logger is None or logger is True:
            config.trainer.logger = logger = Namespace(class_path="lk.loggers.Wandb", init_args=Namespace())
        for entry in logger if isinstance(logger, list) else [logger]:
            if isinstance(entry, Namespace) and entry.class_path == "lk.loggers.Wandb":
                entry.init_args.id, entry.init_args.save_dir = config.id, str(folder)

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Add what every run needs: epoch seeds, and a checkpoint to resume from at the end of each epoch."""
        seed = self._get(self.config, "seed_everything")
        self.folder.mkdir(parents=True, exist_ok=True)
        # weights_only loading of the resume point needs nothing but tensors and plain values in it.
        resume = ModelCheckpoint(self.folder / "checkpoints", save_top_k=0, save_last=True, enable_version_counter=False, save_on_train_epoch_end=True)
        self.trainer_defaults = {**self.trainer_defaults, "callbacks": [SeedEpochs(int(seed or 0)), resume]}
        return super().instantiate_trainer(**kwargs)

    def after_instantiate_classes(self) -> None:
        """The seed decides the order of batches; the configuration is stored before the first step."""
        self.datamodule.order_seed = int(self._get(self.config, "seed_everything") or 0)
        config = yaml.safe_load(self.parser.dump(self.config, skip_none=False))["fit"]
        with writing(self.folder / "config.yaml") as temporary:
            temporary.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
        for logger in self.trainer.loggers:
            logger.log_hyperparams(config)

    def after_fit(self) -> None:
        """Tables and report from the files of the run."""
        run = Run(self.folder)
        for name in run.extractions:
            write_tables(run, name)
        say(f"Run {run.id} is in {run.path}.")
        if self._get(self.config, "report"):
            from lk.report import write_report

            say(f"Report: {write_report([run])}")
        for logger in self.trainer.loggers:
            logger.finalize("success")
            if isinstance(logger, Wandb):
                import wandb

                wandb.finish()
                say(f"W&B, in the terminal: wandb leet {run.path / 'wandb'}")


def train(args: Sequence[str] | None = None) -> TrainCLI:
    """`train.py fit --config configs/digits.yaml`."""
    return TrainCLI(
        Classification,
        Data,
        args=list(args) if args is not None else None,  # type: ignore[arg-type]
        subclass_mode_data=True,
        save_config_callback=None,
        seed_everything_default=0,
        parser_kwargs={"fit": {"allow_abbrev": False}, "allow_abbrev": False},
        load_from_checkpoint_support=False,
    )
