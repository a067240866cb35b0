"""First sections of a comparison: the answer in one figure, the same sample in every network, how they were trained."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lk import charts
from lk.extraction.tables import intermediate
from lk.games import OUTPUT
from lk.metrics.intervals import LEVEL
from lk.pages.page import Gallery, Section
from lk.studies.alignment import Aligned
from lk.studies.averages import BOTH
from lk.studies.naming import seed_of
from lk.studies.run_facts import architecture, arguments, highest_order, parameters
from lk.studies.same_sample import shown_runs, shown_samples, side_by_side
from lk.studies.unequal_training import Trained
from lk.text import epochs, number, percent

DEPTH = "relative depth (0: first layer read, 1: output)"
EPOCH = "epoch of the checkpoint"
Lines = Mapping[str, Sequence[int]]


def panel(frame: pd.DataFrame, title: str, xlabel: str, ylabel: str, x: str) -> pd.DataFrame:
    """A table as the panel of a figure."""
    return frame.assign(panel=title, xlabel=xlabel, ylabel=ylabel, x=frame[x])


def note_of(aligned: Aligned, lines: Lines) -> str:
    """What stands behind the numbers of every figure."""
    n = f"n = {len(aligned.kept)} samples"
    if len(lines) == len(aligned.members):
        return f"{n}, whiskers: 95 % intervals"
    return f"{n}, bands: 95 % intervals over samples and seeds, thin lines: single runs"


class Figures:
    """Hangs the figures of a comparison, all with the same lines.

    Args:
        aligned: The runs.
        lines: Name and runs of each line.
        gallery: Where figures are kept.
        unequal: Lines that were trained less than others.
    """

    def __init__(self, aligned: Aligned, lines: Lines, gallery: Gallery, unequal: Mapping[str, str]) -> None:
        self.aligned, self.lines, self.gallery, self.unequal = aligned, lines, gallery, unequal
        self.note = note_of(aligned, lines)

    def hang(
        self,
        section: Section,
        name: str,
        title: str,
        caption: str,
        parts: list[pd.DataFrame],
        columns: int = 3,
        note: str | None = None,
        log: bool = False,
    ) -> None:
        """Draw panels of lines."""
        frame = pd.concat(parts, ignore_index=True)
        chart = charts.run_lines(
            frame, list(self.lines), columns, self.note if note is None else note, self.unequal, log
        )
        self.gallery.hang(section, name, title, caption, chart)


def start_section(figures: Figures, tables: Mapping[str, pd.DataFrame]) -> Section:
    """What, where and when in one figure."""
    aligned, lines = figures.aligned, figures.lines
    what = "network" if len(lines) == len(aligned.members) else "architecture"
    section = Section(f"Which {what} learns what, where and when")
    layers, orders = tables["layers"], tables["orders"]
    top = highest_order(aligned.final[0].n_players)
    share = orders[(orders["kind"] == BOTH) & (orders["quantity"] == "share") & orders["order"].between(1, top)]
    complete = layers[layers["last"] & (layers["quantity"] == "completeness")]
    held = layers[(layers["quantity"] == "held") & (layers["layer"] == OUTPUT)]
    parts = [
        panel(share, "What: by order", "order (number of players)", "share of the output's strength", "order"),
        panel(complete, "Where: by depth", DEPTH, "share of the output's strength", "depth"),
        panel(held, "When: over training", EPOCH, "share of the final strength", "epoch"),
    ]
    figures.hang(
        section,
        "what-where-when",
        f"What, where and when, {what} by {what}",
        "Left: how the salient strength of the finished output is divided among interactions of one, two and more "
        "players. Middle: how much of it each layer of the finished network holds. Right: how much of it the output "
        f"holds at earlier checkpoints. Measured on the {len(aligned.kept)} samples that all {len(aligned.members)} "
        f"finished networks classify correctly, of {len(aligned.common)} that all explain.",
        parts,
    )
    found = tables["sentences"]
    shown = found[(found["p_holm"] < LEVEL) & ~found["marked"]]
    section.text.append(
        f"{len(shown)} of {len(found)} differences are shown after Holm's correction. "
        "All stand below, with their evidence."
    )
    return section


def sample_section(figures: Figures, unit: str) -> Section:
    """The same sample in every network, side by side."""
    aligned, section = figures.aligned, Section("The same sample in each network")
    runs, samples = shown_runs(figures.lines, aligned), aligned.samples
    for shown in shown_samples(aligned, runs):
        effects = side_by_side(aligned, runs, shown.sample)
        if not len(effects):
            continue
        index, name = int(samples.index[shown.sample]), f"sample-{shown.what.replace(' ', '-')}"
        if samples.x.ndim == 4 and samples.x.shape[1] in (1, 3):
            owners = samples.owner[:, 0].numpy()
            chart = charts.image_tiles(effects, samples.x.numpy(), owners, name, unit)
            extra = " Outlined patches are the players of an interaction; all others are paled."
        else:
            chart = charts.effect_bars(effects, [samples.names(i) for i in range(len(samples.y))], unit)
            extra = f" Players: {', '.join(samples.words[shown.sample])}." if samples.words else ""
        figures.gallery.hang(
            section,
            name,
            f"Sample no. {index} of class {samples.classes[int(samples.y[shown.sample])]}, {shown.what} of all",
            "The strongest interactions at the output of one network of each kind, that of the lowest seed. A plus "
            f"speaks for the class.{extra} On this sample the networks' salient sets are {shown.what}: mean "
            f"intersection over union {number(shown.iou)}.",
            chart,
        )
    return section


def training_section(
    figures: Figures, trained: Mapping[str, Trained], curves: pd.DataFrame, probes: pd.DataFrame
) -> Section:
    """How each line was trained, and how accurate it is."""
    aligned, lines, unequal = figures.aligned, figures.lines, figures.unequal
    section, rows = Section("How they were trained"), []
    for line, places in lines.items():
        run, own = aligned.members[places[0]].run, trained[line]
        size = parameters(run)
        rows.append(
            (
                line,
                len(places),
                f"{size:,}" if size else "–",
                arguments(run.config.get("optimizer")),
                ranged([epochs(value) for value in own.epochs]),
                accuracy_cell(own),
                f"‡ {unequal[line]}" if line in unequal else "–",
            )
        )
    header = (
        "network",
        "runs",
        "parameters",
        "optimiser",
        "epochs",
        "test accuracy: mean (lowest to highest)",
        "unequal",
    )
    section.table(header, rows, "Optimiser and parameters of the first run of each line.")
    parts = []
    if len(curves):
        parts.append(panel(curves, "Test accuracy", "epoch", "test accuracy", "epoch"))
    if len(probes):
        parts.append(panel(probes, "Probe accuracy by depth", DEPTH, "test accuracy", "depth"))
    if parts:
        several = len(lines) < len(aligned.members)
        ends = "Bands: Student's t over the runs." if several else "Whiskers: 95 % Wilson intervals over test samples."
        figures.hang(
            section,
            "accuracy",
            "Accuracy",
            "Left: the network on the test split at the end of each epoch. Right: the linear classifier of each layer "
            f"of the finished network; the output is the network itself. {ends} Dashed: chance.",
            parts,
            len(parts),
            note="",
        )
    return section


def ranged(words: Sequence[str]) -> str:
    """One word where both ends are the same, else the range."""
    return words[0] if words[0] == words[-1] else f"{words[0]} to {words[-1]}"


def accuracy_cell(own: Trained) -> str:
    """Mean test accuracy, its range over runs, and the number of test samples."""
    if own.accuracy is None:
        return "–"
    low, mean, high = own.accuracy
    over = f"; {own.samples:,} samples" if own.samples else ""
    spread = f" ({ranged([number(100 * low, 1), number(100 * high, 1)])}{over})" if low < high or over else ""
    return (
        f"{percent(mean)}{spread}" if low < high else f"{percent(mean)}{f' ({own.samples:,} samples)' if over else ''}"
    )


def runs_section(aligned: Aligned) -> Section:
    """Every run by its name, with its folder."""
    section = Section("All runs")
    rows = [
        (
            member.name,
            member.id,
            architecture(member.run),
            seed_of(member.run),
            epochs(member.final.epoch),
            percent(member.accuracy[0]) if member.accuracy else "–",
            ", ".join(member.final.layers),
            intermediate(member.final.layers),
        )
        for member in aligned.members
    ]
    header = ("name", "run", "network", "seed", "epochs", "test accuracy", "layers read", "intermediate layer")
    section.table(header, rows)
    return section
