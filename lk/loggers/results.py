"""What a finished run has made, for loggers that keep files: model, interactions, report."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CometLogger, Logger, MLFlowLogger, WandbLogger

from lk.loggers.guard import attempt
from lk.loggers.keys import DEFAULT, plain
from lk.runs import Run, step_name


def log_results(loggers: Iterable[Logger], run: Run, report: Path | None) -> None:
    """Send the results of a run: to W&B as artifacts, the report also as a page; to MLflow and Comet the report.

    W&B's artifacts name what they were made from in their metadata. Their files are read where they lie in the run
    folder, and not copied.

    Args:
        loggers: Any Lightning loggers.
        run: The finished run.
        report: Its report; none where none was written.
    """
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            attempt(logger, to_wandb, logger, run, report)
        elif isinstance(logger, MLFlowLogger) and report is not None:
            attempt(logger, lambda own=logger: own.experiment.log_artifact(own.run_id, str(report)))
        elif isinstance(logger, CometLogger) and report is not None:
            attempt(logger, lambda own=logger: own.experiment.log_asset(str(report)))


def to_wandb(logger: WandbLogger, run: Run, report: Path | None) -> None:
    """Artifacts `<id>-model`, `<id>-interactions` and `<id>-report`, and the page under the key `report`."""
    import wandb

    if logger.experiment.disabled:
        return
    if report is not None:
        logger.experiment.log({"report": wandb.Html(str(report), inject=False)})
    every: Any = logger._log_model
    for step, path in list(run.checkpoints.items())[0 if every == "all" else -1 :] if every else ():
        artifact = wandb.Artifact(f"{run.id}-model", type="model", metadata={"step": step})
        artifact.add_file(str(path), name="model.ckpt", policy="immutable")
        logger.experiment.log_artifact(artifact, aliases=["latest", step_name(step)])
    if getattr(logger, "artifacts", True):
        for artifact in (*interactions(run), *([] if report is None else [page(run, report)])):
            logger.experiment.log_artifact(artifact)


def interactions(run: Run) -> Iterator[Any]:
    """One artifact per extraction: the interactions of every checkpoint, and the settings."""
    import wandb

    for name, folder in run.extractions.items():
        files = run.extracted(name)
        made = {"extraction": name, "made_from": [f"{run.id}-model"], "steps": list(files)}
        artifact = wandb.Artifact(interactions_name(run, name), type="interactions", metadata=made)
        for path in files.values():
            # Not copied: W&B would stage copies in the user's home, outside the run folder.
            artifact.add_file(str(path), name=f"{path.parent.name}/{path.name}", policy="immutable")
        artifact.add_file(str(folder / "settings.yaml"), policy="immutable")
        yield artifact


def page(run: Run, report: Path) -> Any:
    """The report as an artifact."""
    import wandb

    made = [interactions_name(run, name) for name in run.extractions] or [f"{run.id}-model"]
    artifact = wandb.Artifact(f"{run.id}-report", type="report", metadata={"made_from": made})
    artifact.add_file(str(report), name="report.html", policy="immutable")
    return artifact


def interactions_name(run: Run, extraction: str) -> str:
    """Name of the artifact of an extraction."""
    return f"{run.id}-interactions" + ("" if extraction == DEFAULT else f"-{plain(extraction)}")
