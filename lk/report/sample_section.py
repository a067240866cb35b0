"""Section of a report: the strongest interactions of some samples at the output, and of one sample layer by layer."""

from collections.abc import Sequence

from lk import charts
from lk.extraction import Samples
from lk.pages.page import Gallery, Section
from lk.studies.extraction_averages import ExtractionAverages
from lk.text import short

LONGEST = 60  # characters of a name in a title


def sample_section(extraction: ExtractionAverages, gallery: Gallery, suffix: str, prefix: str) -> Section:
    """Two figures, on the images themselves, or as ranked bars where players have names."""
    section, samples = Section(f"The strongest interactions on the samples{suffix}"), extraction.samples
    along = extraction.strongest["layers"]
    subject = int(along["image"].iloc[0]) if len(along) else 0
    label, shown, every = (
        samples.classes[samples.y.tolist()[subject]],
        along["layer"].nunique(),
        extraction.final.layers,
    )
    whole = "" if short(label, LONGEST) == label else f", of class {label}"
    what = "Numbers are effects on the score; a plus speaks for the class."
    figures = (
        ("samples", "Strongest interactions at the output", f"The five strongest of some samples. {what}"),
        (
            "layers",
            f"Strongest interactions of one sample, layer by layer: {short(label, LONGEST)}",
            f"Sample no. {int(samples.index[subject])} of the test split{whole}, read at {shown} of {len(every)} "
            f"layers. {what}",
        ),
    )
    for name, title, caption in figures:
        frame = extraction.strongest[name]
        if not len(frame):
            continue
        if samples.x.ndim == 4 and samples.x.shape[1] in (1, 3):
            owners, reference = samples.owner[:, 0].numpy(), f"{prefix}{name}"
            chart = charts.image_tiles(frame, samples.x.numpy(), owners, reference, extraction.unit)
            extra = " Outlined patches are the players of an interaction; all others are paled."
        else:
            chart = charts.effect_bars(frame, [samples.names(i) for i in range(len(samples.y))], extraction.unit)
            extra = ""
        if samples.words:
            extra += f" {players_of(samples, sorted(set(frame['image'])))}"
        gallery.hang(section, f"{prefix}strongest-{name}", title, caption + extra, chart)
    return section


def players_of(samples: Samples, shown: Sequence[int]) -> str:
    """The words that are players in each of the shown sentences."""
    return "Players: " + "; ".join(f"no. {int(samples.index[i])}: {', '.join(samples.words[i])}" for i in shown) + "."
