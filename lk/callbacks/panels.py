"""The six figures of an extraction at one checkpoint: what draws each, and its caption."""

from collections.abc import Callable, Mapping

import pandas as pd
from matplotlib.figure import Figure

from lk import plots
from lk.extraction import Samples
from lk.interactions import Interactions
from lk.loggers.keys import EXTRACTION_FIGURES, key
from lk.plots.style import WIDTH, spread, styled
from lk.studies.low_signal import low_signal, marked
from lk.studies.ranking import strongest_of
from lk.text import epochs, short

SUBJECT = 0  # position of the sample that is shown, the same at every checkpoint
MOST_ROWS, MOST_EFFECTS = 3, 4  # its layers and interactions

Panels = Mapping[str, tuple[Callable[[], Figure], str]]


def panels(
    found: Interactions,
    means: dict[str, pd.DataFrame],
    games: pd.DataFrame,
    probes: pd.DataFrame | None,
    samples: Samples,
    name: str,
    unit: str,
) -> Panels:
    """Key to what draws the figure and its caption; without probes there is no figure of them.

    Args:
        found: The interactions of the checkpoint.
        means: Its averages with intervals, see `lk.studies.averages.averages`.
        games: Its table of games.
        probes: The table of probes up to this checkpoint.
        samples: The samples that are explained.
        name: Name of the extraction.
        unit: Unit of the score.
    """
    doubt = low_signal(games, None if probes is None else probes[probes["step"] == found.step])
    shown = {quantity: marked(frame, doubt) for quantity, frame in means.items()}
    at = f"epoch {epochs(found.epoch)}"
    drawn: list[tuple[Callable[[], Figure], str]] = [
        (
            lambda: plots.layer_ratios(shown["shares"], f"Completeness and redundancy by layer, {at}"),
            "What of the output's salient strength a layer holds already, and what of its own the output lacks.",
        ),
        (
            lambda: plots.signed_strength(shown["strengths"], f"Strength by order and sign, {at}"),
            "Positive effects speak for the class, negative ones against it.",
        ),
        (
            lambda: plots.salient_count(shown["counts"], f"Salient interactions per sample, {at}"),
            "Effects above the salience line, AND and OR.",
        ),
        (
            lambda: plots.change(shown["shares"], f"Kept, newly emerged and forgotten, {at}"),
            "Salient strength by order, against the layer before and against the checkpoint before.",
        ),
        (
            lambda: sample_figure(found, samples, doubt, unit, at),
            f"The strongest interactions of sample no. {int(found.indices[SUBJECT])}, the same at every checkpoint.",
        ),
    ]
    if probes is not None:
        accuracies = marked(probes, doubt)
        drawn.append(
            (
                lambda: plots.layer_probes(accuracies, f"Probe accuracy by layer, {at}"),
                "Test accuracy of a linear classifier on each layer, against always naming the most frequent class.",
            )
        )
    names = [key("figures", figure, extraction=name) for figure in EXTRACTION_FIGURES]
    return {figure: (draw, f"{at}. {caption}") for figure, (draw, caption) in zip(names, drawn, strict=False)}


@styled
def sample_figure(found: Interactions, samples: Samples, doubt: pd.DataFrame, unit: str, at: str) -> Figure:
    """The strongest interactions of one sample at a few layers, on the image itself where there is one."""
    layers = spread(found.layers, MOST_ROWS)
    frame = strongest_of(found, [(layer, layer, SUBJECT) for layer in layers], MOST_EFFECTS)
    frame = marked(frame, doubt)
    if samples.x.ndim == 4 and samples.x.shape[1] in (1, 3) and len(frame):
        figure = plots.on_images(frame, samples.x.numpy(), samples.owner[:, 0].numpy(), unit)
    elif len(frame):
        figure = plots.ranked_effects(frame, [samples.names(i) for i in range(len(samples.y))], unit)
    else:
        figure = Figure(figsize=(WIDTH, 1.0), layout="constrained")
        figure.text(0.02, 0.3, "All effects of this sample are 0.")
    label = short(samples.classes[int(samples.y[SUBJECT])], 40)
    title = f"Sample no. {int(found.indices[SUBJECT])} ({label}), {at}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    return figure
