"""Pictures to every logger that takes them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from PIL import Image
from pytorch_lightning.loggers import CometLogger, CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from lk.console import say
from lk.loggers.checkpoints import log_checkpoint
from lk.loggers.guard import LOST, attempt
from lk.storage.files import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOLD: WeakSet[Logger] = WeakSet()  # loggers without pictures, of which the user knows
DPI = 100


def takes_figures(logger: Logger) -> bool:
    """Whether a logger takes pictures now: not a W&B run that is disabled, nor a logger that failed.

    Of a logger of another kind the user is told once that it gets numbers alone.
    """
    if logger in LOST:
        return False
    if isinstance(logger, WandbLogger):
        return attempt(logger, lambda: logger.experiment.disabled) is False
    if isinstance(logger, (TensorBoardLogger, MLFlowLogger, CometLogger, CSVLogger)):
        return True
    if logger not in TOLD:
        TOLD.add(logger)
        say(f"The logger {type(logger).__name__} takes no pictures; it gets the numbers. The report has the figures.")
    return False


def log_figure(loggers: Iterable[Logger], key: str, figure: "Figure", caption: str, epoch: float, step: int) -> None:
    """Send one picture to every logger that takes one.

    W&B gets an Image whose axis is the epoch, TensorBoard and Comet an image at the step, MLflow an artifact,
    and the folder of a CSV logger the file `<key>/epoch=0001.250.png`.

    Args:
        loggers: Any Lightning loggers; those that take no pictures are left out.
        key: The same at every checkpoint.
        figure: Drawn once for all of them.
        caption: A sentence below the picture, where the logger has room for one.
        epoch: Epochs trained, may be a fraction.
        step: Global step.
    """
    chosen = [logger for logger in loggers if takes_figures(logger)]
    if not chosen:
        return
    from lk.plots.style import figure_image  # matplotlib is loaded where a figure is drawn

    pixels = figure_image(figure, DPI)
    file = f"{key}/epoch={epoch:08.3f}.png"
    for logger in chosen:
        if isinstance(logger, WandbLogger):
            import wandb

            log_checkpoint(logger, {key: wandb.Image(pixels, caption=caption)}, epoch, step)
        else:
            attempt(logger, send, logger, key, file, pixels, step)


def send(logger: Logger, key: str, file: str, pixels: Any, step: int) -> None:
    """Give a picture to a logger that is not W&B's."""
    if isinstance(logger, TensorBoardLogger):
        logger.experiment.add_image(key, pixels, global_step=step, dataformats="HWC")
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_image(logger.run_id, pixels, artifact_file=file)
    elif isinstance(logger, CometLogger):
        logger.experiment.log_image(pixels, name=key, step=step)
    elif isinstance(logger, CSVLogger):
        with writing(Path(logger.log_dir) / file) as path:
            Image.fromarray(pixels).save(path, "png", compress_level=1)


def log_figures(
    loggers: Sequence[Logger], figures: Mapping[str, tuple[Callable[[], "Figure"], str]], epoch: float, step: int
) -> None:
    """Draw the figures of one checkpoint and send them; nothing is drawn where no logger takes pictures.

    Args:
        loggers: Any Lightning loggers.
        figures: By key, what draws the figure, and its caption.
        epoch: Epochs trained, may be a fraction.
        step: Global step.
    """
    chosen = [logger for logger in loggers if takes_figures(logger)]
    for key, (draw, caption) in figures.items() if chosen else ():
        figure = draw()
        log_figure(chosen, key, figure, caption, epoch, step)
